"""Check of the condition number of a flow's Jacobian, as a power of ten."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["log_condition"]

CONDITION = "log10(largest / smallest singular value of dx/dz)   (slides 10, 11)"


def right(jacobian: Tensor) -> Tensor:
    """Return log10 of the condition number, (batch,)."""
    singular = torch.linalg.svdvals(jacobian)  # (batch, dim), descending
    return singular[:, 0].log10() - singular[:, -1].log10()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the identity, stretches, shears, rotated stretches, and ten decades."""
    eye = torch.eye(3).double()
    stretch = torch.tensor([100.0, 1.0, 0.1]).double().diag()
    shear = torch.tensor([[1.0, 9.0], [0.0, 1.0]]).double()
    turned = _turned(inputs, 7, torch.tensor([3.0, 0.5, -1.0, -1.0]).double())
    wide = _turned(inputs, 5, torch.tensor([5.0, 2.0, -5.0]).double())
    return [
        Case((eye.expand(4, 3, 3).clone(),), where="for the identity"),
        Case((stretch.expand(2, 3, 3).clone(),), where="for a diagonal"),
        Case((shear.expand(3, 2, 2).clone(),), where="for a shear"),
        Case((turned,), where="for a turned stretch"),
        Case((inputs.normal(7, 3, 3),), where="for 7x3x3", derived=False),
        Case((50 * _turned(inputs, 3, torch.tensor([1.0, 0.0]).double()),), where="times 50"),
        Case((wide,), where="over ten decades", derived=False),
    ]


def _turned(inputs: RandomInputs, batch: int, powers: Tensor) -> Tensor:
    """Return matrices whose singular values are these powers of ten."""
    dim = len(powers)
    left, right_ = (torch.linalg.qr(inputs.normal(batch, dim, dim)).Q for _ in range(2))
    return left * 10**powers @ right_


log_condition = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("jacobian",),
    why=CONDITION,
    hint="torch.linalg.svdvals gives the singular values, the largest first",
    passed="0 for the identity, right for shears, and over ten decades.",
)
