"""Check of the KL between two Gaussians with independent dimensions, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["gaussian_kl"]

KL = "KL = sum log(s2/s1) + (s1^2 + (mu1 - mu2)^2)/(2 s2^2) - 1/2   (slide 8)"


def right(mu1: Tensor, log_scale1: Tensor, mu2: Tensor, log_scale2: Tensor) -> Tensor:
    """Return KL(N(mu1, diag(s1^2)), N(mu2, diag(s2^2))), (batch,), by torch's own formula."""
    first, second = Normal(mu1, log_scale1.exp()), Normal(mu2, log_scale2.exp())
    return kl_divergence(Independent(first, 1), Independent(second, 1))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal Gaussians, scales or means, random Gaussians, and ones far apart."""
    mu1, mu2 = inputs.normal(7, 3), inputs.normal(7, 3)
    s1, s2 = inputs.normal(7, 3, scale=0.5), inputs.normal(7, 3, scale=0.5)
    zero = torch.zeros_like(mu1)
    return [
        Case((mu1, s1, mu1.clone(), s1.clone()), where="for two equal Gaussians"),
        Case((mu1, zero, mu2, zero), where="where both scales are 1"),
        Case((mu1, s1, mu1.clone(), s2), where="where the means are equal"),
        *(_random(inputs, *shape) for shape in ((7, 3), (97, 1), (5, 4))),
        Case((100 * mu1, s1 - 9, mu2, s2), where="far apart"),
        Case((mu1, s1 + 5, mu2, s2), where="for a wide first one"),
    ]


def _random(inputs: RandomInputs, *shape: int) -> Case:
    means = inputs.normal(*shape), inputs.normal(*shape)
    scales = inputs.normal(*shape, scale=0.7), inputs.normal(*shape, scale=0.7)
    return Case((means[0], scales[0], means[1], scales[1]))


gaussian_kl = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("mu1", "log_scale1", "mu2", "log_scale2"),
    gradients=("mu1", "log_scale1", "mu2", "log_scale2"),
    why=KL,
    hint="E_1[log N_1] and E_1[log N_2] for one dimension, then the sum over dim",
    passed="zero for equal Gaussians, and exact in the right direction.",
)
