"""Check of the log-density of one affine autoregressive layer on white noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["maf_log_prob"]

MAF = "log p(x) = sum_i log N(x_i; shift_i, exp(log_scale_i)^2)   (slide 5)"


def right(x: Tensor, shift: Tensor, log_scale: Tensor) -> Tensor:
    """Return log p(x), (batch,), by torch's own Gaussian."""
    return Independent(Normal(shift, log_scale.exp()), 1).log_prob(x)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on white noise, x = shift, random inputs, and narrow or wide conditionals."""
    x, zero = inputs.normal(7, 3), torch.zeros(7, 3, dtype=torch.float64)
    return [
        Case((x, zero, zero), where="for white noise"),
        Case((x, inputs.normal(7, 3), zero), where="for scale 1"),
        Case((x, x.clone(), inputs.normal(7, 3)), where="at x = shift"),
        *(_random(inputs, *shape) for shape in ((7, 3), (97, 1), (5, 4))),
        Case((1e-4 * x, zero, inputs.normal(7, 3, scale=0.3) - 12), where="if narrow"),
        Case((1e4 * x, inputs.normal(7, 3), inputs.normal(7, 3) + 9), where="if wide"),
    ]


def _random(inputs: RandomInputs, batch: int, dim: int) -> Case:
    values = [inputs.normal(batch, dim, scale=scale) for scale in (1.0, 1.0, 0.5)]
    return Case(tuple(values), where=f"for {batch}x{dim}")


maf_log_prob = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "shift", "log_scale"),
    gradients=("x", "shift", "log_scale"),
    why=MAF,
    hint="u = (x - shift) exp(-log_scale), then log N(u; 0, I) and the log-determinant of x -> u",
    passed="right for white noise, narrow and wide conditionals.",
)
