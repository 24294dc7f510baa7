"""Check of free bits: the KL with a floor under each dimension's batch mean."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["free_bits"]

FLOOR = "sum_j max(floor, mean over the batch of KL_j)   (slide 16)"


def right(kl: Tensor, floor: Tensor) -> Tensor:
    """Return the KL with its floor, ()."""
    return torch.maximum(kl.mean(0), floor).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on no floor, small and random batches, a high floor, and a batch of one.

    Where every dimension is below the floor the cost is a constant, with or without a graph.
    """
    small = torch.tensor([[0.1, 0.9, 2.0], [0.3, 0.3, 3.0]], dtype=torch.float64)
    uneven = torch.tensor([[0.1, 0.2], [0.3, 1.9], [0.2, 0.1]], dtype=torch.float64)
    return [
        Case((small, _floor(0.0)), where="for floor 0"),
        Case((small, _floor(0.5)), where="for floor 0.5"),
        Case((uneven, _floor(0.9)), where="for floor 0.9", derived=False),
        Case((_kl(inputs, 19, 7), _floor(0.4)), where="for floor 0.4"),
        Case((_kl(inputs, 5, 4), _floor(1.1)), where="for floor 1.1"),
        Case((_kl(inputs, 1, 5), _floor(0.3)), where="for a batch of one"),
        Case((0.01 * _kl(inputs, 6, 3), _floor(50.0)), where="for floor 50", derived=False),
        Case((100 * _kl(inputs, 8, 5), _floor(0.3)), where="far above the floor"),
    ]


def _floor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _kl(inputs: RandomInputs, batch: int, dim: int) -> Tensor:
    """Return KLs with dimensions below and above the floor, in every batch."""
    middles = torch.linspace(0.05, 2.0, dim, dtype=torch.float64)
    return middles * (0.5 + inputs.normal(batch, dim).abs().clamp(max=3.0))


free_bits = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("kl",),
    why=FLOOR,
    hint="mean over the batch, then the floor, then the sum over dimensions",
    passed="values and gradients are right, below and above the floor.",
)
