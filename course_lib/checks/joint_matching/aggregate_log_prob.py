"""Check of the log-density of the aggregate posterior, a mixture of one Gaussian per example."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["aggregate_log_prob"]

MIXTURE = "q(z) = 1/n sum_i N(z; mu_i, diag(s_i^2))   (slide 15)"


def right(z: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return log q(z), (batch,): the log of the mean over examples, computed in log space."""
    each = Independent(Normal(mu, log_scale.exp()), 1).log_prob(z[:, None])  # (batch, n)
    return each.logsumexp(1) - math.log(len(mu))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on one example, equal examples, mixtures, and points far from all components."""
    z, one = inputs.normal(7, 3), inputs.normal(1, 3)
    zero = torch.zeros(11, 3, dtype=torch.float64)
    return [
        Case((z, one, 0.3 * inputs.normal(1, 3)), where="for one example"),
        Case((z, zero, zero), where="for equal ones"),
        _mixture(inputs, 7, 11, 3),
        _mixture(inputs, 97, 5, 1),
        _mixture(inputs, 5, 23, 4),
        Case(
            (40 + z, inputs.normal(11, 3), inputs.normal(11, 3, scale=0.3)),
            where="far out",
        ),
    ]


def _mixture(inputs: RandomInputs, batch: int, n: int, dim: int) -> Case:
    mu, log_scale = inputs.normal(n, dim), inputs.normal(n, dim, scale=0.5)
    where = f"for n {n}, dim {dim}"
    return Case((inputs.normal(batch, dim), mu, log_scale), where=where)


aggregate_log_prob = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("z",),
    gradients=("z", "mu", "log_scale"),
    why=MIXTURE,
    hint="(batch, n) log-densities first: z[:, None] against mu; then one logsumexp",
    passed="a mixture of all examples, finite far out.",
)
