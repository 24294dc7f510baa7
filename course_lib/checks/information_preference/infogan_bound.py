"""Check of InfoGAN's bound on the information of a code."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["infogan_bound"]

BOUND = "H(c) + log q(c|x), with H(c) = -sum_c p(c) log p(c)   (slide 17)"


def right(code: Tensor, logits: Tensor, p_code: Tensor) -> Tensor:
    """Return the bound of each example, (batch,)."""
    log_q = logits.log_softmax(1).gather(1, code[:, None])[:, 0]
    return log_q - (p_code * p_code.log()).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a recogniser that knows nothing, random and confident ones, unequal codes."""
    uniform = torch.full((4,), 0.25, dtype=torch.float64)
    zero = torch.zeros(6, 4, dtype=torch.float64)
    unequal = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    return [
        Case((inputs.integers(4, 6), zero, uniform), where="if q(c|x) is uniform"),
        _codes(inputs, 9, uniform),
        _codes(inputs, 11, unequal).at("for unequal codes"),
        _codes(inputs, 1, unequal).at("for one"),
        _codes(inputs, 7, inputs.normal(10).softmax(0)).at("for ten codes"),
        _codes(inputs, 8, uniform, 500.0).at("if q(c|x) is confident"),
    ]


def _codes(inputs: RandomInputs, batch: int, p_code: Tensor, scale: float = 2.0) -> Case:
    code = inputs.integers(len(p_code), batch)
    return Case((code, inputs.normal(batch, len(p_code), scale=scale), p_code))


infogan_bound = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("code", "logits"),
    gradients=("logits",),
    why=BOUND,
    hint="log q(c|x) is a log-softmax of the logits, at the code's own place",
    passed="zero for a recogniser that knows nothing, never above H(c).",
)
