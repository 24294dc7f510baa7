"""Check of an affine coupling layer, run in both directions."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["coupling"]

Y = "+1: y = mask x + (1 - mask)(x e^s + t)   (slide 10)\n-1: y = mask x + (1 - mask)(x - t) e^-s"
LOG_DET = "log|det dy/dx| = direction * sum of s where mask = 0   (slide 10)"


def right(
    x: Tensor, mask: Tensor, shift: Tensor, log_scale: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the result, (batch, dim), and its log-determinant, (batch,)."""
    s, t = (1 - mask) * log_scale, (1 - mask) * shift
    if direction > 0:
        return x * s.exp() + t, s.sum(-1)
    return (x - t) * (-s).exp(), -s.sum(-1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the identity, both directions, the round trip, and one free dimension."""
    x, zero, mask = inputs.normal(7, 4), torch.zeros(7, 4).double(), _mask(1, 0, 1, 0)
    there = _layer(inputs, 7, mask, 1.0)
    back = (*there[:4], _sign(-1.0))
    return [
        Case((x, mask, zero, zero, _sign(1.0)), where="for s = t = 0"),
        Case((x, mask, inputs.normal(7, 4), zero, _sign(1.0)), where="for s = 0"),
        Case(there, where="for direction +1"),
        Case(back, where="for direction -1"),
        _and_back(there),
        Case(_layer(inputs, 97, _mask(0, 0, 1), 1.0), where="for 97x3"),
        Case(_layer(inputs, 5, _mask(1, 1, 1, 1, 0), -1.0), where="for 5x5"),
        Case(_layer(inputs, 3, _mask(0, 1), -1.0, 2.0), where="for 3x2"),
    ]


def _mask(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _sign(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _layer(
    inputs: RandomInputs, batch: int, mask: Tensor, direction: float, scale: float = 0.5
) -> tuple[Tensor, ...]:
    shape = batch, len(mask)
    log_scale = inputs.normal(*shape, scale=scale)
    return inputs.normal(*shape), mask, inputs.normal(*shape), log_scale, _sign(direction)


def _and_back(there: tuple[Tensor, ...]) -> Step:
    """Return the check that direction -1 undoes direction +1, both by the answer."""

    def step(answer: Answer) -> Problem | None:
        x, *rest, _ = there
        y = answer(*there)[0].detach()
        again = answer(y, *rest, _sign(-1.0))[0].detach()
        if torch.allclose(again, x, rtol=1e-8, atol=1e-8):
            return None
        where = show_inputs(answer.args, there)
        return Problem("y: -1 does not undo +1.", *show_pair(again, x, 1e-8), why=Y, inputs=where)

    return step


coupling = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "shift", "log_scale"),
    gradients=("x", "shift", "log_scale"),
    parts=("y", "log_det"),
    formulas={"y": Y, "log_det": LOG_DET},
    why=Y + "\n" + LOG_DET,
    hint="set t and s to zero where mask = 1, then one line for each direction",
    passed="there and back is the identity, and each log_det is the Jacobian's.",
)
