"""Check of the reparameterised Gaussian sample: its distribution, independence and gradients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.noise import ERRORS, draws_own_noise, is_torch_noise
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["sample_gaussian"]

COUNT = 20011
SAMPLE = "z = mu + exp(log_scale) * noise, noise ~ N(0, I)   (slide 6)"
SCALE_OFF = "the scale is not exp(log_scale)."
NOT_GAUSSIAN = "the noise is not Gaussian."
CUT_OFF = "is large noise cut off, or too common?"
BEYOND = 0.0026998  # the mass of N(0, 1) beyond three standard deviations
IS_DIFFERENTIABLE = "sample_gaussian(mu.requires_grad_(), log_scale.requires_grad_()).requires_grad"
GRADIENTS = (
    "[[z.detach(), *torch.autograd.grad(z.sum(), [mu, log_scale], materialize_grads=True)] for z in"
    " [sample_gaussian(mu.requires_grad_(), log_scale.requires_grad_())]][0]"
)


def right(mu: Tensor, log_scale: Tensor) -> Tensor:
    """Return one draw of N(mu, diag(s^2)) per example, (batch, dim)."""
    return mu + log_scale.exp() * torch.randn_like(mu)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the type of the result, the distribution of many draws, and the gradients."""
    mu, log_scale = inputs.normal(7, 3), inputs.normal(7, 3, scale=0.3)
    many = inputs.normal(1, 3).expand(COUNT, 3).clone()
    scales = torch.tensor([-0.7, 0.4, 1.1], dtype=torch.float64) + inputs.normal(3, scale=0.05)
    wide = scales.expand(COUNT, 3).clone()
    return [
        Case((mu, log_scale)),
        Case((100 * mu, log_scale - 12), where="far out, for scales near exp(-12)"),
        draws_own_noise((many, wide), many),
        is_torch_noise((mu, log_scale)),
        _has_moments(many, wide),
        _vanishes(mu),
        _has_gradients(mu, log_scale),
    ]


def _has_moments(mu: Tensor, log_scale: Tensor) -> Step:
    """Return the check that the noise, (z - mu) / scale, has the moments of N(0, 1)."""

    def step(answer: Answer) -> Problem | None:
        noise = (answer.draw(mu, log_scale).detach() - mu) * (-log_scale).exp()
        n, mean, scale = len(noise), noise.mean(0), noise.std(0)
        zero, one = torch.zeros_like(mean), torch.ones_like(mean)
        fourth = noise.pow(4).mean(0)
        beyond = (noise.abs() > 3 + 1e-6).double().mean() * one  # over all dimensions together
        laws = {
            "mean": (mean, zero, scale, "the mean is not mu.", "where do many draws lie?"),
            "scale": (scale, one, one / math.sqrt(2), SCALE_OFF, "what multiplies the noise?"),
            "4th moment": (fourth, 3 * one, one * math.sqrt(96), NOT_GAUSSIAN, "rand or randn?"),
            "beyond 3": (beyond, BEYOND * one, one * math.sqrt(BEYOND / 3), NOT_GAUSSIAN, CUT_OFF),
        }
        for what, (value, exact, error, headline, hint) in laws.items():
            if ((value - exact).abs() > ERRORS * error / math.sqrt(n)).any():
                got, expected = show_pair(value, exact, ERRORS / math.sqrt(n))
                return Problem(headline, f"{what} {got}", f"{what} {expected}", hint=hint)
        return None

    return step


def _vanishes(mu: Tensor) -> Step:
    """Return the check that z = mu where the scale vanishes."""
    tiny = torch.full_like(mu, -80.0)

    def step(answer: Answer) -> Problem | None:
        z = answer(mu, tiny).detach()
        if torch.allclose(z, mu, rtol=1e-6, atol=1e-6):
            return None
        return Problem("z is not mu as the scale goes to 0.", *show_pair(z, mu, 1e-6))

    return step


def _has_gradients(mu: Tensor, log_scale: Tensor) -> Step:
    """Return the check that dz/dmu = 1 and dz/dlog_scale = z - mu."""
    blocked = {
        "expected": "dz/dmu = 1, dz/dlog_scale = z - mu",
        "why": "the encoder learns through the sample: z is a function of mu and log_scale",
        "hint": "no detach, no_grad, .data, .item() or Normal.sample(); draw only the noise",
        "inputs": show_inputs(("mu", "log_scale"), (mu, log_scale)),
    }

    def step(answer: Answer) -> Problem | None:
        if not answer.ask(IS_DIFFERENTIABLE, mu=mu, log_scale=log_scale):
            return Problem("no gradient passes through the sample.", "a constant z", **blocked)
        z, for_mu, for_scale = answer.ask(GRADIENTS, mu=mu, log_scale=log_scale)
        for gradient, exact, name in (
            (for_mu, torch.ones_like(mu), "mu"),
            (for_scale, z - mu, "log_scale"),
        ):
            if not torch.allclose(gradient, exact, atol=1e-8):
                none = not gradient.any()
                headline = f"{'no' if none else 'a wrong'} gradient reaches {name}."
                got = "0" if none else show_pair(gradient, exact, 1e-8)[0]
                return Problem(headline, f"dz/d{name} = {got}", **blocked)
        return None

    return step


sample_gaussian = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("mu", "log_scale"),
    random=True,
    why=SAMPLE,
    hint="draw noise of mu's shape with torch.randn, then scale and shift it",
    passed="right distribution, independent noise, gradients pass.",
)
