"""True posteriors on a latent plane, with draws of the q that should match them (slides 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from course_lib.exact.grid import GridWorld
from course_lib.figures.images import Picture
from course_lib.figures.style import Q, new_figure
from course_lib.models import VAE

__all__ = ["latent_plane"]


def latent_plane(
    models: Mapping[str, VAE], world: GridWorld, images: Tensor, draws: int = 400
) -> Picture:
    """Return, for a few images, the true posterior of a 2-D z and what each model's q makes of it.

    Args:
        models: VAEs with the same decoder, by name.
        world: the exact posterior of that decoder, on a 2-D grid.
        images: (n, 1, h, w) observations, one row of panels each.
        draws: points drawn from each q.
    """
    columns = 2 + len(models)
    rows = len(images)
    figure, axes = new_figure(rows, columns, width=2.0 * columns, height=2.05 * rows)
    nodes = world.grid.nodes
    side = round(len(nodes) ** 0.5)
    extent = [nodes.min().item(), nodes.max().item()] * 2
    for row, image in enumerate(images):
        panels = axes[row * columns : (row + 1) * columns]
        panels[0].imshow(image[0], cmap="gray_r")
        panels[0].set(xticks=[], yticks=[])
        density = world.posterior(image[None])[0].exp().reshape(side, side)
        mean = (nodes * density.reshape(-1, 1)).sum(0) / density.sum()
        titles = ["x", "true p(z|x)", *(f"{name} q(z|x)" for name in models)]
        for panel, title in zip(panels, titles, strict=True):
            panel.set_title(title if row == 0 else "", fontsize=9)
        for panel in panels[1:]:
            panel.imshow(
                density.T, origin="lower", extent=extent, cmap="Blues", interpolation="bilinear"
            )
            panel.set(xlim=(mean[0] - 1.6, mean[0] + 1.6), ylim=(mean[1] - 1.6, mean[1] + 1.6))
            panel.set_xlabel("$z_1$" if row == rows - 1 else "", fontsize=8)
        for panel, model in zip(panels[2:], models.values(), strict=True):
            z = model.posterior(image[None]).sample((draws,))[:, 0]
            panel.plot(z[:, 0], z[:, 1], ls="", marker=".", ms=2, color=Q, alpha=0.5)
    return Picture(figure, "true posteriors on the latent plane, with draws of each q on top")
