"""Bring z, a vector or a coarse map, to the image's resolution, for a PixelVAE (slide 4)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from course_lib.arguments import as_count
from course_lib.distributions.networks import mlp

__all__ = ["FeatureMap", "UpsampledMap"]


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
        self.convolutions = _convolutions(features)
        _start_at_unit_scale(self)

    def forward(self, z: Tensor) -> Tensor:
        """Map (..., z_dim) to (..., features, height, width)."""
        coarse = self.network(z).reshape(-1, *self.coarse)
        full = self.convolutions(interpolate(coarse, self.size))
        return full.reshape(*z.shape[:-1], *full.shape[1:])


class UpsampledMap(nn.Module):
    """A decoder from a coarse map z to a feature map: convolved, upsampled and convolved.

    Each place of z tells of its own part of the image and a margin around it. Its weights start as
    those of ``FeatureMap``.

    Args:
        z_shape: (channels, height, width) of z.
        features: how many features each place of the output has.
        size: (height, width) of the image, of any parity.

    Example:
        >>> UpsampledMap((2, 2, 2), 4, (3, 5))(torch.zeros(7, 6, 2, 2, 2)).shape
        torch.Size([7, 6, 4, 3, 5])
    """

    def __init__(self, z_shape: tuple[int, int, int], features: int, size: tuple[int, int]) -> None:
        super().__init__()
        as_count(features, "features")
        self.z_shape, self.size = tuple(z_shape), tuple(size)
        self.network = nn.Conv2d(self.z_shape[0], features, 3, padding=1)
        self.convolutions = _convolutions(features)
        _start_at_unit_scale(self)

    def forward(self, z: Tensor) -> Tensor:
        """Map (..., *z_shape) to (..., features, height, width)."""
        coarse = self.network(z.reshape(-1, *self.z_shape))
        full = self.convolutions(interpolate(coarse, self.size))
        return full.reshape(*z.shape[:-3], *full.shape[1:])


def _convolutions(features: int) -> nn.Sequential:
    """Return what both decoders do at the image's resolution: two convolutions after a ReLU."""
    layers = [(nn.ReLU(), nn.Conv2d(features, features, 3, padding=1)) for _ in range(2)]
    return nn.Sequential(*itertools.chain(*layers))


def _start_at_unit_scale(decoder: nn.Module) -> None:
    for layer in decoder.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
