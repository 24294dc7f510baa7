"""Check of the lower bound on the JSD that a critic's logits give."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["jsd_from_logits"]

JSD = "JSD >= V/2 + log 2, V = E_data[log D] + E_model[log(1 - D)]   (slide 10)"


def right(data_logits: Tensor, model_logits: Tensor) -> Tensor:
    """Return the estimate of the bound, ()."""
    return math.log(2) + (logsigmoid(data_logits).mean() - softplus(model_logits).mean()) / 2


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a critic that knows nothing, unequal sample sizes, and confident critics."""
    return [
        Case((torch.zeros(4).double(), torch.zeros(6).double()), where="for logits 0"),
        Case((1 + inputs.normal(7), -1 + inputs.normal(5)), where="for 7 and 5 logits"),
        Case((inputs.normal(3), inputs.normal(11)), where="for 3 and 11 logits"),
        Case((inputs.normal(97, scale=3), inputs.normal(97, scale=3)), where="for 97 each"),
        Case((inputs.normal(1), inputs.normal(1)), where="for one each"),
        Case((200 + inputs.normal(7), -200 + inputs.normal(5)), where="if confident"),
        Case((-200 + inputs.normal(7), 200 + inputs.normal(5)), where="if confident and wrong"),
    ]


jsd_from_logits = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("data_logits", "model_logits"),
    why=JSD,
    hint="log D = -softplus(-l) and log(1 - D) = -softplus(l): two means, a half, log 2",
    passed="0 for a blind critic, at most log 2, always finite.",
)
