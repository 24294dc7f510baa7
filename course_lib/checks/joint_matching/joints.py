"""Check of the two joints of a VAE as tables."""

from __future__ import annotations

from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["joints"]

Q = "q(z, x) = p_data(x) q(z|x): x is drawn first   (slide 13)"
P = "p(z, x) = p(z) p(x|z): z is drawn first   (slide 14)"


def right(
    p_data: Tensor, q_z_given_x: Tensor, p_z: Tensor, p_x_given_z: Tensor
) -> tuple[Tensor, Tensor]:
    """Return q(z, x) and p(z, x), each (n_z, n_x)."""
    return p_data[None, :] * q_z_given_x, p_z[:, None] * p_x_given_z


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a square world, where a wrong axis raises no error, and others."""
    return [
        _world(inputs, 4, 4).at("for 4x4"),
        _world(inputs, 7, 5),
        _world(inputs, 3, 6),
        _world(inputs, 1, 5).at("for one z"),
    ]


def _world(inputs: RandomInputs, n_z: int, n_x: int) -> Case:
    tables = (
        inputs.normal(n_x).softmax(0),
        inputs.normal(n_z, n_x).softmax(0),
        inputs.normal(n_z).softmax(0),
        inputs.normal(n_z, n_x).softmax(1),
    )
    return Case(tables, where=f"for {n_z}x{n_x}")


joints = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("q_z_given_x", "p_x_given_z"),
    parts=("q_zx", "p_zx"),
    formulas={"q_zx": Q, "p_zx": P},
    why=Q + ";\n" + P,
    hint="z runs down the rows, x along the columns: which axis has p_data, which p(z)?",
    passed="each joint has its own marginal: p_data over x, p(z) over z.",
)
