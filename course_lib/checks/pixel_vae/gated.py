"""Check of the gated activation with a context."""

from __future__ import annotations

from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["gated"]

GATE = "tanh(f_1 + c_1) sigmoid(f_2 + c_2), halves along the channels   (slide 4)"


def right(features: Tensor, context: Tensor) -> Tensor:
    """Return the gated features, (batch, channels, height, width)."""
    value, gate = (features + context[:, :, None, None]).chunk(2, dim=1)
    return value.tanh() * gate.sigmoid()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on features without context, context alone, random inputs and large ones."""
    zero = inputs.normal(4, 6, 3, 5) * 0
    return [
        Case((inputs.normal(4, 6, 3, 5), zero[:, :, 0, 0]), where="without context"),
        Case((zero, inputs.normal(4, 6)), where="for context alone"),
        _random(inputs, 4, 6, 3, 5),
        _random(inputs, 3, 2, 2, 2),
        _random(inputs, 6, 6, 6, 6),
        _random(inputs, 4, 6, 3, 5, scale=300.0).at("far out"),
    ]


def _random(inputs: RandomInputs, *shape: int, scale: float = 1.0) -> Case:
    features, context = inputs.normal(*shape, scale=scale), inputs.normal(*shape[:2], scale=scale)
    return Case((features, context), where=f"for {shape[2]}x{shape[3]}")


gated = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("features", "context"),
    gradients=("features", "context"),
    why=GATE,
    hint="add the context at every pixel first, then halve the channels",
    passed="the context reaches both halves at every pixel.",
)
