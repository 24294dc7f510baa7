"""True posteriors on a latent plane, with draws of the q that should match them (slides 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from course_lib.exact.grid import Grid, GridWorld
from course_lib.figures.images import Picture
from course_lib.figures.style import P, Q, new_figure

__all__ = ["latent_plane", "window"]

POINTS = 121  # nodes along each side of a panel
VISIBLE = 0.01  # the window holds all nodes whose density is at least this share of the highest
SHADES = LinearSegmentedColormap.from_list("posterior", ["white", P])


def latent_plane(draws: Mapping[str, Tensor], world: GridWorld, images: Tensor) -> Picture:
    """Return, for a few images, the true posterior of a 2-D z with draws from each q.

    All panels of a row share their window. It holds every peak of the posterior and all draws.

    Args:
        draws: for each q, by the title of its column, (draws, n, 2) samples.
        world: the exact posterior of the decoder, on a 2-D grid.
        images: (n, 1, h, w) observations, one row of panels each.
    """
    rows, columns = len(images), 2 + len(draws)
    figure, axes = new_figure(rows, columns, width=1.45 * columns, height=1.55 * rows)
    for row, image in enumerate(images):
        picture, *panels = axes[row * columns : (row + 1) * columns]
        picture.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        picture.set(xticks=[], yticks=[])
        clouds = [cloud[:, row] for cloud in draws.values()]
        low, high = window(world, image, clouds)
        _show_posterior(panels, world, image, low, high)
        for panel, z in zip(panels[1:], clouds, strict=True):
            panel.plot(z[:, 0], z[:, 1], ls="", marker=".", ms=2, color=Q, alpha=0.5)
        panels[0].set_ylabel("$z_2$", fontsize=9)
    for panel, title in zip(axes, ["x", "true p(z|x)", *draws], strict=False):
        panel.set_title(title, fontsize=9)
    for panel in axes[-columns + 1 :]:
        panel.set_xlabel("$z_1$", fontsize=9)
    names = ", ".join(draws)
    alt = f"{rows} images; for each the true posterior on the latent plane, with draws of: {names}"
    return Picture(figure, alt)


def window(world: GridWorld, image: Tensor, clouds: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the lower and upper corners, (2,), of a square that holds the posterior and the draws.

    Args:
        world: the exact posterior, on a 2-D grid.
        image: (1, h, w) one observation.
        clouds: for each q, (draws, 2) samples.
    """
    log_joint = world.log_joint(image[None])[0]
    peaks = world.grid.nodes[(log_joint - log_joint.max()).exp() > VISIBLE]
    seen = torch.cat([peaks, *(cloud.double() for cloud in clouds)])
    centre = (seen.amin(0) + seen.amax(0)) / 2
    half = 1.1 * (seen.amax(0) - seen.amin(0)).max() / 2
    return centre - half, centre + half


def _show_posterior(
    panels: list[Axes], world: GridWorld, image: Tensor, low: Tensor, high: Tensor
) -> None:
    log_joint = world.on(Grid(low, high, POINTS, dim=2)).log_joint(image[None])[0]
    density = (log_joint - log_joint.max()).exp().reshape(POINTS, POINTS)  # (z1, z2)
    extent = [low[0].item(), high[0].item(), low[1].item(), high[1].item()]
    for panel in panels:
        panel.imshow(
            density.T, origin="lower", extent=extent, cmap=SHADES, interpolation="bilinear"
        )
        panel.locator_params(nbins=3)
