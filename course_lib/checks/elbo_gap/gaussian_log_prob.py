"""Check of the Gaussian log-density: it integrates to one, and is right far out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_numbers

__all__ = ["gaussian_log_prob"]

DENSITY = "log N = -1/2 sum [((x - mu)/s)^2 + 2 log s + log 2 pi]   (slide 3)"


def right(x: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return log N(x; mu, diag(s^2)), (batch,), by torch's own formula."""
    return Independent(Normal(mu, log_scale.exp()), 1).log_prob(x)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the peak, the total mass, random inputs, and points far out."""
    mu, log_scale = inputs.normal(7, 3), inputs.normal(7, 3, scale=0.5)
    at_mean = -(log_scale + 0.5 * math.log(2 * math.pi)).sum(-1)
    return [
        Case((mu, mu, log_scale), at_mean, "at x = mu"),
        _integrates_to_one,
        _random_case(inputs, 7, 3, 2.0),
        _random_case(inputs, 97, 1, 2.0),
        _random_case(inputs, 7, 3, 60.0).at("far from mu"),
        _random_case(inputs, 7, 3, 1000.0).at("1000 scales from mu"),
        _random_case(inputs, 7, 3, 1.0, shift=-12.0).at("for scales near exp(-12)"),
    ]


def _random_case(
    inputs: RandomInputs, batch: int, dim: int, far: float, shift: float = 0.0
) -> Case:
    """Return points ``far`` standard deviations from mu."""
    mu, log_scale = inputs.normal(batch, dim), inputs.normal(batch, dim, scale=0.5) + shift
    x = mu + log_scale.exp() * inputs.normal(batch, dim, scale=far)
    return Case((x, mu, log_scale))


def _integrates_to_one(answer: Answer) -> Problem | None:
    """Return a problem if the total mass over the plane is not one."""
    axis = torch.linspace(-8, 8, 81, dtype=torch.float64)
    noise, volume = torch.cartesian_prod(axis, axis), (axis[1] - axis[0]).square()
    mu, log_scale = torch.tensor([[0.3, -1.0], [-0.7, 0.4]], dtype=torch.float64)
    x = mu + log_scale.exp() * noise
    log_p = answer(x, mu.expand_as(x).clone(), log_scale.expand_as(x).clone())
    mass = float(log_p.exp().sum() * volume * log_scale.sum().exp())
    if abs(mass - 1) < 1e-6:
        return None
    return Problem("the density does not integrate to one.", *show_numbers("mass {}", mass, 1.0))


gaussian_log_prob = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "mu", "log_scale"),
    gradients=("x", "mu", "log_scale"),
    why=DENSITY,
    hint="write the formula for one number x first, then sum over dim",
    passed="it integrates to one, and is right 60 scales from mu.",
)
