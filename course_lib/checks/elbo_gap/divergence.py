"""Check of the KL from a Gaussian to the prior, in closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.exercise import Case, Draw, Mistake, examine
from course_lib.checks.report import Established

__all__ = ["gaussian_kl"]

KL = "KL(q, N(0, I)) = 1/2 sum(s^2 + mu^2 - 1) - sum log s   (slide 6)"
ONE_EACH = "each example is one event: its dimensions are independent, logs add up"


def _normal(mu: Tensor, log_scale: Tensor) -> Independent:
    return Independent(Normal(mu, log_scale.exp()), 1)


MISTAKES = (
    Mistake(
        "log_scale is taken for the log variance.",
        "log_scale is the log of the standard deviation s: s^2 = exp(2 log_scale)",
        "look at every place where log_scale occurs",
        lambda mu, s: 0.5 * (s.exp() + mu**2 - 1 - s).sum(-1),
    ),
    Mistake(
        "s^2 is missing its 2: exp(log_scale) is s.",
        KL,
        "which of the terms holds the variance, and which the log of the scale?",
        lambda mu, s: (0.5 * (s.exp() + mu**2 - 1) - s).sum(-1),
    ),
    Mistake(
        "log s is halved.",
        "1/2 log s^2 = log s: the half is used up   (slide 6)",
        "expand 1/2 sum(s^2 + mu^2 - 1 - log s^2) once more",
        lambda mu, s: 0.5 * ((2 * s).exp() + mu**2 - 1 - s).sum(-1),
    ),
    Mistake(
        "the sign is reversed.",
        "a KL is never negative: KL(q, p) = E_q[log q - log p] >= 0   (slide 6)",
        "is it the KL, or what the ELBO adds?",
        lambda mu, s: (s - 0.5 * ((2 * s).exp() + mu**2 - 1)).sum(-1),
    ),
    Mistake(
        "the two distributions are swapped.",
        "the ELBO holds KL(q, p), an average over q:\n" + KL,
        "which of the two is sampled in E[log q - log p]?",
        lambda mu, s: (0.5 * ((-2 * s).exp() * (1 + mu**2) - 1) + s).sum(-1),
    ),
    Mistake(
        "log s has the wrong sign.",
        KL + ";\na narrow q must be expensive",
        "what is the KL when s goes to 0?",
        lambda mu, s: (0.5 * ((2 * s).exp() + mu**2 - 1) + s).sum(-1),
    ),
    Mistake(
        "the -1 is missing.",
        "for q = p the terms must cancel: 1/2 (1 + 0 - 1) - 0 = 0   (slide 6)",
        "try mu = 0, log_scale = 0",
        lambda mu, s: (0.5 * ((2 * s).exp() + mu**2) - s).sum(-1),
    ),
    Mistake(
        "the factor 1/2 is missing.",
        KL,
        "E_q log q brings -1/2 and -log s; keep the half on the squares",
        lambda mu, s: ((2 * s).exp() + mu**2 - 1 - 2 * s).sum(-1),
    ),
    Mistake(
        "mu is not squared.",
        KL + ";\nit is even in mu",
        "is the KL the same for mu and -mu?",
        lambda mu, s: (0.5 * ((2 * s).exp() + mu - 1) - s).sum(-1),
    ),
    Mistake(
        "mu is missing.",
        KL,
        "a q far from the origin must be expensive",
        lambda mu, s: (0.5 * ((2 * s).exp() - 1) - s).sum(-1),
    ),
    Mistake(
        "it averages over dim instead of summing.",
        ONE_EACH,
        "sum over the last dimension",
        lambda mu, s: (0.5 * ((2 * s).exp() + mu**2 - 1) - s).mean(-1),
    ),
    Mistake(
        "the sum over dim is missing.",
        ONE_EACH,
        "sum over the last dimension",
        lambda mu, s: 0.5 * ((2 * s).exp() + mu**2 - 1) - s,
    ),
    Mistake(
        "it sums over the batch as well.",
        "one number for each example: (batch, dim) -> (batch,)",
        "name the dimension: .sum(-1)",
        lambda mu, s: (0.5 * ((2 * s).exp() + mu**2 - 1) - s).sum(),
    ),
)


def gaussian_kl(
    function: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0, spread: float = 1.0
) -> None:
    """Check KL(N(mu, diag(exp(log_scale))^2), N(0, I)), one number for each example (slide 6).

    Args:
        function: (mu, log_scale), each (batch, dim) -> (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "write the integral for one dimension first, then sum over dim"
    answer, draw = Answer("gaussian_kl", function, why=KL, hint=hint), Draw(seed, spread)
    zero, mu = torch.zeros(7, 3, dtype=torch.float64), draw.normal(7, 3)
    steps = [
        Case((zero, zero), zero[:, 0], "for q = N(0, I)"),
        Case((mu, zero), 0.5 * mu.square().sum(-1), "for scale 1"),
    ]
    for batch, dim in ((7, 3), (97, 1), (5, 4)):
        mu, log_scale = draw.normal(batch, dim, scale=2), draw.normal(batch, dim)
        prior = _normal(torch.zeros_like(mu), torch.zeros_like(mu))
        steps.append(Case((mu, log_scale), kl_divergence(_normal(mu, log_scale), prior)))
    examine(answer, steps, MISTAKES)
    Established(answer.name, "zero for q = N(0, I), and exact for every other q tried.").show()
