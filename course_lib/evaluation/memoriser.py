"""The model that only remembers: a small Gaussian around every training example."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

__all__ = ["Memoriser"]

WIDTHS = tuple(0.02 * 1.2**k for k in range(16))  # of the data's range, from narrow to wide


class Memoriser:
    r"""A kernel density estimate: equally likely Gaussians, one around each training example.

    .. math:: p(x) = \frac1n \sum_i N(x;\, x_i,\, h^2 I)

    It has learned nothing, so a model that is less likely on held-out data is no model of the data.

    Args:
        train: (n, *event) the examples that it remembers.
        width: h, the standard deviation of every Gaussian.

    Raises:
        ValueError: if the width is not positive.

    Example:
        >>> x = torch.randn(5, 2)
        >>> one = Memoriser(x[:1], width=1.0)  # a single standard normal
        >>> exact = torch.distributions.Normal(x[0], 1.0).log_prob(x).sum(1)
        >>> torch.allclose(one.log_prob(x), exact.double(), atol=1e-5)
        True
    """

    def __init__(self, train: Tensor, width: float) -> None:
        if not width > 0:
            raise ValueError(f"width: expected a positive number, got {width!r}")
        self.centres, self.width = train.flatten(1).double(), float(width)

    @classmethod
    def fit(cls, train: Tensor, validation: Tensor) -> Self:
        """Return the one whose width makes the validation examples likeliest.

        Args:
            train: (n, *event) the examples that it remembers, in [0, 1].
            validation: (m, *event) others, none of them among the first.
        """
        tried = [cls(train, width) for width in WIDTHS]
        return max(tried, key=lambda memoriser: float(memoriser.log_prob(validation).mean()))

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats: (batch, *event) -> (batch,) in float64."""
        x = x.flatten(1).double()
        squares = torch.cdist(x, self.centres).square() / self.width**2  # (batch, n)
        constant = x.shape[1] * math.log(self.width * math.sqrt(2 * math.pi))
        return (-squares / 2).logsumexp(1) - math.log(len(self.centres)) - constant
