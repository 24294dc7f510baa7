"""Check of dequantisation and logit: the logits, and three terms of the log-determinant."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["dequantised_logit"]

LOGITS = "logit s, with s = alpha + (1 - 2 alpha) (levels + noise) / 17   (slide 5)"
SLOPE = "-sum_i (log s_i + log(1 - s_i)): the slope of the logit at s   (slide 5)"
MARGIN = "d log(1 - 2 alpha): the slope of the map into the margins   (slide 5)"
UNIT = "-d log 17: from pixels in [0, 1) to one grey level   (slide 5)"


def right(levels: Tensor, noise: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the logits, (batch, dim), and the three terms, each (batch,)."""
    s = alpha + (1 - 2 * alpha) * (levels + noise) / 17
    ones, dim = torch.ones_like(s[:, 0]), s.shape[1]
    slope = -(s.log() + torch.log1p(-s)).sum(1)
    margin, unit = dim * torch.log1p(-2 * alpha), -dim * math.log(17)
    return s.log() - torch.log1p(-s), slope, margin * ones, unit * ones


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on mid-grey, random images, other margins, and black and white."""
    random = [_images(inputs, *shape) for shape in ((7, 3, 0.05), (97, 1, 0.01), (5, 4, 0.2))]
    whole = torch.full((7, 3), 8.0, dtype=torch.float64)
    black = torch.zeros(7, 3, dtype=torch.float64)
    alpha = random[0].inputs[2]
    return [
        Case((whole, torch.full_like(whole, 0.5), alpha), where="in the middle"),
        *random,
        Case((black, black + 1e-4, alpha), where="for black"),
        Case((black + 16, black + 0.9999, alpha), where="for white"),
        _images(inputs, 3, 6, 1e-3),
    ]


def _images(inputs: RandomInputs, batch: int, dim: int, alpha: float) -> Case:
    noise = torch.rand(batch, dim, generator=inputs.generator, dtype=torch.float64)
    margin = torch.tensor(alpha, dtype=torch.float64)
    levels = inputs.integers(17, batch, dim).double()
    return Case((levels, noise, margin), where=f"for {batch}x{dim}")


dequantised_logit = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("levels", "noise"),
    parts=("logits", "slope", "margin", "unit"),
    formulas={"logits": LOGITS, "slope": SLOPE, "margin": MARGIN, "unit": UNIT},
    why=f"{LOGITS}\n{SLOPE}",
    hint="s first; then one term for each map on the way from y to logit s",
    passed="logits and all three terms are right.",
)
