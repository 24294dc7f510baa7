"""Check of the two losses that a GAN's generator can minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["generator_losses"]

SATURATING = "saturating: E_model[log(1 - D)], D = sigmoid(logit)   (slide 10)"
NON_SATURATING = "non-saturating: -E_model[log D], D = sigmoid(logit)   (slide 10)"


def right(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the saturating and the non-saturating loss, () and ()."""
    return -softplus(logits).mean(), softplus(-logits).mean()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on logits 0, random logits, one logit, and confident critics."""
    return [
        Case((torch.zeros(5).double(),), where="for logits 0"),
        Case((-1 + inputs.normal(7, scale=2),), where="for n = 7"),
        Case((inputs.normal(97, scale=3),), where="for n = 97"),
        Case((inputs.normal(1),), where="for one"),
        Case((-200 + inputs.normal(7),), where="if it is confident"),
        Case((200 + inputs.normal(7),), where="if it is fooled"),
    ]


generator_losses = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("logits",),
    parts=("saturating", "non_saturating"),
    formulas={"saturating": SATURATING, "non_saturating": NON_SATURATING},
    why=SATURATING + ";\n" + NON_SATURATING,
    hint="log D = -softplus(-l) and log(1 - D) = -softplus(l)",
    passed="both losses and slopes are right, if confident too.",
)
