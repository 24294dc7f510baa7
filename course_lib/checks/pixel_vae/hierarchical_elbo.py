"""Check of the ELBO of a hierarchy p(x|z1) p(z1|z2) p(z2) of Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["hierarchical_elbo"]

KL_Z1 = "KL(q(z1|x), p(z1|z2)), summed over the dimensions   (slide 4)"
KL_Z2 = "KL(q(z2|z1), N(0, I)), summed over the dimensions   (slide 4)"
ELBO = "log p(x|z1) - KL(q(z1|x), p(z1|z2)) - KL(q(z2|z1), p(z2))   (slide 4)"


def right(log_px: Tensor, q1: Tensor, p1: Tensor, q2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the bound and both KL terms, each (batch,)."""
    kl_z1 = kl_divergence(_gaussian(q1), _gaussian(p1))
    kl_z2 = kl_divergence(_gaussian(q2), _gaussian(torch.zeros_like(q2)))
    return log_px - kl_z1 - kl_z2, kl_z1, kl_z2


def _gaussian(parameters: Tensor) -> Independent:
    mu, log_scale = parameters.unbind(1)
    return Independent(Normal(mu, log_scale.exp()), 1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal distributions, each KL alone, random Gaussians and far ones."""
    log_px, q1, p1, q2 = _draw(inputs, 7, 3, 2)
    return [
        Case((log_px, q1, q1, 0 * q2), where="for q1 = p1"),
        Case((log_px, q1, p1, 0 * q2), where="for q2 = N(0, I)"),
        Case(_draw(inputs, 6, 3, 3), where="for 3 and 3 dims"),
        Case((log_px, q1, p1, q2), where="for 3 and 2 dims"),
        Case(_draw(inputs, 5, 1, 4), where="for 1 and 4 dims"),
        Case((100 * log_px, *_draw(inputs, 7, 3, 2, far=6.0)[1:]), where="far out"),
    ]


def _draw(
    inputs: RandomInputs, batch: int, one: int, two: int, far: float = 0.0
) -> tuple[Tensor, ...]:
    """Return log p(x|z1) and parameters (mu, log_scale) stacked in dimension 1."""
    parameters = []
    for dim in (one, one, two):
        mu, log_scale = inputs.normal(batch, dim), inputs.normal(batch, dim, scale=0.4)
        parameters.append(torch.stack((mu * (1 + 10 * far), log_scale - far), 1))
    return inputs.normal(batch), *parameters


hierarchical_elbo = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_px", "q1", "p1", "q2"),
    gradients=("log_px", "q1", "p1", "q2"),
    parts=("elbo", "kl_z1", "kl_z2"),
    formulas={"kl_z1": KL_Z1, "kl_z2": KL_Z2, "elbo": ELBO},
    why=ELBO,
    hint="one function for the KL of two Gaussians serves both terms",
    passed="zero KL where Gaussians agree, exact elsewhere.",
)
