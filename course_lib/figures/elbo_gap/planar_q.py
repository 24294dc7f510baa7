"""A Gaussian q pushed through planar layers, against the posterior with two peaks (slide 6).

The world is ``exact.two_peaks`` with x = 1.5 observed. Every number is a sum over a grid of the
base's noise, in float64; nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.distributions.transforms import planar as reference_planar
from course_lib.exact import two_peaks
from course_lib.exact.normal import log_normal

__all__ = [
    "BASE",
    "LOG_PX",
    "BoundAndGap",
    "fitted_layers",
    "is_fitted",
    "log_joint",
    "push",
    "reference_planar",
    "split",
]

X = torch.tensor([[1.5]], dtype=torch.float64)
LOG_PX = float(two_peaks.WORLD.log_prob(X))
# The mean and log scale of the best Gaussian that covers both peaks: the base of the fitted layers.
BASE = (0.0, -0.2)

Layer = tuple[Tensor, Tensor, Tensor]
LogProb = Callable[[Tensor, Tensor, Tensor], Tensor]
PlanarMap = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

_fitted: dict[int, list[Layer]] = {0: []}


class BoundAndGap(NamedTuple):
    """The three numbers of slide 6, in nats: log p(x), the ELBO, and the KL between them."""

    log_px: float
    elbo: float
    kl: float


def log_joint(z: Tensor) -> Tensor:
    """Return log p(z) + log p(x|z) at x = 1.5: (..., 1) -> (...)."""
    return two_peaks.log_prior(z) + two_peaks.log_likelihood(X[0], z)


# Sums over an even grid of a smooth function that vanishes at both ends are exact to rounding.
_NOISE = torch.linspace(-8.5, 8.5, 851, dtype=torch.float64)[:, None]
_WEIGHT = two_peaks.log_prior(_NOISE).exp() * float(_NOISE[1] - _NOISE[0])


def push(
    mu: float,
    log_scale: float,
    layers: Sequence[Layer] = (),
    gaussian_log_prob: LogProb = log_normal,
    planar: PlanarMap = reference_planar,
) -> tuple[Tensor, Tensor]:
    r"""Return points z = f(z'), z' on a grid over N(mu, scale^2), and log q(z) there (slide 6).

    .. math:: \log q(z) = \log N(z'; \mu, \sigma) - \sum_k \log|\det \partial f_k / \partial z|

    Args:
        mu: mean of the base.
        log_scale: log of the standard deviation of the base.
        layers: u (1,), w (1,) and b () of each planar layer.
        gaussian_log_prob: (x, mu, log_scale), each (n, 1) -> (n,).
        planar: (z, u, w, b) -> f(z), (n, 1), and the log-determinant, (n,).

    Returns:
        z, (n, 1), and log q(z), (n,).

    Raises:
        ValueError: if one of the two functions returns a wrong shape.

    Example:
        >>> z, log_q = push(0.5, -1.0)
        >>> bool(torch.trapezoid(log_q.exp(), z[:, 0]).sub(1).abs() < 1e-9)
        True
    """
    z = mu + math.exp(log_scale) * _NOISE
    mus, log_scales = torch.full_like(z, mu), torch.full_like(z, log_scale)
    log_q = _shaped(gaussian_log_prob(z, mus, log_scales), (len(z),), "gaussian_log_prob")
    for u, w, b in layers:
        moved, log_det = planar(z, u, w, b)
        z = _shaped(moved, (len(z), 1), "f of planar")
        log_q = log_q - _shaped(log_det, (len(z),), "log_det of planar")
    return z, log_q


def _shaped(value: Any, shape: tuple[int, ...], name: str) -> Tensor:
    if not isinstance(value, Tensor) or tuple(value.shape) != shape:
        came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name}: expected shape {shape}, got {came}")
    return value.detach()


def split(z: Tensor, log_q: Tensor) -> BoundAndGap:
    r"""Return log p(x), ELBO and KL(q(z|x), p(z|x)) for the points of ``push`` (slide 6).

    .. math:: L(x) = E_q[\log p(x, z) - \log q(z|x)], \qquad
              \log p(x) = L(x) + KL(q(z|x), p(z|x))

    Args:
        z: (n, 1) the pushed grid.
        log_q: (n,) log q at z.

    Example:
        >>> log_px, elbo, kl = split(*push(1.0, -1.0))
        >>> abs(log_px - elbo - kl) < 1e-12
        True
    """
    log_pxz = log_joint(z)
    log_posterior = log_pxz - LOG_PX
    elbo = (_WEIGHT * (log_pxz - log_q)).sum()
    return BoundAndGap(LOG_PX, float(elbo), float((_WEIGHT * (log_q - log_posterior)).sum()))


def fitted_layers(count: int) -> list[Layer]:
    """Return ``count`` planar layers fitted to the posterior from the base N(0, exp(-0.2)^2).

    The ELBO, a sum over a grid, is maximised by Adam from 16 starts at once, and the best is kept.
    This takes a few seconds the first time; the result is cached.

    Args:
        count: how many layers.

    Returns:
        u (1,), w (1,) and b () of each layer.
    """
    if count not in _fitted:
        _fitted[count] = _fit(count)
    return _fitted[count]


def is_fitted(count: int) -> bool:
    """Return whether ``fitted_layers(count)`` is already cached."""
    return count in _fitted


def _fit(count: int, starts: int = 16, steps: int = 1200) -> list[Layer]:
    draw = torch.Generator().manual_seed(count)
    raw = torch.randn(3, count, starts, 1, 1, generator=draw, dtype=torch.float64)
    raw.requires_grad_()
    noise, weight = _NOISE[::3], 3 * _WEIGHT[::3]
    optimiser = torch.optim.Adam([raw], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps + 1):
        bounds = _bounds(raw, noise, weight)
        optimiser.zero_grad()
        (-bounds.sum()).backward()
        optimiser.step()
        schedule.step()
    best = raw.detach()[:, :, int(_bounds(raw, noise, weight).argmax()), 0]
    return [(u, w, b[0]) for u, w, b in best.unbind(1)]


def _bounds(raw: Tensor, noise: Tensor, weight: Tensor) -> Tensor:
    """Return the ELBO of every start, (starts,), for raw = u, w, b of (layers, starts, 1, 1)."""
    z = (BASE[0] + math.exp(BASE[1]) * noise).expand(raw.shape[2], -1, -1)
    log_q = log_normal(noise, torch.zeros(1), torch.zeros(1)) - BASE[1]
    for u, w, b in raw.unbind(1):
        z, log_det = reference_planar(z, u, w, b[..., 0])
        log_q = log_q - log_det
    return (weight * (log_joint(z) - log_q)).sum(-1)
