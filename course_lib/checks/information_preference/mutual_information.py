"""Check of the mutual information of a table."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["mutual_information"]

INFORMATION = "I(x; z) = KL(q(z, x), q(z) q(x)), with 0 log 0 = 0   (slides 16, 17)"


def right(joint: Tensor) -> Tensor:
    """Return I(x; z), ()."""
    independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (torch.xlogy(joint, joint) - torch.xlogy(joint, independent)).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on independence, a perfect code, random tables, and tables with zeros."""
    eight = torch.eye(8, dtype=torch.float64) / 8
    p_z, p_x = inputs.normal(4).softmax(0), inputs.normal(6).softmax(0)
    holes = _table(inputs, 6, 5)
    holes[::2, 1] = 0
    unused = _table(inputs, 4, 3)
    unused[2] = 0
    return [
        Case((p_z[:, None] * p_x,), where="for independent z and x"),
        Case((_table(inputs, 3, 4),)),
        Case((_table(inputs, 7, 5, scale=2.0),), where="on tables of 7x5"),
        Case((eight,), where="for a perfect code"),
        Case((holes / holes.sum(),), where="with zeros"),
        Case((unused / unused.sum(),), where="if a z never occurs"),
        Case((_table(inputs, 5, 5, scale=6.0),), where="if sharp"),
    ]


def _table(inputs: RandomInputs, n_z: int, n_x: int, scale: float = 1.0) -> Tensor:
    return inputs.normal(n_z, n_x, scale=scale).flatten().softmax(0).reshape(n_z, n_x)


mutual_information = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    why=INFORMATION,
    hint="both marginals are sums of the table; their product is what independence would be",
    passed="zero if independent, log K for a code, exact with zeros.",
)
