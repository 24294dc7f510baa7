"""Check of the two shifts that make the two stacks of a PixelCNN causal."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["shifts"]

DOWN = "down[r, c] = x[r - 1, c], and zero in the first row   (slide 4)"
RIGHT = "right[r, c] = x[r, c - 1], and zero in the first column   (slide 4)"


def right(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the images moved down by one row, and to the right by one column."""
    return pad(x, (0, 0, 1, -1)), pad(x, (1, -1))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on square images, others, images of one row or column, and large values."""
    return [
        Case((inputs.normal(5, 4, 4),), where="for 4x4"),
        Case((inputs.normal(7, 5, 3),), where="for 5x3"),
        Case((inputs.normal(3, 1, 6),), where="for one row"),
        Case((inputs.normal(3, 6, 1),), where="for one column"),
        Case((inputs.normal(5, 4, 4, scale=1000),), where="far out"),
    ]


shifts = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x",),
    gradients=("x",),
    parts=("down", "right"),
    formulas={"down": DOWN, "right": RIGHT},
    why=DOWN + ";\n" + RIGHT,
    hint="zeros enter on one side, and the last row or column leaves on the other",
    passed="the shape stays, zeros enter, and no pixel moves to an earlier place.",
)
