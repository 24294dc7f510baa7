"""The explorable of slides 3, 6 and 7: log p(x) = ELBO + KL(q(z|x), p(z|x)), moved by hand."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.exact.normal import log_normal
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.elbo_gap.planar_q import (
    BASE,
    LOG_PX,
    BoundAndGap,
    LogProb,
    PlanarMap,
    fitted_layers,
    is_fitted,
    log_joint,
    push,
    reference_planar,
    split,
)
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["LAYERS", "explorable"]

LAYERS = (0, 1, 2, 4)
FLOOR = -6.0
LINE = 0.3


def explorable(
    gaussian_log_prob: LogProb | None = None, planar: PlanarMap | None = None
) -> LiveFigure:
    """Return the figure in which q is moved against the posterior and the gap is read off.

    Args:
        gaussian_log_prob: your own (x, mu, log_scale) -> log-density, (n, 1) -> (n,); None for the
            library's. Your own function draws q, and the library's q is shown dashed.
        planar: your own (z, u, w, b) -> (f, log_det); None for the library's.

    Returns:
        The figure, opened at the best Gaussian that covers both peaks.
    """
    return _ElboGap(gaussian_log_prob, planar).live


class _ElboGap:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, gaussian_log_prob: LogProb | None, planar: PlanarMap | None) -> None:
        self.own = gaussian_log_prob is not None or planar is not None
        self.functions = (gaussian_log_prob or log_normal, planar or reference_planar)
        figure, (left, right) = style.new_figure(columns=2, width=7.2, width_ratios=(2.4, 1))
        self._draw_densities(left)
        self._draw_bars(right)
        figure.legend(loc="outside upper left", ncols=3, frameon=False)
        controls = (
            Slider("mu", -3.0, 3.0, 0.05, BASE[0], "mean μ", page_step=0.25),
            Slider("log_scale", -2.5, 0.7, 0.05, BASE[1], "log σ", page_step=0.2),
            Choice("layers", LAYERS, 0, "planar layers K"),
        )
        texts = (self.elbo_text, self.kl_text)
        artists = (self.q, self.reference, self.elbo, self.kl, self.cut, *texts)
        alt = (
            "Left: the posterior p(z|x) with two peaks, filled, and q(z|x), a line. Right: a bar of"
            " the ELBO with the KL stacked on it up to log p(x); a jagged edge where the axis cuts"
            " it off."
        )
        self.live: LiveFigure | None = None
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, mu: float, log_scale: float, layers: int) -> str:
        """Move q and the bars; return the identity in numbers."""
        if self.live is not None and not is_fitted(layers):
            self.live.say(f"fitting {layers} planar layers, once: a few seconds ...")
        parameters = fitted_layers(layers)
        reference = shown = push(mu, log_scale, parameters)
        note = _about(layers)
        if self.own:
            try:
                shown = push(mu, log_scale, parameters, *self.functions)
                note = _judge(*shown) or note
            except Exception as error:
                note = f"{explain_error(error)}; only the library's q is shown"
        _trace(self.q, *shown, visible=not self.own or shown is not reference)
        _trace(self.reference, *reference, visible=self.own)
        numbers = split(*shown)
        self._move_bars(numbers)
        return f"{_identity(numbers)}\n{note}"

    def _draw_densities(self, axes: Axes) -> None:
        z = torch.linspace(-3, 3, 601, dtype=torch.float64)
        posterior = (log_joint(z[:, None]) - LOG_PX).exp()
        axes.fill_between(z, posterior, color=style.P, alpha=0.3, lw=0, label="posterior p(z|x)")
        name = "q(z|x), your functions" if self.own else "q(z|x)"
        (self.q,) = axes.plot([], [], color=style.Q, lw=2, label=name)
        (self.reference,) = axes.plot([], [], color=style.NEUTRAL, lw=1.5, ls="--")
        if self.own:
            self.reference.set_label("q(z|x), the library's")
        axes.set(xlim=(-3, 3), ylim=(0, 1.4), xlabel="z", ylabel="density")

    def _draw_bars(self, axes: Axes) -> None:
        (self.elbo,) = axes.bar([0], [1], 0.5, FLOOR, color=style.ELBO, zorder=3)
        (self.kl,) = axes.bar([0], [1], 0.5, FLOOR, color=style.KL, hatch="//", zorder=3)
        (self.cut,) = axes.plot(*_jag(), color="white", lw=4, zorder=5)
        self.elbo_text = axes.text(0.3, FLOOR, "", va="center", zorder=3, in_layout=False)
        self.kl_text = axes.text(0.3, FLOOR, "", va="center", zorder=3, in_layout=False)
        axes.axhline(LOG_PX, color="black", lw=1.5, zorder=4)
        axes.text(-0.3, LOG_PX + 0.1, _signed(f"log p(x) = {LOG_PX:.3f}"), va="bottom")
        axes.set(xlim=(-0.35, 1.35), ylim=(FLOOR, 0), ylabel="nats", xticks=[])

    def _move_bars(self, numbers: BoundAndGap) -> None:
        """Stack the KL on the ELBO; a bar that continues below the axis gets a jagged edge."""
        top = max(numbers.elbo, FLOOR)
        self.cut.set_visible(numbers.elbo < FLOOR)
        self.elbo.set_height(top - FLOOR)
        self.kl.set_y(top)
        self.kl.set_height(LOG_PX - top)
        self.elbo_text.set_text(_signed(f"ELBO {numbers.elbo:.3f}"))
        self.elbo_text.set_y(max((FLOOR + min(top, LOG_PX)) / 2, FLOOR + LINE))
        self.kl_text.set_text(_signed(f"KL {numbers.kl:.3f}"))
        self.kl_text.set_y(min((top + LOG_PX) / 2, LOG_PX - LINE))


def _jag() -> tuple[list[float], list[float]]:
    """Return a zigzag across the bar, just above the floor."""
    teeth = range(11)
    return [-0.3 + 0.06 * i for i in teeth], [FLOOR + 0.3 + 0.15 * (i % 2) for i in teeth]


def _trace(line: Line2D, z: Tensor, log_q: Tensor, visible: bool) -> None:
    line.set_visible(visible)
    line.set_data(z[:, 0].numpy(), log_q.exp().numpy())


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _identity(numbers: BoundAndGap) -> str:
    residual = abs(numbers.log_px - numbers.elbo - numbers.kl)
    return (
        f"log p(x) {numbers.log_px:.3f} = ELBO {numbers.elbo:.3f} + KL {numbers.kl:.3f}"
        f"   (residual {residual:.0e})"
    )


def _about(layers: int) -> str:
    if layers == 0:
        return "q is the Gaussian of the sliders"
    return (
        f"q is the Gaussian of the sliders, pushed through {layers} planar layer{'s'[: layers - 1]}"
        f" (fitted at mean {BASE[0]:.1f}, log σ {BASE[1]:.1f})"
    )


def _judge(z: Tensor, log_q: Tensor) -> str:
    """Return a complaint if q is not a density: if its mass is not 1 by the trapezoid rule."""
    mass = float(torch.trapezoid(log_q.exp(), z[:, 0]))
    if abs(mass - 1) < 0.02:
        return ""
    return f"your q is not a density: it integrates to {mass:.3f}, not 1"
