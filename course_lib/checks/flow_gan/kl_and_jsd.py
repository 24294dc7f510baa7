"""Check of the KL and the JSD of two densities on a grid, zeros included."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["kl_and_jsd"]

KL = "KL(p, q) = sum p (log p - log q) dx, with 0 log 0 = 0   (slide 10)"
JSD = "JSD(p, q) = [KL(p, m) + KL(q, m)] / 2, m = (p + q) / 2   (slide 10)"


def right(p: Tensor, q: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
    """Return KL(p, q) and JSD(p, q), () and ()."""
    middle = (p + q) / 2
    return _kl(p, q, dx), (_kl(p, middle, dx) + _kl(q, middle, dx)) / 2


def _kl(p: Tensor, q: Tensor, dx: Tensor) -> Tensor:
    return dx * (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal densities, two boxes, random ones, and densities with zeros."""
    p, q, dx = _density(inputs, 41, 0.25), _density(inputs, 41, 0.25), _width(0.25)
    left, right_ = torch.zeros(8).double(), torch.zeros(8).double()
    left[:4], right_[4:] = 0.5, 0.5
    holes = p.clone()
    holes[::3] = 0
    holes = holes / (holes.sum() * dx)
    one_hole = q.clone()
    one_hole[5] = 0
    return [
        Case((p, p.clone(), dx), where="for two equal densities"),
        Case((left, torch.full((8,), 0.25).double(), _width(0.5)), where="for two boxes"),
        Case((p, q, dx)),
        Case((_density(inputs, 97, 0.01), _density(inputs, 97, 0.01), _width(0.01)), where="fine"),
        Case((holes, q, dx), where="where p has zeros"),
        Case((q, holes, dx), where="where q has zeros and p has none"),
        Case((p, one_hole, dx), where="where q has one zero"),
        Case((holes, holes.clone(), dx), where="where both have the same zeros"),
        Case((left, right_, _width(0.5)), where="where the two never overlap"),
        Case(
            (_density(inputs, 7, 2.0, 6), _density(inputs, 7, 2.0, 6), _width(2.0)), where="apart"
        ),
    ]


def _width(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _density(inputs: RandomInputs, n: int, dx: float, scale: float = 1.0) -> Tensor:
    return inputs.normal(n, scale=scale).softmax(0) / dx


kl_and_jsd = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    parts=("kl", "jsd"),
    formulas={"kl": KL, "jsd": JSD},
    why=KL + "\n" + JSD,
    hint="write the KL as a small function of two densities, and call it three times",
    passed="0 for equal densities; the KL may be infinite, the JSD is not.",
)
