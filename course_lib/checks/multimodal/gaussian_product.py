"""Check of the product of Gaussian experts: precisions add, the prior counts once."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["gaussian_product"]

PRECISION = "1/s^2 = 1 + sum_m 1/s_m^2 over the experts present   (slide 8)"
MEAN = "mu = s^2 sum_m mu_m/s_m^2; the prior's mean is 0   (slide 8)"


def right(mu: Tensor, log_scale: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log scale of the product with N(0, I), each (batch, dim)."""
    absent = ~present[:, :, None]
    log_precision = (-2 * log_scale).masked_fill(absent, -torch.inf)
    prior = torch.zeros_like(log_precision[:, :1])
    total = torch.cat([prior, log_precision], 1).logsumexp(1)
    weight = (log_precision - total[:, None]).exp()
    return (weight * mu).sum(1), -0.5 * total


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on no expert, one of scale 1, all, any subset, and sharp and vague ones."""
    mu, log_scale = inputs.normal(7, 3, 2), inputs.normal(7, 3, 2, scale=0.7)
    zero, everyone = torch.zeros_like(mu), torch.ones(7, 3, dtype=torch.bool)
    first = everyone & (torch.arange(3) == 0)
    some = (torch.arange(7)[:, None] + torch.arange(3)) % 3 > 0  # every expert is absent somewhere
    both = torch.cat([mu, mu[:, :1]], 1), torch.cat([log_scale, log_scale[:, :1]], 1)
    return [
        Case((mu, log_scale, ~everyone), where="if none"),
        Case((mu, zero, first), where="for scale 1"),
        Case((mu, log_scale, first), where="for one"),
        Case((mu, log_scale, everyone), where="if all"),
        Case((mu, log_scale, some), where="for two"),
        Case((*both, inputs.bits(7, 4).bool()), where="for any"),
        Case(
            (inputs.normal(97, 2, 1), inputs.normal(97, 2, 1), inputs.bits(97, 2).bool()),
            where="for dim 1",
        ),
        Case((mu, log_scale - 9, some), where="if sharp"),
        Case((100 * mu, log_scale + 9, some), where="if vague"),
    ]


gaussian_product = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("mu", "log_scale", "present"),
    gradients=("mu", "log_scale"),
    parts=("mu", "log_scale"),
    formulas={"log_scale": PRECISION, "mu": MEAN},
    why=PRECISION + ";\n" + MEAN,
    hint="precisions first, zero for an absent expert; then their sum, 1 for the prior",
    passed="the prior counts once; an absent expert leaves no trace.",
)
