"""Check of the two masks of a MADE with one hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs

__all__ = ["made_masks"]

INTO = "into[k, j] = 1 if order[j] + 1 <= hidden_degrees[k], else 0   (slide 5)"
OUT = "out[i, k] = 1 if hidden_degrees[k] < order[i] + 1, else 0   (slide 5)"


def right(order: Tensor, hidden_degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Return both masks, (hidden, dim) and (dim, hidden), with the dtype of ``order``."""
    degree = order + 1
    into = degree <= hidden_degrees[:, None]
    return into.to(order.dtype), (hidden_degrees < degree[:, None]).to(order.dtype)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the plain order, other orders, one dimension, and paths that look ahead."""
    plain = Case((torch.arange(4), torch.tensor([1, 2, 3, 1, 2, 3])), where="in plain order")
    shuffled = Case(_random(inputs, 7, 11), where="for 7 and 11")
    return [
        plain,
        _looks_back(shuffled),
        shuffled,
        Case((torch.tensor([3, 0, 1, 4, 2]), torch.tensor([2, 4, 1])), where="if shuffled"),
        Case((torch.arange(5).flip(0), torch.arange(1, 5)), where="if reversed"),
        Case((torch.zeros(1, dtype=torch.int64), torch.tensor([0, 0])), where="for one"),
        Case(_random(inputs, 3, 40), where="for 3 and 40"),
    ]


def _random(inputs: RandomInputs, dim: int, hidden: int) -> tuple[Tensor, Tensor]:
    order = torch.randperm(dim, generator=inputs.generator)
    return order, 1 + inputs.integers(dim - 1, hidden)


def _looks_back(case: Case) -> Step:
    """Return the check that no path leads to an output from its own or a later input."""

    def step(answer: Answer) -> Problem | None:
        into, out = answer(*case.inputs)
        order = case.inputs[0]
        ahead = (out.double() @ into.double())[order[:, None] <= order].sum()
        if not ahead:
            return None
        got, expected = f"{ahead:.0f} paths from itself or later", "0 such paths"
        inputs = show_inputs(answer.args, case.inputs)
        headline = "an output sees what comes after it, or itself."
        return Problem(headline, got, expected, why=f"{INTO}\n{OUT}", inputs=inputs)

    return step


made_masks = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    parts=("into", "out"),
    formulas={"into": INTO, "out": OUT},
    why=f"{INTO}\n{OUT}",
    hint="compare a column with a row: degrees[:, None] against order + 1",
    passed="no path looks ahead, and none that is allowed is missing.",
)
