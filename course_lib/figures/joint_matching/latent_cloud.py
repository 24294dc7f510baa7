"""The explorable of slide 15: the encoded digits against the prior, step by step."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.joint_matching.trained import trained
from course_lib.figures.live import LiveFigure

__all__ = ["latent_cloud"]

EDGE = 4.0  # of the window, in standard deviations of the prior
TOP = 4.0  # nats: where the bars are cut
NUMBERS = ("kl", "kl_error", "floor", "elbo", "mmd2")


def latent_cloud() -> LiveFigure:
    """Return the figure in which the step and both weights of an adversarial autoencoder move.

    One draw of q(z|x) for each of 200 validation images is drawn over the circles of the prior. The
    bars are KL(q(z), p(z)) and its floor, the estimate for a perfect match. All models were trained
    beforehand.

    Returns:
        The figure, opened at the end of training with a small weight of the KL and no critic.
    """
    return _LatentCloud().live


class _LatentCloud:
    """The artists of the figure and how they follow the controls."""

    def __init__(self) -> None:
        self.grid = trained()
        kl_weights, weights, steps = (
            self.grid[name].tolist() for name in ("kl_weights", "z_weights", "steps")
        )
        self.places = {"kl_weight": kl_weights, "weight": weights}
        self.noise = np.random.default_rng(0).standard_normal(self.grid["z_mu"].shape[-2:])
        figure, (left, right) = style.new_figure(
            columns=2, width=6.6, height=3.4, width_ratios=(1.6, 1)
        )
        self._draw_plane(left)
        self._draw_bars(right)
        controls = (
            Choice("kl_weight", kl_weights, 0.3, "weight κ of the KL"),
            Choice("weight", weights, 0.0, "weight w of the JSD"),
            Slider("step", 0, len(steps) - 1, 1, len(steps) - 1, "training step (index)"),
        )
        self.steps = steps
        alt = (
            "Left: one dot for each encoded digit, over circles of the prior at one and two"
            " standard deviations. Right: bars of KL(q(z), p(z)) and its floor."
        )
        artists = (self.dots, *self.bars, *self.numbers)
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, kl_weight: float, weight: float, step: int) -> str:
        """Move the cloud and the bars; return the measures in numbers."""
        at = (
            self.places["kl_weight"].index(kl_weight),
            self.places["weight"].index(weight),
            step,
        )
        mu, log_scale = (self.grid[name][at] for name in ("z_mu", "z_log_scale"))
        z = mu + np.exp(log_scale) * self.noise
        self.dots.set_data(z[:, 0], z[:, 1])
        numbers = {name: float(self.grid[f"z_{name}"][at]) for name in NUMBERS}
        for bar, text, name in zip(self.bars, self.numbers, ("kl", "floor"), strict=True):
            bar.set_height(min(max(numbers[name], 0.0), TOP))
            text.set_text(f"{numbers[name]:.2f}" + (" ↑" if numbers[name] > TOP else ""))
            text.set_y(min(max(numbers[name], 0.0), TOP) + 0.05)
        outside = int((np.abs(z) > EDGE).any(1).sum())
        return (
            f"step {self.steps[step]}: KL(q(z), p(z)) {numbers['kl']:.2f} ±"
            f" {numbers['kl_error']:.2f}, floor {numbers['floor']:.2f} nats,"
            f" MMD² {numbers['mmd2']:.4f}\n"
            f"ELBO {numbers['elbo']:.1f} nats, mean width of q(z|x)"
            f" {np.exp(log_scale).mean():.3f}, {outside} of {len(z)} dots outside the window"
        )

    def _draw_plane(self, axes: Axes) -> None:
        angle = np.linspace(0, 2 * np.pi, 100)
        for radius, label in ((1, "prior, 1 and 2 σ"), (2, None)):
            circle = radius * np.cos(angle), radius * np.sin(angle)
            axes.plot(*circle, color=style.P, lw=1.5, label=label)
        (self.dots,) = axes.plot([], [], ls="", marker=".", ms=5, color=style.Q, label="q(z)")
        axes.set(xlim=(-EDGE, EDGE), ylim=(-EDGE, EDGE), xlabel="$z_1$", ylabel="$z_2$")
        axes.set_aspect("equal")
        axes.figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=9)

    def _draw_bars(self, axes: Axes) -> None:
        self.bars = list(axes.bar(["q(z)", "floor"], [1, 1], 0.5, color=(style.KL, style.NEUTRAL)))
        self.numbers = [axes.text(i, 0, "", ha="center", in_layout=False) for i in (0, 1)]
        axes.set(ylim=(0, 1.1 * TOP), xlabel="aggregate", ylabel="KL(·, p(z)), nats")
