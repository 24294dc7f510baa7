"""Check of the shuffle cost: what a decoder loses with another example's z."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["shuffle_cost"]

COST = "cost_i = log p(x_i|z_i) - 1/(n-1) sum_(j != i) log p(x_i|z_j)   (slide 16)"


def right(log_p: Tensor) -> Tensor:
    """Return the cost of each example, (n,)."""
    own = log_p.diagonal()
    return own - (log_p.sum(1) - own) / (len(log_p) - 1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a decoder that ignores z, random tables, two examples, and large values."""
    return [
        Case((inputs.normal(5, 1).expand(5, 5).clone(),), where="if z is ignored"),
        Case((inputs.normal(4, 4),)),
        Case((inputs.normal(23, 23, scale=3.0),), where="for n = 23"),
        Case((inputs.normal(2, 2),), where="for n = 2"),
        Case((-1500 + inputs.normal(6, 6, scale=300.0),), where="far out"),
        Case((inputs.normal(5, 5) + 9 * torch.eye(5, dtype=torch.float64),), where="if z is used"),
    ]


shuffle_cost = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("log_p",),
    why=COST,
    hint="row i belongs to image i; its own z is on the diagonal",
    passed="zero if z is ignored, and no image is compared with its own z.",
)
