"""The explorable of slide 10: a critic against the log-ratio, and its bound against the JSD."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.exact.normal import log_normal
from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure, explain_error
from course_lib.objectives import jsd_bound

__all__ = ["discriminator"]

DRAWS = 20_000  # equally likely points of each distribution
FLOOR, TOP = -0.4, 0.8  # nats: where a bar is cut
Logit = Callable[[Tensor, Tensor], Any]
Bound = Callable[[Tensor, Tensor], Any]


def discriminator(
    optimal_logit: Logit | None = None, jsd_from_logits: Bound | None = None
) -> LiveFigure:
    """Return the figure in which data and model move apart and the critic's confidence varies.

    The critic's logit is the optimal one times the confidence: 0 knows nothing, 1 is optimal.

    Args:
        optimal_logit: your own (log_p, log_q) -> logit, all (n,); None for the library's.
        jsd_from_logits: your own (data_logits, model_logits) -> bound, (n,) and (m,) to () nats;
            None for the library's. With functions of your own the library's curve and bound are
            dashed.

    Returns:
        The figure, opened at a critic that is not confident enough.
    """
    return _Discriminator(optimal_logit, jsd_from_logits).live


class _Discriminator:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, optimal_logit: Logit | None, jsd_from_logits: Bound | None) -> None:
        self.own = optimal_logit is not None or jsd_from_logits is not None
        self.functions = optimal_logit or torch.sub, jsd_from_logits or jsd_bound
        self.x = torch.linspace(-5, 7, 241, dtype=torch.float64)
        levels = (torch.arange(DRAWS, dtype=torch.float64) + 0.5) / DRAWS
        self.draws = math.sqrt(2) * torch.erfinv(2 * levels - 1)  # of N(0, 1)
        figure, axes = style.new_figure(
            columns=3, width=8.8, height=3.0, width_ratios=(1.5, 1.5, 1)
        )
        self._draw_densities(axes[0])
        self._draw_logits(axes[1])
        self._draw_bound(axes[2])
        figure.legend(loc="outside upper left", ncols=4, frameon=False)
        controls = (
            Slider("shift", 0.0, 4.0, 0.25, 2.0, "shift of the model", page_step=0.5),
            Slider("confidence", 0.0, 3.0, 0.1, 0.4, "confidence of the critic", page_step=0.2),
        )
        artists = (self.model, self.best, self.critic, self.reference, self.bar, self.dashed)
        alt = (
            "Left: data and model, two Gaussians. Middle: the critic's logit and the log-ratio of"
            " the densities, two lines. Right: the critic's bound as a bar below the line of the"
            " JSD and that of log 2."
        )
        moved = {"confidence": [self.critic, self.reference, self.bar, self.dashed]}
        self.live = LiveFigure(
            figure, controls, self.update, (*artists, self.truth), alt, scale=2, follows=moved
        )

    def update(self, shift: float, confidence: float) -> str:
        """Move the model, the critic and its bound; return them in numbers."""
        log_p, log_q = _log_normal(self.x, 0.0), _log_normal(self.x, shift)
        self.model.set_ydata(log_q.exp())
        self.best.set_ydata(log_p - log_q)
        reference = self._critic(torch.sub, jsd_bound, shift, confidence)
        shown, note = reference, ""
        if self.own:
            try:
                shown = self._critic(*self.functions, shift, confidence)
                near = torch.allclose(shown[0], reference[0], atol=1e-6)
                near = near and abs(shown[1] - reference[1]) < 1e-6
                note = "" if near else "\nyours differ from the library's (dashed)"
            except Exception as error:
                note = f"\n{explain_error(error)}; the library's functions are shown"
        self._move(*shown, *reference)
        truth = _jsd(shift)
        self.truth.set_ydata([truth, truth])
        bound = shown[1] + 0.0
        return (
            f"bound {_number(bound)} ≤ JSD {_number(truth)} ≤ log 2 = 0.693 nats\n"
            f"value of the game V = 2 bound - log 4 = {2 * bound - math.log(4):.3f}{note}"
        )

    def _critic(
        self, logit: Logit, bound: Bound, shift: float, confidence: float
    ) -> tuple[Tensor, float]:
        """Return the critic's logits at the nodes, and its bound from draws of p and q."""
        at = (self.x, self.draws, self.draws + shift)
        logits = [confidence * logit(_log_normal(x, 0.0), _log_normal(x, shift)) for x in at]
        return logits[0].detach(), float(bound(*logits[1:]))

    def _move(self, logits: Tensor, bound: float, right: Tensor, right_bound: float) -> None:
        self.critic.set_ydata(logits)
        self.reference.set_ydata(right)
        top = min(max(bound, FLOOR), TOP)
        self.bar.set_y(min(top, 0.0))
        self.bar.set_height(abs(top))
        self.dashed.set_ydata([max(right_bound, FLOOR)] * 2)
        for line in (self.reference, self.dashed):
            line.set_visible(self.own)

    def _draw_densities(self, axes: Axes) -> None:
        data = _log_normal(self.x, 0.0).exp()
        axes.fill_between(self.x, data, color=style.DATA, alpha=0.4, lw=0, label="data")
        (self.model,) = axes.plot(self.x, data, color=style.P, lw=2, label="model")
        axes.set(xlim=(-5, 7), ylim=(0, 0.45), xlabel="x", ylabel="density")

    def _draw_logits(self, axes: Axes) -> None:
        zero = torch.zeros_like(self.x)
        (self.best,) = axes.plot(
            self.x, zero, ":", color=style.NEUTRAL, lw=2, label="log-ratio log p/q"
        )
        (self.critic,) = axes.plot(self.x, zero, color=style.Q, lw=2, label="critic's logit")
        (self.reference,) = axes.plot(self.x, zero, "--", color=style.NEUTRAL, lw=1.5)
        axes.set(xlim=(-5, 7), ylim=(-8, 8), xlabel="x", ylabel="logit")

    def _draw_bound(self, axes: Axes) -> None:
        (self.bar,) = axes.bar([0], [0.1], 0.5, color=style.Q)
        (self.truth,) = axes.plot([-0.4, 0.4], [0, 0], color="black", lw=2)
        (self.dashed,) = axes.plot([-0.3, 0.3], [0, 0], "--", color=style.NEUTRAL, lw=1.5)
        axes.axhline(math.log(2), color=style.NEUTRAL, ls=":")
        axes.axhline(0, color=style.NEUTRAL, lw=0.8)
        axes.text(0.45, math.log(2) + 0.02, "log 2", fontsize=9)
        axes.set(xlim=(-0.5, 0.9), ylim=(FLOOR, TOP), ylabel="nats", xticks=[])
        axes.set_title("bound (bar), JSD (line)", fontsize=10)


def _log_normal(x: Tensor, mean: float) -> Tensor:
    return log_normal(x[:, None], mean)


def _jsd(shift: float) -> float:
    """Return JSD(N(0, 1), N(shift, 1)) by quadrature."""
    x = torch.linspace(-12, 16, 1401, dtype=torch.float64)
    log_p, log_q = _log_normal(x, 0.0), _log_normal(x, shift)
    middle = torch.logaddexp(log_p, log_q) - math.log(2)
    halves = log_p.exp() * (log_p - middle) + log_q.exp() * (log_q - middle)
    return float(halves.sum() * (x[1] - x[0]) / 2)


def _number(value: float) -> str:
    """Return three decimals, without the sign that rounding may leave on a zero."""
    return f"{value if abs(value) >= 5e-4 else 0.0:.3f}"
