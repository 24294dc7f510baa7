"""The explorable of slide 9: what a q that cannot see the future costs in a known chain."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes

from course_lib.exact.filtering import (
    LinearWalk,
    best_filter,
    expected_gap,
    marginals,
    observed_covariance,
    one_step_filter,
    smoother,
)
from course_lib.exact.kalman import LinearGaussianChain
from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure

__all__ = ["filtering_price"]

STEPS = 12
TOP = 0.24  # nats: no step costs more in any state
EDGE = 3.2  # standard deviations of x


def filtering_price() -> LiveFigure:
    """Return the figure in which memory and noise of a linear-Gaussian chain are varied.

    Left: one sequence, with the exact posterior of z and the best q that sees no later x. Right:
    what each step adds to the gap of this q and of p(z_t | z_{t-1}, x_t), in closed form.

    Returns:
        The figure, opened where the future matters.
    """
    return _FilteringPrice().live


class _FilteringPrice:
    """The artists of the figure and how they follow the controls."""

    def __init__(self) -> None:
        self.noise = torch.randn(2, STEPS, generator=torch.Generator().manual_seed(4)).double()
        figure, (left, right) = style.new_figure(
            columns=2, width=8.4, height=3.2, width_ratios=(1.5, 1)
        )
        self.times = np.arange(1, STEPS + 1)
        self._draw_paths(left)
        self._draw_bars(right)
        controls = (
            Slider("memory", 0.0, 0.95, 0.05, 0.9, "memory a", page_step=0.15),
            Slider("z_noise", 0.1, 2.0, 0.1, 0.7, "noise of z (σ)", page_step=0.3),
            Slider("x_noise", 0.1, 2.0, 0.1, 0.8, "noise of x (σ)", page_step=0.3),
        )
        alt = (
            "Left: a sequence x as dots, with mean and one standard deviation of z under the exact"
            " posterior and under the best filter. Right: bars of the gap that each step adds for"
            " the best filter, and dashes for the filter that sees only the present x."
        )
        artists = (*self.curves, self.dots, *self.bars, *self.dashes)
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, memory: float, z_noise: float, x_noise: float) -> str:
        """Move the curves and bars; return the gaps in nats."""
        chain = LinearGaussianChain([[memory]], [[1.0]], [z_noise**2], [x_noise**2])
        exact, best = smoother(chain, STEPS), best_filter(chain, STEPS)
        x = self._sequence(memory, z_noise, x_noise)
        unit = observed_covariance(chain, STEPS)[-1, -1].sqrt()
        self.dots.set_ydata((x / unit).numpy())
        for i, q in enumerate((exact, best)):
            for curve, values in zip(self.curves[3 * i : 3 * i + 3], _band(q, x), strict=True):
                curve.set_ydata((values / unit).numpy())
        gap, simple = expected_gap(chain, best), expected_gap(chain, one_step_filter(chain, STEPS))
        for bar, dash, one, other in zip(self.bars, self.dashes, gap, simple, strict=False):
            bar.set_height(float(one))
            dash.set_ydata([float(other)] * 2)
        nothing = expected_gap(chain, exact).abs().max()
        return (
            f"best filter: gap {gap.mean():.3f} nats per step, {gap.sum():.2f} in all {STEPS}"
            f" steps; from the present alone {simple.mean():.3f} per step\n"
            f"exact posterior, which sees all of x: 0 (residual {nothing:.0e})"
        )

    def _sequence(self, memory: float, z_noise: float, x_noise: float) -> torch.Tensor:
        """Return the chain's sequence for the figure's fixed noise, (time,)."""
        z, seen = torch.zeros(()).double(), []
        for of_z, of_x in self.noise.T:
            z = memory * z + z_noise * of_z
            seen.append(z + x_noise * of_x)
        return torch.stack(seen)

    def _draw_paths(self, axes: Axes) -> None:
        self.curves = []
        for colour, dashes, label in (
            (style.P, "-", "posterior, sees all of x"),
            (style.Q, "--", "best filter, sees x up to t"),
        ):
            for width, name in ((2.0, label), (0.8, None), (0.8, None)):
                options = {"color": colour, "ls": dashes, "lw": width, "label": name}
                self.curves += axes.plot(self.times, 0.0 * self.times, **options)
        (self.dots,) = axes.plot(self.times, 0.0 * self.times, "o", ms=5, color="black", label="x")
        axes.set(ylim=(-EDGE, EDGE), xlabel="step t", ylabel="in standard deviations of x")
        axes.figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9)

    def _draw_bars(self, axes: Axes) -> None:
        costly = self.times[:-1]  # the last step has no future, so it costs nothing
        heights = [TOP] * len(costly)
        self.bars = list(axes.bar(costly, heights, 0.7, color=style.KL, label="best filter"))
        self.dashes = [
            axes.plot([t - 0.45, t + 0.45], [0, 0], color=style.NEUTRAL, lw=1.5)[0] for t in costly
        ]
        self.dashes[0].set_label("present alone")
        axes.set(ylim=(0, TOP), xlim=(0, STEPS + 1), xlabel="step t", ylabel="gap, nats")
        axes.legend(loc="upper right", frameon=False, fontsize=9, ncols=2)


def _band(q: LinearWalk, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the mean of z, and the mean minus and plus one standard deviation, each (time,)."""
    means, covariances = marginals(q)
    mean, width = (means @ x)[:, 0], covariances[:, 0, 0].sqrt()
    return mean, mean + width, mean - width
