"""Check of the sum over time in which padding does not count."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["masked_sum"]

SUM = "sum over t = 1..length of the terms; padding adds exactly zero   (slide 9)"


def right(terms: Tensor, length: Tensor) -> Tensor:
    """Return the sum of each row's first ``length`` terms, (batch,)."""
    valid = torch.arange(terms.shape[1]) < length[:, None]
    return terms.where(valid, 0.0).sum(1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on ones without padding, random lengths, one step, and infinite padding."""
    ones = torch.ones(5, 4, dtype=torch.float64)
    length = 1 + inputs.integers(6, 7)
    length[0], length[1] = 6, 1
    terms = inputs.normal(7, 6)
    padded = terms.masked_fill(torch.arange(6) >= length[:, None], -math.inf)
    return [
        Case((ones, torch.full((5,), 4)), where="for ones"),
        Case((ones, torch.tensor([1, 2, 3, 4, 2])), where="for ones, padded"),
        Case((terms, length), where="for 6 steps"),
        Case((inputs.normal(9, 1), torch.ones(9, dtype=torch.int64)), where="for one step"),
        Case((1e4 * terms, length), where="far out"),
        Case((padded, length), where="for infinite padding"),
    ]


masked_sum = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("terms", "length"),
    gradients=("terms",),
    why=SUM,
    hint="compare torch.arange(time) with length[:, None], and choose with where()",
    passed="padding adds exactly zero, whatever it contains.",
)
