"""Check of the two masks of a PixelCNN's kernels."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["masked_kernels"]

A = "mask A: rows above, and the same row left of the centre   (slide 4)"
B = "mask B: what A shows, and the centre   (slide 4)"


def right(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weight under mask A and under mask B, each (size, size)."""
    size = len(weight)
    place = torch.arange(size * size).view(size, size)
    centre = size * size // 2  # in raster order
    return weight * (place < centre), weight * (place <= centre)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a kernel of ones, a single weight, and random kernels."""
    return [
        Case((torch.ones(5, 5, dtype=torch.float64),), where="for ones, 5x5"),
        Case((inputs.normal(3, 3),), where="for 3x3"),
        Case((inputs.normal(1, 1),), where="for 1x1"),
        Case((inputs.normal(7, 7),), where="for 7x7"),
        Case((inputs.normal(3, 3, scale=1000),), where="far out"),
    ]


masked_kernels = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("weight",),
    parts=("a", "b"),
    formulas={"a": A, "b": B},
    why=A + ";\n" + B,
    hint="print both results for a kernel of ones",
    passed="only earlier pixels, and with B the centre too.",
)
