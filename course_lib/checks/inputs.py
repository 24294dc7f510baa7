"""Random inputs of a check, determined by a seed and a scale."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["RandomInputs"]


class RandomInputs:
    """Random inputs in float64, determined by a seed.

    Args:
        seed: determines the numbers.
        input_scale: their scale: 1 for everyday inputs, more for extreme ones.

    Example:
        >>> RandomInputs(seed=1).normal(7, 3).shape
        torch.Size([7, 3])
    """

    def __init__(self, seed: int = 0, input_scale: float = 1.0) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.input_scale = input_scale

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Return Gaussian numbers of standard deviation ``input_scale * scale``."""
        noise = torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return self.input_scale * scale * noise

    def bits(self, *shape: int) -> Tensor:
        """Return zeros and ones, equally likely."""
        return torch.randint(0, 2, shape, generator=self.generator).double()

    def integers(self, high: int, *shape: int) -> Tensor:
        """Return integers 0, ..., high - 1, equally likely, in int64."""
        return torch.randint(0, high, shape, generator=self.generator)
