"""The explorable of slide 9: one digit row by row, what z_t adds, and how it could go on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error
from course_lib.figures.variational_rnn import linear

__all__ = ["row_by_row"]

ROWS, COLUMNS, SHOWN, DRAWS = 8, 8, 8, 4
EDGE = 8.0  # half the width of the plane of z; every ellipse of every digit fits
TOP = 1.5  # nats: where the bars of the KL end
WIDTHS = (1.1, 1.4, 1.4, 1.0)
UNSEEN = 0.35  # brightness of future rows
StepFunction = Callable[..., Any]


class _Walk(NamedTuple):
    """The model's terms for one digit, with one row for every step."""

    prior: Tensor
    posterior: Tensor
    z: Tensor
    kl: Tensor
    log_px: Tensor
    states: Tensor


def row_by_row(
    vrnn_step: StepFunction | None = None, dream: StepFunction | None = None
) -> LiveFigure:
    """Return the figure in which time is a slider, over the rows of a digit.

    Args:
        vrnn_step: your own (x, h, eps, w_prior, w_posterior, w_x, w_h) -> (prior, posterior, z,
            logits, h_next); None for the library's. With your own, ellipses and bars are yours, and
            the dashed marks are the library's.
        dream: your own (h, eps, uniforms, w_prior, w_x, w_h) -> bits; None for the library's.

    Returns:
        The figure, opened in the middle of a digit.
    """
    return _RowByRow(vrnn_step, dream).live


class _RowByRow:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, step: StepFunction | None, dream: StepFunction | None) -> None:
        self.step, self.dream = step, dream
        self.weights, self.digits = linear.trained()
        draw = torch.Generator().manual_seed(0)
        z_dim = self.weights.w_prior.shape[0] // 2
        self.eps = torch.randn(ROWS, 1, z_dim, generator=draw)
        self.noise = torch.randn(DRAWS, SHOWN, ROWS, z_dim, generator=draw)
        self.uniforms = torch.rand(DRAWS, SHOWN, ROWS, COLUMNS, generator=draw)
        self.library = [self._walk(x, linear.vrnn_step) for x in self.digits]
        figure, axes = style.new_figure(columns=4, width=8.8, height=3.2, width_ratios=WIDTHS)
        self._draw(*axes)
        controls = (
            Choice("digit", tuple(range(10)), 4, "digit"),
            Slider("t", 1, ROWS, 1, 4, "row t"),
            Slider("draw", 1, DRAWS, 1, 1, "noise of the future"),
        )
        plane = (*self.curves, self.point)
        moving = (self.digit, self.edge, *plane, self.now, self.sheet)
        artists = (*moving, *self.bars, *self.dashed)
        alt = (
            "From left to right: the rows of a digit that are seen so far; the plane of z with the"
            " prior and the posterior of this row as ellipses of two standard deviations; a bar of"
            " the KL for every row; eight continuations drawn from the model."
        )
        follows = {
            "digit": [artist for artist in artists if artist is not self.edge],
            "t": moving,
            "draw": (self.sheet,),
        }
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, digit: int, t: int, draw: int) -> str:
        """Show the digit up to row t, its z_t and a few futures; return the nats."""
        x, library = self.digits[digit], self.library[digit]
        mine, complaint = self._own(self.step, lambda: self._walk(x, self.step), library)
        self._show_digit(x, t)
        self._show_plane(mine, library, t)
        self._show_bars(mine, library, t)
        futures, trouble = self._futures(mine, digit, t, draw)
        self.sheet.set_data(_sheet(futures))
        total = float(mine.log_px.sum() - mine.kl.sum())
        far = (mine.kl - library.kl).abs().max() > 1e-3
        told = "\nyour KL differs from the library's (dashed)" if far and not complaint else ""
        return (
            f"row {t}: KL {_n(mine.kl[t - 1])}, log p(row) {_n(mine.log_px[t - 1])} nats;"
            f" futures of draw {draw} have {float(futures[:, t:].mean()) if t < ROWS else 0:.0%}"
            f" ink below\nall rows: KL {_n(mine.kl.sum())}, ELBO {_n(total)} nats, from one draw"
            f"{complaint}{told}{trouble}"
        )

    def _walk(self, x: Tensor, step: StepFunction) -> _Walk:
        """Return the terms along one digit, with z drawn from q by the figure's fixed noise."""
        h, found = linear.first_state(1, self.weights), []
        for row, eps in zip(x, self.eps, strict=True):
            prior, posterior, z, logits, after = step(row[None], h, eps, *self.weights)
            kl = linear.gaussian_kl(posterior, prior)
            log_px = -(torch.nn.functional.softplus((1 - 2 * row) * logits)).sum(-1)
            found.append((prior, posterior, z, kl[:, None], log_px[:, None], after))
            h = after
        return _Walk(*(torch.cat(parts).squeeze(-1) for parts in zip(*found, strict=True)))

    def _own(self, function: StepFunction | None, call: Callable[[], Any], other: Any) -> tuple:
        """Return the result of the reader's function, or the library's and what went wrong."""
        if function is None:
            return other, ""
        try:
            return call(), ""
        except Exception as error:
            return other, f"\n{explain_error(error)}; the library's is shown"

    def _futures(self, walk: _Walk, digit: int, t: int, draw: int) -> tuple[Tensor, str]:
        """Return eight digits that share the rows up to t."""
        x = self.digits[digit].expand(SHOWN, -1, -1)
        if t == ROWS:
            return x, ""
        h = walk.states[t - 1].expand(SHOWN, -1)
        noise = self.noise[draw - 1, :, t:], self.uniforms[draw - 1, :, t:]
        arguments = h, *noise, self.weights.w_prior, self.weights.w_x, self.weights.w_h
        rest, trouble = self._own(
            self.dream,
            lambda: self.dream(*arguments).reshape(SHOWN, ROWS - t, COLUMNS).float(),
            linear.dream(*arguments),
        )
        return torch.cat((x[:, :t], rest), 1), trouble

    def _show_digit(self, x: Tensor, t: int) -> None:
        seen = x.clone()
        seen[t:] = UNSEEN
        self.digit.set_data(seen.numpy())
        self.edge.set_data(
            [-0.5, 7.5, 7.5, -0.5, -0.5], [t - 1.5, t - 1.5, t - 0.5, t - 0.5, t - 1.5]
        )

    def _show_plane(self, mine: _Walk, library: _Walk, t: int) -> None:
        pairs = (mine.prior, mine.posterior, library.prior, library.posterior)
        for curve, parameters in zip(self.curves, pairs, strict=True):
            curve.set_data(*_ellipse(parameters[t - 1]))
        self.point.set_data(*(mine.z[t - 1, i : i + 1] for i in (0, 1)))

    def _show_bars(self, mine: _Walk, library: _Walk, t: int) -> None:
        for i, (bar, line) in enumerate(zip(self.bars, self.dashed, strict=True)):
            bar.set_height(min(float(mine.kl[i]), TOP))
            line.set_ydata([min(float(library.kl[i]), TOP)] * 2)
        self.now.set_x(t - 0.35)
        self.now.set_height(min(float(mine.kl[t - 1]), TOP))

    def _draw(self, left: Axes, plane: Axes, bars: Axes, right: Axes) -> None:
        grey = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        self.digit = left.imshow(np.zeros((ROWS, COLUMNS)), **grey)
        (self.edge,) = left.plot([], [], color=style.DATA, lw=2, clip_on=False)
        left.set(
            title="rows seen", xticks=[], yticks=range(8), yticklabels=range(1, 9), ylabel="row"
        )
        self._draw_plane(plane)
        places = range(1, ROWS + 1)
        self.bars = list(bars.bar(places, [1.0] * ROWS, 0.7, color=style.KL, alpha=0.45))
        (self.now,) = bars.bar([1], [1.0], 0.7, color=style.KL)
        looks: dict[str, Any] = {"color": style.NEUTRAL, "ls": "--", "lw": 1.5}
        self.dashed: list[Line2D] = [
            bars.plot([i - 0.45, i + 0.45], [0, 0], visible=self.step is not None, **looks)[0]
            for i in places
        ]
        bars.set(
            title="KL of each row", xlabel="row t", ylabel="nats", xticks=places, ylim=(0, TOP)
        )
        self.sheet = right.imshow(np.zeros((35, 17)), **grey)
        right.set_title("futures", fontsize=10)
        right.set_axis_off()
        for axes in (left, bars):
            axes.title.set_fontsize(10)

    def _draw_plane(self, plane: Axes) -> None:
        self.curves: list[Line2D] = []
        for colour, dashes, label in (
            (style.P, "-", "prior p"),
            (style.Q, "-", "posterior q"),
            (style.NEUTRAL, "--", None),
            (style.NEUTRAL, "--", None),
        ):
            shown = label is not None or self.step is not None
            self.curves += plane.plot(
                [], [], dashes, color=colour, label=label, visible=shown, lw=2
            )
        (self.point,) = plane.plot([], [], "o", ms=5, color="black", label="$z_t$, drawn from q")
        plane.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xlabel="$z_1$", ylabel="$z_2$")
        plane.set(xticks=(-6, 0, 6), yticks=(-6, 0, 6))
        plane.set_aspect("equal")
        plane.figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)


def _ellipse(parameters: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the ellipse of two standard deviations of a Gaussian (mu, log_scale) in the plane."""
    angle = np.linspace(0, 2 * math.pi, 61)
    mu, scale = parameters[:2].numpy(), parameters[2:].exp().numpy()
    return mu[0] + 2 * scale[0] * np.cos(angle), mu[1] + 2 * scale[1] * np.sin(angle)


def _sheet(images: Tensor) -> np.ndarray:
    """Return eight digits in two columns, grey lines between them: (35, 17)."""
    framed = torch.full((4, 2, ROWS + 1, COLUMNS + 1), UNSEEN)
    framed[..., :ROWS, :COLUMNS] = images.reshape(4, 2, ROWS, COLUMNS)
    return framed.transpose(1, 2).reshape(4 * (ROWS + 1), -1)[:-1, :-1].numpy()


def _n(value: Tensor | float) -> str:
    return f"{float(value):.2f}"
