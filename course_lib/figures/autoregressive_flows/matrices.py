"""Which output of a masked network depends on which input: masks and Jacobians (slide 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.distributions import MaskedMLP
from course_lib.figures.images import Picture
from course_lib.figures.style import new_figure

__all__ = ["jacobians", "masks"]


def jacobians(matrices: Mapping[str, Tensor]) -> Picture:
    """Return a picture of the absolute entries of each Jacobian; zeros are left white.

    Args:
        matrices: for each name a (dim, dim) Jacobian, row i the derivatives of output i.
    """
    figure, axes = new_figure(columns=len(matrices), width=2.9 * len(matrices), height=2.8)
    for panel, (name, matrix) in zip(axes, matrices.items(), strict=True):
        _matrix(panel, matrix.detach().abs(), name, "input $j$", "output $i$")
    return Picture(figure, "the entries of each Jacobian: " + ", ".join(matrices))


def masks(network: MaskedMLP) -> Picture:
    """Return the masks of a MADE, and their product: how many paths lead from input to output.

    Args:
        network: a masked network with one output per dimension.
    """
    layers = [layer.mask for layer in network.layers]
    paths = layers[0]
    for mask in layers[1:]:
        paths = mask @ paths
    columns = len(layers) + 1
    figure, axes = new_figure(columns=columns, width=2.15 * columns, height=2.5)
    places = ["input", *("hidden",) * (len(layers) - 1), "output"]
    for k, (panel, mask) in enumerate(zip(axes, layers, strict=False)):
        _matrix(panel, mask, f"mask {k + 1}", places[k], places[k + 1])
    _matrix(axes[-1], paths, "paths", "input", "output")
    for (i, j), count in zip(_entries(paths), paths.flatten().tolist(), strict=True):
        if count:
            colour = "white" if count > paths.max() / 2 else "black"
            axes[-1].text(j, i, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=9)
    return Picture(
        figure,
        "the zeros and ones of each mask, and the number of paths from each input to each output:"
        " none from an input to an output that does not come after it in the order",
    )


def _entries(matrix: Tensor) -> list[list[int]]:
    return torch.cartesian_prod(*(torch.arange(n) for n in matrix.shape)).tolist()


def _matrix(axes: Axes, matrix: Tensor, title: str, columns: str, rows: str) -> None:
    height, width = matrix.shape
    axes.imshow(matrix.numpy(), cmap="Blues", vmin=0, vmax=float(matrix.max()) or 1.0)
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.8", lw=0.5)
    axes.tick_params(which="minor", length=0)
    axes.set_xticks(range(width), [str(i + 1) for i in range(width)])
    axes.set_yticks(range(height), [str(i + 1) for i in range(height)])
    axes.set_title(title, fontsize=10)
    axes.set(xlabel=columns, ylabel=rows)
