"""Check of the bound on log p(x2|x1), with z drawn from q(z|x1,x2)."""

from __future__ import annotations

import math

from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["conditional_bound"]

BOUND = "log 1/k sum_j p(x2|z_j) q(z_j|x1) / q(z_j|x1,x2), z_j ~ q(z|x1,x2)   (slide 8)"


def right(log_p2: Tensor, log_q1: Tensor, log_q12: Tensor) -> Tensor:
    """Return the k-sample bound of each example, (batch,), computed in log space."""
    log_weight = log_p2 + log_q1 - log_q12
    return log_weight.logsumexp(0) - math.log(len(log_weight))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal densities, k = 1, random weights, and weights beyond every dtype."""
    log_q, level = inputs.normal(5, 7), inputs.normal(7)
    same = level.expand(5, 7).clone()
    return [
        Case((same, log_q, log_q.clone()), level, "where q(z|x1) = q(z|x1,x2)"),
        _draws(inputs, 1, 7).at("for k = 1"),
        *(_draws(inputs, k, batch) for k, batch in ((5, 7), (3, 97), (64, 2))),
        *(_draws(inputs, 5, 7, at).at(f"near {at:+,.0f}") for at in (-1000.0, 1000.0, -1e5)),
    ]


def _draws(inputs: RandomInputs, k: int, batch: int, at: float = -20.0) -> Case:
    log_p2 = at + inputs.normal(k, batch, scale=2)
    return Case((log_p2, inputs.normal(k, batch) - 2, inputs.normal(k, batch) + 1))


conditional_bound = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_p2", "log_q1", "log_q12"),
    row_dim=1,
    gradients=("log_p2", "log_q1", "log_q12"),
    why=BOUND,
    hint="the log of one weight first, then its log-mean-exp over the k draws",
    passed="log of the mean weight, stable at weights of exp(-1000).",
)
