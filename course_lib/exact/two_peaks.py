"""A world with one latent number whose posterior has two peaks (slides 3, 6 and 7).

p(z) = N(0, 1) and p(x|z) = N(0.8 z^2, 0.6^2): z and -z explain x equally well, so p(z|x) has two
peaks for every x well above zero, which no Gaussian has. Every number is a sum over a grid in
float64; nothing is sampled.

Example:
    >>> import torch
    >>> from course_lib.exact.normal import log_normal
    >>> x = torch.tensor([[1.5]], dtype=torch.float64)
    >>> q = log_normal(WORLD.grid.nodes)
    >>> torch.allclose(WORLD.log_prob(x), WORLD.elbo(x, q) + WORLD.gap(x, q))
    True
"""

from __future__ import annotations

import math

from torch import Tensor

from course_lib.exact.grid import Grid, GridWorld
from course_lib.exact.normal import log_normal

__all__ = [
    "CURVATURE",
    "NOISE_SCALE",
    "WORLD",
    "log_likelihood",
    "log_prior",
]

CURVATURE, NOISE_SCALE = 0.8, 0.6


def log_prior(z: Tensor) -> Tensor:
    """Return log p(z) = log N(z; 0, 1): (..., 1) -> (...)."""
    return log_normal(z)


def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
    """Return log p(x|z) = log N(x; 0.8 z^2, 0.6^2): x and z, (..., 1), broadcast -> (...)."""
    return log_normal(x, CURVATURE * z.square(), math.log(NOISE_SCALE))


WORLD = GridWorld(
    log_prior, lambda x, z: log_likelihood(x.unsqueeze(1), z), Grid(-8.0, 8.0, 3201, dim=1)
)
"""The world on a grid; its methods take x, (batch, 1)."""
