"""Check of the Gaussian fitted by the forward tie: mean and variance of a mixture."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["moment_match"]

MEAN = "mu = sum_k w_k mu_k   (slide 8)"
SPREAD = "s^2 = sum_k w_k [s_k^2 + (mu_k - mu)^2]: within and between   (slide 8)"


def right(mu: Tensor, log_scale: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log scale of the mixture, each (batch, dim)."""
    weight = weight[:, :, None]
    mean = (weight * mu).sum(1)
    variance = (weight * ((2 * log_scale).exp() + (mu - mean[:, None]).square())).sum(1)
    return mean, 0.5 * variance.log()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on one component, two peaks, a weight of 1, random mixtures, and far ones."""
    mu, log_scale = inputs.normal(7, 4, 3), inputs.normal(7, 4, 3, scale=0.4)
    even, sure = torch.full((7, 4), 0.25, dtype=torch.float64), torch.zeros(7, 4).double()
    sure[:, 2] = 1
    zero = torch.zeros_like(mu)
    return [
        Case((mu[:, :1], log_scale[:, :1], even[:, :1] * 4), where="for 1 component"),
        Case((mu, log_scale, sure), where="if one has all"),
        Case((zero, log_scale, even), where="for means 0"),
        Case((mu, zero - 4, even), where="if narrow"),
        Case((mu, log_scale, even), where="for even weights"),
        _mixture(inputs, 7, 4, 3),
        _mixture(inputs, 97, 2, 1),
        _mixture(inputs, 5, 9, 2),
        Case((3e4 + mu, log_scale, _weights(inputs, 7, 4)), where="far out"),
    ]


def _weights(inputs: RandomInputs, batch: int, components: int) -> Tensor:
    return inputs.normal(batch, components).softmax(1)


def _mixture(inputs: RandomInputs, batch: int, components: int, dim: int) -> Case:
    shape = (batch, components, dim)
    mu, log_scale = inputs.normal(*shape, scale=2), inputs.normal(*shape, scale=0.5)
    return Case((mu, log_scale, _weights(inputs, batch, components)), where=f"for dim {dim}")


moment_match = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("mu", "log_scale", "weight"),
    gradients=("mu", "log_scale"),
    parts=("mu", "log_scale"),
    formulas={"mu": MEAN, "log_scale": SPREAD},
    why=MEAN + ";\n" + SPREAD,
    hint="weight[:, :, None] is (batch, components, 1); the mean first",
    passed="mean and variance of the mixture, exact far out too.",
)
