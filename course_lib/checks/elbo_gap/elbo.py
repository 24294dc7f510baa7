"""Check of the ELBO of binary images: its two terms, their signs, and what they sum over."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs

__all__ = ["elbo"]

ELBO = "ELBO = E_q[log p(x|z)] - KL(q(z|x), p(z))   (slide 6)"
RECONSTRUCTION = "log p(x|z) = sum over pixels of x l - log(1 + exp(l))   (slide 3)"
KL = "KL(q, N(0, I)) = 1/2 sum(s^2 + mu^2 - 1) - sum log s   (slide 6)"


def right(
    x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the bound and its two terms, each (batch,), by torch's own distributions."""
    reconstruction = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    q = Independent(Normal(mu, log_scale.exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    kl = kl_divergence(q, prior)
    return reconstruction - kl, reconstruction, kl


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on plain inputs, the sum of the terms, other sizes, and confident decoders."""
    small = _case(inputs, (7, 1, 3, 5), 2)
    return [
        _case(inputs, (7, 1, 3, 5), 2, scale=0.0).at("for logits 0 and q = p"),
        small.of("reconstruction", "kl"),
        _adds_up(small),
        small,
        _case(inputs, (97, 1, 1, 2), 4, scale=2.0),
        _case(inputs, (5, 1, 6, 5), 3),
        _case(inputs, (7, 1, 3, 5), 2, level=50.0).at("for logits of 50"),
        _case(inputs, (7, 1, 3, 5), 2, level=1000.0).at("for logits of 1000"),
        _far_from_the_prior(small),
    ]


def _case(
    inputs: RandomInputs,
    shape: tuple[int, ...],
    dim: int,
    scale: float = 1.0,
    level: float | None = None,
) -> Case:
    """Return random images of ``shape`` and z of ``dim``; with a level, all logits are +-level."""
    x, logits = inputs.bits(*shape), inputs.normal(*shape, scale=2 * scale)
    mu = inputs.normal(shape[0], dim, scale=scale)
    log_scale = inputs.normal(shape[0], dim, scale=min(scale, 1.0) / 2)
    if level is not None:
        logits = level * logits.sign()
    return Case((x, logits, mu, log_scale), where=f"on images of {shape[2]}x{shape[3]}")


def _far_from_the_prior(case: Case) -> Case:
    x, logits, mu, log_scale = case.inputs
    return Case((x, logits, 100 * mu, log_scale - 12), where="far from the prior")


def _adds_up(case: Case) -> Step:
    """Return the check that total = reconstruction - kl, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        total, reconstruction, kl = (value.detach() for value in answer(*case.inputs))
        left = (total - reconstruction + kl).abs().max().item()
        if left < 1e-9:
            return None
        where = show_inputs(answer.args, case.inputs)
        headline = "total is not reconstruction - kl."
        return Problem(headline, f"off by {left:.3g}", "off by 0", inputs=where)

    return step


elbo = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "logits", "mu", "log_scale"),
    gradients=("logits", "mu", "log_scale"),
    parts=("total", "reconstruction", "kl"),
    formulas={"reconstruction": RECONSTRUCTION, "kl": KL, "total": ELBO},
    why=ELBO,
    hint="each piece alone: log p(x|z) summed over pixels, KL summed over dim",
    passed="total = reconstruction - kl, each right for every image.",
)
