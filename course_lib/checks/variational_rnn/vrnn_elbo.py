"""Check of the ELBO of a sequence: two sums over time, and padding that adds nothing."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["right", "vrnn_elbo"]

RECONSTRUCTION = "sum over t of log p(x_t | z_<=t, x_<t)   (slide 9)"
KL = "sum over t of KL(q(z_t | z_<t, x_<=t), p(z_t | z_<t, x_<t))   (slide 9)"
ELBO = "ELBO = sum over t of reconstruction - KL; padding adds zero   (slide 9)"


def right(
    log_px: Tensor, posterior: Tensor, prior: Tensor, length: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the bound, the reconstruction and the KL of each sequence, (batch,) each."""
    valid = torch.arange(log_px.shape[1]) < length[:, None]
    kl = kl_divergence(_gaussian(posterior), _gaussian(prior))
    reconstruction, kl = (terms.where(valid, 0.0).sum(1) for terms in (log_px, kl))
    return reconstruction - kl, reconstruction, kl


def _gaussian(parameters: Tensor) -> Independent:
    mu, log_scale = parameters.chunk(2, -1)
    return Independent(Normal(mu, log_scale.exp()), 1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal Gaussians, a standard prior, one step, and random and far Gaussians."""
    log_px, q, p, length = _draw(inputs, 7, 5, 3)
    padding = torch.arange(5) >= length[:, None]
    return [
        Case((log_px, q, q.clone(), length), where="for q = p"),
        Case((log_px, q, 0 * p, length), where="for p = N(0, I)"),
        Case(_draw(inputs, 6, 1, 2), where="for T = 1"),
        Case((log_px, q, p, length), where="for 5 steps"),
        Case(_draw(inputs, 5, 8, 1), where="for 8 steps"),
        Case((100 * log_px, *_draw(inputs, 7, 5, 3, far=6.0)[1:3], length), where="far out"),
        Case((log_px.masked_fill(padding, -math.inf), q, p, length), where="for infinite padding"),
    ]


def _draw(
    inputs: RandomInputs, batch: int, time: int, dim: int, far: float = 0.0
) -> tuple[Tensor, ...]:
    """Return log p(x_t), parameters (mu, log_scale) of q and p, and lengths, including 1."""
    parameters = []
    for _ in range(2):
        mu = (1 + 10 * far) * inputs.normal(batch, time, dim)
        log_scale = inputs.normal(batch, time, dim, scale=0.4) - far
        parameters.append(torch.cat((mu, log_scale), -1))
    length = 1 + inputs.integers(time, batch)
    length[0], length[1] = time, 1
    return -5 + inputs.normal(batch, time), *parameters, length


vrnn_elbo = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_px", "posterior", "prior", "length"),
    gradients=("log_px", "posterior", "prior"),
    parts=("elbo", "reconstruction", "kl"),
    formulas={"reconstruction": RECONSTRUCTION, "kl": KL, "elbo": ELBO},
    why=ELBO,
    hint="the KL of two Gaussians at every step; then two sums over the valid steps",
    passed="padding adds nothing, and T = 1 is a VAE's ELBO.",
)
