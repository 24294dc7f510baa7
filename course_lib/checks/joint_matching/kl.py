"""Check of the KL divergence of two tables, zeros included."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["kl"]

KL = "KL(p, q) = sum p (log p - log q), with 0 log 0 = 0   (slide 12)"


def right(p: Tensor, q: Tensor) -> Tensor:
    """Return KL(p, q), (); infinite where p has mass and q has none."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal tables, two coins, random tables, and tables with zeros."""
    half, coin = _table([0.5, 0.5]), _table([0.2, 0.8])
    p, q = _random(inputs, 7), _random(inputs, 7)
    holes, one_hole = _with_zeros(p, [0, 3, 6]), _with_zeros(p, [2])
    return [
        Case((p, p.clone()), where="for two equal tables"),
        Case((coin, half), where="for two coins"),
        Case((p, q)),
        Case((_random(inputs, 4, 5), _random(inputs, 4, 5)), where="on tables of 4x5"),
        Case((holes, q), where="where p has zeros"),
        Case((q, holes), where="where q has zeros and p has none"),
        Case((q, one_hole), where="where q has one zero and p has none"),
        Case((holes, holes.clone()), where="where both have the same zeros"),
        Case((_random(inputs, 5, scale=9), _random(inputs, 5, scale=9)), where="far apart"),
    ]


def _table(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _with_zeros(table: Tensor, places: list[int]) -> Tensor:
    """Return the table with zeros in these places, renormalised."""
    table = table.clone()
    table[places] = 0
    return table / table.sum()


def _random(inputs: RandomInputs, *shape: int, scale: float = 1.0) -> Tensor:
    return inputs.normal(*shape, scale=scale).flatten().softmax(0).reshape(shape)


kl = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    why=KL,
    hint="write one term of the sum, then ask what it is when p or q is 0",
    passed="zero for equal tables, exact with zeros in p, infinite where q lacks mass.",
)
