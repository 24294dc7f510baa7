"""Check of the KL from a Gaussian to the prior, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["gaussian_kl"]

KL = "KL(q, N(0, I)) = 1/2 sum(s^2 + mu^2 - 1) - sum log s   (slide 6)"


def right(mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return KL(N(mu, diag(s^2)), N(0, I)), (batch,), by torch's own formula."""
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return kl_divergence(Independent(Normal(mu, log_scale.exp()), 1), Independent(prior, 1))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the prior itself, scale 1, and random inputs."""
    zero, mu = torch.zeros(7, 3, dtype=torch.float64), inputs.normal(7, 3)
    shapes = ((7, 3), (97, 1), (5, 4))
    return [
        Case((zero, zero), zero[:, 0], "for q = N(0, I)"),
        Case((mu, zero), 0.5 * mu.square().sum(-1), "for scale 1"),
        *(Case((inputs.normal(*shape, scale=2), inputs.normal(*shape))) for shape in shapes),
        Case((100 * mu, inputs.normal(7, 3) - 12), where="far from the prior"),
    ]


gaussian_kl = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("mu", "log_scale"),
    gradients=("mu", "log_scale"),
    why=KL,
    hint="write the integral for one dimension first, then sum over dim",
    passed="zero for q = N(0, I), and exact for every other q tried.",
)
