"""log N(x; mu, diag(sigma^2)): what the exact worlds and the identities are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["log_normal"]


def log_normal(x: Tensor, mu: Tensor | float = 0.0, log_scale: Tensor | float = 0.0) -> Tensor:
    r"""Return the log-density of a Gaussian whose entries are independent.

    .. math:: \log N(x; \mu, \mathrm{diag}\,\sigma^2) = -\sum_i
        \tfrac12 ((x_i - \mu_i) / \sigma_i)^2 + \log\sigma_i + \tfrac12 \log 2\pi

    Args:
        x: (..., dim) where the density is wanted.
        mu: the mean, a number or of a shape that broadcasts with x.
        log_scale: the log of sigma, likewise.

    Returns:
        (...), summed over the last dimension, in nats.

    Example:
        >>> x = torch.randn(3, 2)
        >>> torch.allclose(log_normal(x, x), torch.tensor(2 * math.pi).log().neg())
        True
    """
    log_scale = torch.as_tensor(log_scale, dtype=x.dtype)
    standardised = (x - mu) * (-log_scale).exp()
    return -(0.5 * standardised.square() + log_scale + 0.5 * math.log(2 * math.pi)).sum(-1)
