"""A change of variables on the line, by area (slide 5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, NEUTRAL, P, Q, new_figure

__all__ = ["area"]

Map = Callable[[Tensor], tuple[Tensor, Tensor]]
STRIPS = (P, DATA, Q)


def area(transform: Map, edges: Sequence[float] = (-1.6, -1.0, -0.3, 0.3, 1.0, 1.6)) -> Picture:
    """Return p(z), the map x = f(z) and p(x), with strips of equal area before and after (slide 5).

    Args:
        transform: z, (n, 1), to x = f(z), (n, 1), and log|df/dz|, (n,); f must be increasing.
        edges: the ends of the strips of z; every second interval between neighbours is filled.
    """
    figure, (base, curve, pushed) = new_figure(columns=3, width=8.4, height=2.7)
    z = torch.linspace(-3.2, 3.2, 641, dtype=torch.float64)
    x, density_z, density_x = _densities(transform, z)
    base.plot(z, density_z, color=NEUTRAL)
    curve.plot(z, x, color=NEUTRAL)
    pushed.plot(x, density_x, color=NEUTRAL)
    for colour, low, high in zip(STRIPS, edges[::2], edges[1::2], strict=True):
        strip = torch.linspace(low, high, 121, dtype=torch.float64)
        image, below_z, below_x = _densities(transform, strip)
        mass = float(torch.trapezoid(below_z, strip))
        _strip(base, strip, below_z, colour, mass)
        _strip(pushed, image, below_x, colour, float(torch.trapezoid(below_x, image)))
        curve.fill_between(strip, image, float(x.min()), color=colour, alpha=0.25, lw=0)
        curve.fill_betweenx(image, strip, float(z.min()), color=colour, alpha=0.25, lw=0)
    top = 1.25 * float(max(density_z.max(), density_x.max()))
    base.set(xlabel="z", ylabel="density p(z)", ylim=(0, top))
    curve.set(
        xlabel="z",
        ylabel="x = f(z)",
        xlim=(float(z[0]), float(z[-1])),
        ylim=(float(x[0]), float(x[-1])),
    )
    pushed.set(xlabel="x", ylabel="density p(x)", ylim=(0, top))
    return Picture(
        figure,
        "three strips under p(z) and their images under p(x): where f is steep, a strip becomes"
        " wide and low, and its area stays the same",
    )


def _densities(transform: Map, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return x = f(z), p(z) and p(x) at x, each (n,)."""
    x, log_det = transform(z[:, None])
    log_z = -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    return x[:, 0], log_z.exp(), (log_z - log_det).exp()


def _strip(axes: Axes, x: Tensor, density: Tensor, colour: str, mass: float) -> None:
    axes.fill_between(x, density, color=colour, alpha=0.45, lw=0)
    place = float(x[len(x) // 2])
    side = "right" if x[-1] < 0 else "left" if x[0] > 0 else "center"  # clear of the curve
    axes.text(place, float(density.max()) + 0.015, f"{mass:.3f}", ha=side, fontsize=9)
