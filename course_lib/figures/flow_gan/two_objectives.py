"""The explorable of slide 11: lambda moves the best fit from the KL's optimum to the JSD's."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.exact.misspecified import Fit, lopsided_mixture
from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["lambda_at", "two_objectives"]

MIDDLE = 30.0  # lambda at the middle of the slider
STEP = 0.05
MEANS, SCALES = (-3.0, 1.0), (0.4, 2.5)  # the range of the contour plots
LEVELS = {"KL": (0.53, 0.6, 0.8, 1.2, 2.0, 3.5), "JSD": (0.06, 0.08, 0.12, 0.17, 0.25, 0.4)}
Divergences = Callable[[Tensor, Tensor, Tensor], tuple[Any, Any]]


def two_objectives(kl_and_jsd: Divergences | None = None) -> LiveFigure:
    """Return the figure in which lambda runs from 0 to infinity and the best Gaussian follows.

    Args:
        kl_and_jsd: your own (p, q, dx) -> (KL, JSD), densities on a grid of step dx, both (n,), to
            two numbers in nats; None for the library's. With your own, the dots on the right are
            your numbers and the curves are the library's.

    Returns:
        The figure, opened at lambda = 0, maximum likelihood.
    """
    return _TwoObjectives(kl_and_jsd).live


def lambda_at(place: float) -> float:
    """Return lambda = 30 t / (1 - t): 0 at the slider's left end, infinite at its right.

    Example:
        >>> lambda_at(0.0), lambda_at(0.5), lambda_at(1.0)
        (0.0, 30.0, inf)
    """
    return math.inf if place >= 1 else MIDDLE * place / (1 - place)


class _TwoObjectives:
    """The artists of the figure and how they follow lambda."""

    def __init__(self, kl_and_jsd: Divergences | None) -> None:
        self.own, self.world = kl_and_jsd, lopsided_mixture()
        figure, axes = style.new_figure(
            columns=4, width=9.2, height=3.0, width_ratios=(1.6, 1, 1, 1.2)
        )
        self._draw_densities(axes[0])
        self.places = [
            _landscape(one, name) for one, name in zip(axes[1:3], ("KL", "JSD"), strict=True)
        ]
        axes[1].set_ylabel("σ")
        self._draw_curves(axes[3])
        controls = (Slider("place", 0.0, 1.0, STEP, 0.0, "from KL (0) to JSD (1)"),)
        artists = (self.model, *self.places, *self.dots)
        alt = (
            "Left: the data, a large peak and a small one, and the best Gaussian. Middle: KL and"
            " JSD as contours over the Gaussian's mean and standard deviation, with the path of"
            " the best fit. Right: both divergences of the best fit along that path."
        )
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, place: float) -> str:
        """Move the model to the best fit; return its parameters and both divergences."""
        lambda_, fit = lambda_at(place), _best(place)
        density = self.world.log_model(fit.mean, fit.scale).exp()
        self.model.set_ydata(density)
        for marker in self.places:
            marker.set_data([fit.mean], [fit.scale])
        shown, complaint = self._own_numbers(density, fit)
        for dot, value in zip(self.dots, shown, strict=True):
            dot.set_data([place], [min(max(value, 0.03), 5.0)])
        said = "∞" if math.isinf(lambda_) else f"{lambda_:.1f}"
        return (
            f"λ = {said}: N({fit.mean:.2f}, {fit.scale:.2f}²) is best\n"
            f"KL {fit.kl:.3f}, JSD {fit.jsd:.4f} nats{complaint}"
        )

    def _own_numbers(self, density: Tensor, fit: Fit) -> tuple[tuple[float, float], str]:
        """Return the reader's two numbers, if there are any, and a complaint about them."""
        reference = fit.kl, fit.jsd
        if self.own is None:
            return reference, ""
        data, dx = self.world.log_data.exp(), torch.tensor(self.world.dx, dtype=torch.float64)
        try:
            kl, jsd = (float(value) for value in self.own(data, density.clone(), dx))
        except Exception as error:
            return reference, f"\n{explain_error(error)}; the dots are the library's"
        far = max(abs(kl - fit.kl), abs(jsd - fit.jsd)) > 1e-6
        if not math.isfinite(kl + jsd):
            return reference, "\nyour numbers are not finite; the dots are the library's"
        return (kl, jsd), f"\nyours: KL {kl:.3f}, JSD {jsd:.4f}: they differ" if far else ""

    def _draw_densities(self, axes: Axes) -> None:
        x = self.world.x
        axes.fill_between(x, self.world.log_data.exp(), color=style.DATA, alpha=0.4, lw=0)
        axes.text(2.0, 0.13, "data", ha="center")
        (self.model,) = axes.plot(x, torch.zeros_like(x), color=style.P, lw=2)
        axes.set(xlim=(-6, 6), ylim=(0, 0.7), xlabel="x", ylabel="density")
        axes.set_title("the best Gaussian", fontsize=10)

    def _draw_curves(self, axes: Axes) -> None:
        places = [STEP * i for i in range(round(1 / STEP) + 1)]
        fits = [_best(place) for place in places]
        looks = (("kl", style.KL, "-", "o"), ("jsd", style.ELBO, "--", "s"))
        self.dots: list[Line2D] = []
        for name, colour, dashes, mark in looks:
            axes.plot(places, [getattr(fit, name) for fit in fits], dashes, color=colour)
            (dot,) = axes.plot([0], [1], mark, color=colour, ms=8, mec="black")
            self.dots.append(dot)
        axes.text(0.02, 0.75, "KL")
        axes.text(0.02, 0.09, "JSD")
        axes.set(yscale="log", ylim=(0.03, 5), xlabel="λ", ylabel="nats")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "10", "30", "90", "∞"])
        axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
        axes.set_yticks([], minor=True)
        axes.set_title("both divergences", fontsize=10)


@lru_cache
def _best(place: float) -> Fit:
    return lopsided_mixture().best(lambda_at(round(place, 6)))


@lru_cache
def _values() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return means, scales, and KL and JSD at each pair: (m,), (s,), (s, m), (s, m)."""
    mean = torch.linspace(*MEANS, 49, dtype=torch.float64)
    scale = torch.logspace(*(math.log10(s) for s in SCALES), 37, dtype=torch.float64)
    at = torch.meshgrid(scale.log(), mean, indexing="ij")
    return mean, scale, *lopsided_mixture().divergences(at[1].contiguous(), at[0].contiguous())


def _landscape(axes: Axes, name: str) -> Line2D:
    """Draw the contours of one divergence and the path, and return the marker that moves on it."""
    mean, scale, kl, jsd = _values()
    values, levels = {"KL": kl, "JSD": jsd}[name], LEVELS[name]
    axes.contourf(mean, scale, values, (0.0, *levels, 1e3), cmap="Blues_r", vmax=levels[-1] * 1.1)
    axes.contour(mean, scale, values, levels, colors=style.NEUTRAL, linewidths=0.6)
    fits = [_best(STEP * i) for i in range(round(1 / STEP) + 1)]
    axes.plot([fit.mean for fit in fits], [fit.scale for fit in fits], color=style.Q, lw=2)
    (marker,) = axes.plot([fits[0].mean], [fits[0].scale], "o", color=style.Q, ms=9, mec="black")
    axes.set(yscale="log", xlim=MEANS, ylim=SCALES, xlabel="μ")
    axes.set_yticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
    axes.set_yticks([], minor=True)
    axes.set_title(f"{name}, dark is low", fontsize=10)
    return marker
