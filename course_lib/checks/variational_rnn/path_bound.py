"""Check of the importance bound of whole sequences: one weight for each path."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["path_bound", "right"]

PATHS = "L_k = log 1/k sum_j prod_t w_t^j, t up to the length   (slide 9)"


def right(log_w: Tensor, length: Tensor) -> Tensor:
    """Return log 1/k sum_j prod_t w_t^j of each sequence, (batch,)."""
    valid = torch.arange(log_w.shape[2]) < length[:, None, None]
    return log_w.where(valid, 0.0).sum(2).logsumexp(1) - math.log(log_w.shape[1])


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal weights, one path, one step, other weights, and infinite padding."""
    log_w, length = _draw(inputs, 7, 5, 6)
    equal = log_w[:, :1].expand(-1, 5, -1).clone()
    padding = torch.arange(6) >= length[:, None, None]
    return [
        Case((equal, length), where="where all paths are equal"),
        Case(_draw(inputs, 6, 1, 4), where="for k = 1"),
        Case(_draw(inputs, 9, 8, 1), where="for one step"),
        Case((log_w, length), where="for k = 5, 6 steps"),
        Case(_draw(inputs, 5, 12, 3), where="for k = 12, 3 steps"),
        Case((log_w - 1000, length), where="far out"),
        Case((log_w.masked_fill(padding, -math.inf), length), where="for infinite padding"),
    ]


def _draw(inputs: RandomInputs, batch: int, k: int, time: int) -> tuple[Tensor, Tensor]:
    length = 1 + inputs.integers(time, batch)
    length[0], length[1] = time, 1
    return inputs.normal(batch, k, time), length


path_bound = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_w", "length"),
    gradients=("log_w",),
    why=PATHS,
    hint="sum log w over time for each path, then logsumexp over the paths, then log k",
    passed="one weight per path, padding adds nothing, stable far out.",
)
