"""Check of the unbiased estimate of the squared maximum mean discrepancy."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["mmd2"]

MMD = (
    "MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j)\n"
    "        - 2 mean_{i, j} k(x_i, y_j)   (slide 15)"
)


def right(x: Tensor, y: Tensor, bandwidth: Tensor) -> Tensor:
    """Return the unbiased estimate, (): pairs of a point with itself are left out."""
    within = sum(_kernel(a, a, bandwidth).sum() / (len(a) * (len(a) - 1)) for a in (x, y))
    # Each point's pair with itself adds k = 1: n in total, which are subtracted.
    within = within - 1 / (len(x) - 1) - 1 / (len(y) - 1)
    return within - 2 * _kernel(x, y, bandwidth).mean()


def _kernel(a: Tensor, b: Tensor, bandwidth: Tensor) -> Tensor:
    squares = (a[:, None] - b[None]).square().sum(-1)
    return (-squares / (2 * bandwidth**2)).exp()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on two points each, unequal sizes, wide and narrow kernels, and distant sets."""
    x, y = inputs.normal(2, 1), inputs.normal(2, 1)
    return [
        Case((x, y, _width(1.0)), where="for two points each"),
        Case((inputs.normal(7, 3), inputs.normal(5, 3), _width(1.3)), where="for 7 and 5 points"),
        Case((inputs.normal(6, 2), inputs.normal(11, 2), _width(0.4)), where="for 6 and 11 points"),
        Case((inputs.normal(9, 4), inputs.normal(9, 4), _width(3.0)), where="for 9 points each"),
        Case((x, x.clone(), _width(0.7)), where="for a set and itself"),
        Case((inputs.normal(4, 2), 12 + inputs.normal(3, 2), _width(1.0)), where="far apart"),
    ]


def _width(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


mmd2 = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("x", "y"),
    why=MMD,
    hint="three kernel matrices; in the first two, leave out the diagonal",
    passed="unbiased, for sets of any sizes and any bandwidth.",
)
