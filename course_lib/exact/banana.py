r"""A density in the plane that one affine autoregressive layer fits in only one order (slide 5).

x_1 ~ N(0, 1) and x_2 given x_1 ~ N(0.8 (x_1^2 - 1), 0.5^2). Taken in this order every conditional
is a Gaussian, so that one MAF layer can be the density itself. Taken backwards it cannot: x_1 given
x_2 has two peaks. How much is lost at least is an integral, computed here in float64.

Example:
    >>> best_affine_kl((0, 1)), round(best_affine_kl((1, 0)), 4)
    (0.0, 0.6255)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.exact.grid import Grid, GridWorld
from course_lib.exact.normal import log_normal

__all__ = ["CURVATURE", "NOISE_SCALE", "best_affine_kl", "conditioner", "log_prob", "sample"]

CURVATURE, NOISE_SCALE = 0.8, 0.5


def conditioner(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mu_i(x_<i) and log sigma_i(x_<i) of both dimensions: (..., 2) -> two of (..., 2)."""
    first = x[..., 0]
    mu = torch.stack((torch.zeros_like(first), CURVATURE * (first.square() - 1)), -1)
    log_scale = torch.tensor([0.0, math.log(NOISE_SCALE)], dtype=x.dtype, device=x.device)
    return mu, log_scale.expand_as(mu)


def log_prob(x: Tensor) -> Tensor:
    """Return log p(x) = log p(x_1) + log p(x_2 | x_1) in nats: (..., 2) -> (...)."""
    return log_normal(x, *conditioner(x))


def sample(n: int, generator: torch.Generator) -> Tensor:
    """Return n draws, (n, 2) float32, from a generator on the CPU."""
    z = torch.randn(n, 2, generator=generator)
    x_1 = z[:, 0]
    x_2 = CURVATURE * (x_1.square() - 1) + NOISE_SCALE * z[:, 1]
    return torch.stack((x_1, x_2), 1)


def best_affine_kl(sequence: Sequence[int]) -> float:
    r"""Return the least KL(p, q) over all q with one affine layer in this order (slide 5).

    .. math:: q^* = N(x_a; E x_a, \operatorname{Var} x_a)\,
              N(x_b; E[x_b | x_a], \operatorname{Var}[x_b | x_a]), \qquad
              KL(p, q^*) = \tfrac12 \log\operatorname{Var} x_a
              + \tfrac12 E \log\operatorname{Var}[x_b | x_a] - \log \sigma

    No network is wide enough to get below it: these are the best means and variances there are.

    Args:
        sequence: the dimension that comes first, then the other: (0, 1) or (1, 0).

    Returns:
        Nats; the backward order is integrated on a grid.

    Raises:
        ValueError: if ``sequence`` is not one of the two orders.
    """
    if tuple(sequence) == (0, 1):
        return 0.0
    if tuple(sequence) != (1, 0):
        raise ValueError(f"sequence: expected (0, 1) or (1, 0), got {tuple(sequence)}")
    x_2, step = torch.linspace(-6, 42, 961, dtype=torch.float64), 48 / 960
    world = GridWorld(
        log_normal,
        lambda x, x_1: log_normal(
            x[..., None], CURVATURE * (x_1.square() - 1), math.log(NOISE_SCALE)
        ),
        Grid(-9.0, 9.0, 901),
    )
    weight = world.log_prob(x_2[:, None]).exp() * step
    # x_1 has mean zero given any x_2, so that its variance is the mean of its square
    nodes = world.grid.nodes[:, 0]
    log_variance = world.grid.log_integral(
        world.posterior(x_2[:, None]) + nodes.square().log()
    ).double()
    first = math.log(2 * CURVATURE**2 + NOISE_SCALE**2)
    return 0.5 * (first + float((weight * log_variance).sum())) - math.log(NOISE_SCALE)
