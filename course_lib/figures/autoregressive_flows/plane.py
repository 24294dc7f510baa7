"""Densities in the plane side by side, and their conditionals on one vertical line (slide 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, NEUTRAL, P, Q, new_figure

__all__ = ["Window", "conditionals", "density_image", "plane"]

LogDensity = Callable[[Tensor], Tensor]


class HasLogProb(Protocol):
    """A density, a model, or a module that holds one."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x): (n, 2) -> (n,)."""


Window = tuple[float, float, float, float]
"""The smallest and largest x_1, then those of x_2."""

STYLES = ((P, "-", 2.0), (Q, "-", 1.5), (NEUTRAL, "--", 1.5), (ELBO, "-.", 1.5))


def density_image(log_prob: LogDensity, window: Window, points: int = 120) -> Tensor:
    """Return p(x) at the pixel centres of a window, (points, points): x_2 rises with the row.

    Args:
        log_prob: (n, 2) -> (n,), float32.
        window: the part of the plane.
        points: pixels along each side.
    """
    left, right, low, high = window
    across = left + (right - left) * (torch.arange(points) + 0.5) / points
    up = low + (high - low) * (torch.arange(points) + 0.5) / points
    x_2, x_1 = torch.meshgrid(up, across, indexing="ij")
    with torch.no_grad():
        log_p = log_prob(torch.stack((x_1, x_2), -1).reshape(-1, 2))
    return log_p.exp().reshape(points, points)


def plane(*rows: Mapping[str, HasLogProb], window: Window = (-4, 4, -4, 4)) -> Picture:
    """Return one picture of each density; those of a row share a grey scale.

    Args:
        rows: densities, or models, by title; the first of a row is the truth and sets the scale.
        window: the part of the plane that is shown.
    """
    columns = len(rows[0])
    size = {"width": 2.1 * columns, "height": 2.3 * len(rows) + 0.3}
    figure, axes = new_figure(len(rows), columns, **size)
    for k, densities in enumerate(rows):
        images = [density_image(one.log_prob, window) for one in densities.values()]
        # the square root shows a bridge that carries little mass
        top = float(images[0].max()) ** 0.5
        panels = axes[k * columns : (k + 1) * columns]
        for panel, title, image in zip(panels, densities, images, strict=True):
            panel.imshow(
                image.sqrt().numpy(), cmap="Blues", origin="lower", extent=window, vmin=0, vmax=top
            )
            panel.set_title(title, fontsize=10)
            panel.set(xlabel="$x_1$" if k == len(rows) - 1 else "")
        panels[0].set(ylabel="$x_2$")
    names = "; ".join(name for densities in rows for name in densities)
    return Picture(figure, f"densities in the plane, darker where larger: {names}")


def conditionals(
    densities: Mapping[str, HasLogProb], x_1: float, ends: tuple[float, float] = (-4, 4)
) -> Picture:
    """Return p(x_2 | x_1) of each density, by normalising p(x_1, x_2) along a vertical line.

    Args:
        densities: densities, or models, by name; the first is the truth and is drawn filled.
        x_1: the position of the line.
        ends: the part of the line that is shown.
    """
    figure, (axes,) = new_figure(height=2.6)
    x_2 = torch.linspace(*ends, 1201)
    points = torch.stack((torch.full_like(x_2, x_1), x_2), -1)
    for (name, one), (colour, line, width) in zip(densities.items(), STYLES, strict=False):
        with torch.no_grad():
            density = one.log_prob(points).exp()
        density = density / torch.trapezoid(density, x_2)
        if name == next(iter(densities)):
            axes.fill_between(x_2, density, color=colour, alpha=0.3, lw=0, label=name)
        else:
            axes.plot(x_2, density, color=colour, ls=line, lw=width, label=name)
    axes.set(xlabel="$x_2$", ylabel=f"$p(x_2 \\mid x_1 = {x_1:g})$", xlim=ends, ylim=(0, None))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return Picture(figure, f"the density of x_2 given x_1 = {x_1:g}: {', '.join(densities)}")
