"""The explorable of slide 8: what two views say about z, as ellipses, and how to combine it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from course_lib.exact.two_experts import RULES, Combined, combine, cost
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["experts"]

Product = Callable[[Tensor, Tensor, Tensor], Any]
OBSERVED = {
    "both": [True, True],
    "grey alone": [True, False],
    "colour alone": [False, True],
    "neither": [False, False],
}
VAGUE = 0.25  # precision of a view in the direction that it hardly sees
HUE = 1.2  # where the colour view sees z_2
EDGE, SIDE, GAP = 3.2, 12, 1
ROWS, COLUMNS = 3, 3
NAMES = ((0, "grey"), (1, "colour"))


def experts(gaussian_product: Product | None = None) -> LiveFigure:
    """Return the figure in which two experts move, one may be missing, and a rule combines them.

    z_1 is the direction of a bar and z_2 its hue. The grey view sees the direction, the colour view
    the hue. Right: pictures decoded from draws of the combined distribution.

    Args:
        gaussian_product: your own (mu, log_scale, present) -> (mu, log_scale), from (1, 2, 2),
            (1, 2, 2) and bool (1, 2) to (1, 2) and (1, 2); None for the library's. With your own,
            the orange ellipse of the product is yours, and the library's is dashed.

    Returns:
        The figure, opened with both views present and multiplied.
    """
    return _Experts(gaussian_product).live


class _Experts:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, gaussian_product: Product | None) -> None:
        self.own = gaussian_product
        draws = torch.Generator().manual_seed(3)
        count = ROWS * COLUMNS
        self.uniform = (torch.randperm(count, generator=draws) + 0.5).double() / count
        self.noise = torch.randn(count, 2, generator=draws, dtype=torch.float64)
        figure, (left, right) = style.new_figure(
            columns=2, width=7.6, height=4.0, width_ratios=(1.25, 1)
        )
        self._draw_plane(left)
        self.image = right.imshow(_sheet(self.noise.numpy()), interpolation="none")
        right.set(xticks=[], yticks=[], title="decoded draws")
        right.title.set_fontsize(10)
        controls = (
            Slider("mean", -2.0, 2.0, 0.1, 1.0, "grey says z₁ =", page_step=1.5),
            Slider("grey", 0.25, 16.0, 0.25, 8.0, "grey's precision", page_step=7.75),
            Slider("colour", 0.25, 16.0, 0.25, 8.0, "colour's precision", page_step=7.75),
            Choice("observed", tuple(OBSERVED), "both", "observed"),
            Choice("rule", RULES, "product", "combined by"),
        )
        alt = (
            "Left: ellipses at one standard deviation of the prior, of what the grey view and the"
            " colour view say, and of what the rule makes of them, with the exact product dashed."
            " Right: bars whose direction and hue are decoded from draws."
        )
        common: list[Artist] = [*self.shown, self.exact, self.image]
        of_grey = [self.shown[0], self.exact, self.image]  # without the mixture's colour component
        follows = {
            "mean": [self.views[0], *of_grey],
            "grey": [self.views[0], *of_grey],
            "colour": [self.views[1], *common],
            "observed": [*self.views, *common],
            "rule": [*self.shown, self.image],
        }
        artists = (*self.views, *common)
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, mean: float, grey: float, colour: float, observed: str, rule: str) -> str:
        """Move the ellipses and decode the draws; return means, widths and the cost in numbers."""
        means = torch.tensor([[mean, 0.0], [0.0, HUE]], dtype=torch.float64)
        precisions = torch.tensor([[grey, VAGUE], [VAGUE, colour]], dtype=torch.float64)
        scales, present = precisions**-0.5, OBSERVED[observed]
        exact = combine(means, scales, present, "product")
        shown = combine(means, scales, present, rule)
        complaint = ""
        if self.own is not None and rule == "product":
            shown, complaint = self._own_product(means, scales, present, exact)
        for line, view, there in zip(self.views, (0, 1), present, strict=True):
            _move(line, means[view], scales[view])
            line.set_visible(there)
        _move(self.exact, exact.mean[0], exact.scale[0])
        for i, line in enumerate(self.shown):
            line.set_visible(i < len(shown.mean))
            component = min(i, len(shown.mean) - 1)
            _move(line, shown.mean[component], shown.scale[component])
        self.image.set_data(_sheet(shown.at(self.uniform, self.noise).numpy()))
        return _readout(exact, shown, precisions, present) + complaint

    def _own_product(
        self, means: Tensor, scales: Tensor, present: list[bool], exact: Combined
    ) -> tuple[Combined, str]:
        """Return the reader's product, or the exact one and a complaint about theirs."""
        try:
            there = torch.tensor([present])
            mu, log_scale = self.own(means[None].clone(), scales.log()[None].clone(), there)
            mine = Combined(
                exact.weight, mu.detach().reshape(1, 2), log_scale.detach().exp().reshape(1, 2)
            )
            if not (mine.mean.isfinite().all() and mine.scale.isfinite().all()):
                return exact, "\nyour function returned numbers that are not finite"
        except Exception as error:
            return exact, f"\n{explain_error(error)}; the ellipse is the library's"
        far = max(
            float((mine.mean - exact.mean).abs().max()),
            float((mine.scale - exact.scale).abs().max()),
        )
        return mine, "\nyour product differs from the library's (dashed)" if far > 1e-6 else ""

    def _draw_plane(self, axes: Axes) -> None:
        circle = np.linspace(0, 2 * math.pi, 121)
        axes.plot(np.cos(circle), np.sin(circle), color=style.P, lw=1.5, ls=":", label="prior p(z)")
        self.views = [
            axes.plot([], [], color=colour, lw=1.5, ls=look, label=label)[0]
            for colour, look, label in (
                (style.NEUTRAL, "-", "grey view"),
                (style.KL, "-.", "colour view"),
            )
        ]
        self.shown = [
            axes.plot([], [], color=style.Q, lw=3, label=label)[0]
            for label in ("combined q(z|x)", "_")
        ]
        (self.exact,) = axes.plot([], [], color="black", lw=1.5, ls="--", label="exact product")
        axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE))
        axes.set(xlabel="$z_1$: direction", ylabel="$z_2$: hue")
        axes.set_aspect("equal")
        axes.figure.legend(loc="outside upper left", ncols=5, frameon=False, fontsize=9)


def _move(line: Line2D, mean: Tensor, scale: Tensor) -> None:
    """Draw the ellipse at one standard deviation."""
    angle = np.linspace(0, 2 * math.pi, 121)
    line.set_data(
        float(mean[0]) + float(scale[0]) * np.cos(angle),
        float(mean[1]) + float(scale[1]) * np.sin(angle),
    )


def _sheet(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one picture of all draws: bars of direction z_1 and hue z_2, three in a row."""
    direction, hue = 0.6 * z[:, 0], 1.3 * z[:, 1]
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    across = x[None] * np.cos(direction)[:, None, None] + y[None] * np.sin(direction)[:, None, None]
    light = np.exp(-((across / 0.22) ** 2)) * (np.hypot(x, y) < 1)
    blue, red = 0.28 * np.cos(hue), 0.28 * np.sin(hue)
    chroma = np.stack([1.402 * red, -0.344136 * blue - 0.714136 * red, 1.772 * blue], 1)
    colour = np.clip(0.5 + chroma, 0, 1)  # equal luma: a grey copy says nothing about the hue
    bars = light[..., None] * colour[:, None, None]
    step = SIDE + GAP
    sheet = np.full((ROWS * step - GAP, COLUMNS * step - GAP, 3), 0.6)
    for i, bar in enumerate(bars):
        top, side = i // COLUMNS * step, i % COLUMNS * step
        sheet[top : top + SIDE, side : side + SIDE] = bar
    return sheet


def _readout(exact: Combined, shown: Combined, precisions: Tensor, present: list[bool]) -> str:
    """Return the exact product, the precisions that it adds up, and the cost of the rule."""
    parts = ["prior 1.00"]
    parts += [f"{name} {float(precisions[m, 0]):.2f}" for m, name in NAMES if present[m]]
    total = float(exact.scale[0, 0] ** -2)
    (x, y), (a, b) = exact.mean[0].tolist(), exact.scale[0].tolist()
    return (
        f"exact: mean ({_plain(x)}, {_plain(y)}), sd ({a:.2f}, {b:.2f});"
        f" precision of z₁: {' + '.join(parts)} = {total:.2f}\n"
        f"KL(exact, combined) = {_plain(cost(exact, shown), 3)} nats"
    )


def _plain(value: float, digits: int = 2) -> str:
    """Return a number without the sign that rounding may leave on a zero."""
    return f"{0.0 if abs(value) < 0.5 * 10**-digits else value:.{digits}f}"
