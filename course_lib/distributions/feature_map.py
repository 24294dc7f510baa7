"""Map a vector z to a feature map of the image's resolution, for a PixelVAE (slide 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from course_lib.arguments import as_count
from course_lib.distributions.networks import mlp

__all__ = ["FeatureMap"]


class FeatureMap(nn.Module):
    """A decoder from z to a feature map: a coarse map, upsampled and convolved.

    Its weights start so large that the map of z ~ N(0, I) has unit scale: if z had little influence
    at first, a decoder that can do without it would never learn to use it.

    Args:
        z_dim: size of z.
        hidden: widths of the perceptron that makes the coarse map.
        features: how many features each place of the output has.
        size: (height, width) of the image, of any parity.

    Example:
        >>> FeatureMap(2, (16,), 4, (3, 5))(torch.zeros(7, 6, 2)).shape
        torch.Size([7, 6, 4, 3, 5])
    """

    def __init__(
        self, z_dim: int, hidden: Sequence[int], features: int, size: tuple[int, int]
    ) -> None:
        super().__init__()
        as_count(features, "features")
        self.size = tuple(size)
        self.coarse = (features, *((n + 1) // 2 for n in self.size))
        self.network = mlp(z_dim, hidden, torch.Size(self.coarse).numel())
        self.convolutions = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(features, features, 3, padding=1),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, z: Tensor) -> Tensor:
        """Map (..., z_dim) to (..., features, height, width)."""
        coarse = self.network(z).reshape(-1, *self.coarse)
        full = self.convolutions(interpolate(coarse, self.size))
        return full.reshape(*z.shape[:-1], *full.shape[1:])
