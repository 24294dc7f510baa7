"""Check of the Gaussian log-density: it integrates to one, and holds far out."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.answer import Answer
from course_lib.checks.exercise import Case, Draw, Mistake, Problem, examine
from course_lib.checks.report import Established

__all__ = ["gaussian_log_prob"]

LOG_2PI = math.log(2 * math.pi)
DENSITY = "log N = -1/2 sum [((x - mu)/s)^2 + 2 log s + log 2 pi]   (slide 3)"
ONE_EACH = "each example is one event: its dimensions are independent, logs add up"


def _terms(x: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    return -0.5 * ((x - mu) / log_scale.exp()) ** 2 - log_scale - 0.5 * LOG_2PI


MISTAKES = (
    Mistake(
        "log_scale is taken for the log variance.",
        "log_scale is the log of the standard deviation s: s^2 = exp(2 log_scale)",
        "look at every place where log_scale occurs, the quadratic term too",
        lambda x, mu, s: _terms(x, mu, s / 2).sum(-1),
    ),
    Mistake(
        "the log of the scale is missing.",
        "a wide Gaussian is also a low one:\n" + DENSITY,
        "which term makes the density integrate to one?",
        lambda x, mu, s: (_terms(x, mu, s) + s).sum(-1),
    ),
    Mistake(
        "log_scale has the wrong sign.",
        "a wide Gaussian is a low one: the term is -log s per dimension",
        "test it: does doubling s lower the density at x = mu by log 2?",
        lambda x, mu, s: (_terms(x, mu, s) + 2 * s).sum(-1),
    ),
    Mistake(
        "the scale multiplies where it should divide.",
        "(x - mu) / s = (x - mu) exp(-log_scale)   (slide 3)",
        "how many standard deviations is x from mu?",
        lambda x, mu, s: (-0.5 * ((x - mu) * s.exp()) ** 2 - s - 0.5 * LOG_2PI).sum(-1),
    ),
    Mistake(
        "log 2 pi counts once, not once per dimension.",
        "each dimension has its own factor 1/sqrt(2 pi):\n" + DENSITY,
        "put the constant inside the sum over dim",
        lambda x, mu, s: (_terms(x, mu, s) + 0.5 * LOG_2PI).sum(-1) - 0.5 * LOG_2PI,
    ),
    Mistake(
        "the constant log 2 pi is missing.",
        DENSITY,
        "the KL would not notice, but a density must integrate to one",
        lambda x, mu, s: (_terms(x, mu, s) + 0.5 * LOG_2PI).sum(-1),
    ),
    Mistake(
        "the constant is log 2 pi, without its half.",
        "the normaliser is 1/sqrt(2 pi): its log is -1/2 log 2 pi",
        "take the log of the square root",
        lambda x, mu, s: (_terms(x, mu, s) - 0.5 * LOG_2PI).sum(-1),
    ),
    Mistake(
        "the quadratic term lacks its factor 1/2.",
        DENSITY,
        "compare with the exponent of a Gaussian",
        lambda x, mu, s: (_terms(x, mu, s) - 0.5 * ((x - mu) / s.exp()) ** 2).sum(-1),
    ),
    Mistake(
        "it is the negative of the log-density.",
        "a loss is the negative; this function returns the log-density itself",
        "names carry signs in this course: log_prob is log p",
        lambda x, mu, s: -_terms(x, mu, s).sum(-1),
    ),
    Mistake(
        "it is the density, not its logarithm.",
        "far out a density underflows to 0, and its log to -infinity",
        "stay in logs from beginning to end",
        lambda x, mu, s: _terms(x, mu, s).sum(-1).exp(),
    ),
    Mistake(
        "the log is taken after the density underflowed.",
        "exp(-800) is 0 in float64, and log 0 is -infinity",
        "simplify log(exp(...)) on paper first",
        lambda x, mu, s: _terms(x, mu, s).sum(-1).exp().log(),
    ),
    Mistake(
        "it averages over dim instead of summing.",
        ONE_EACH,
        "sum over the last dimension",
        lambda x, mu, s: _terms(x, mu, s).mean(-1),
    ),
    Mistake(
        "the sum over dim is missing.",
        ONE_EACH,
        "sum over the last dimension",
        _terms,
    ),
    Mistake(
        "it sums over the batch as well.",
        "one number for each example: (batch, dim) -> (batch,)",
        "name the dimension: .sum(-1)",
        lambda x, mu, s: _terms(x, mu, s).sum(),
    ),
    Mistake(
        "it sums over the batch, not over dim.",
        "the batch is the first dimension, the event the last",
        "name the dimension: .sum(-1)",
        lambda x, mu, s: _terms(x, mu, s).sum(0),
    ),
)


def gaussian_log_prob(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], *, seed: int = 0, spread: float = 1.0
) -> None:
    """Check log N(x; mu, diag(exp(log_scale))^2), one number for each example (slide 3).

    Args:
        function: (x, mu, log_scale), each (batch, dim) -> (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "write the formula for one number x first, then sum over dim"
    answer, draw = Answer("gaussian_log_prob", function, why=DENSITY, hint=hint), Draw(seed, spread)
    mu, log_scale = draw.normal(7, 3), draw.normal(7, 3, scale=0.5)
    at_mean = -(log_scale + 0.5 * LOG_2PI).sum(-1)
    steps = [Case((mu, mu, log_scale), at_mean, "at x = mu"), _integrates_to_one]
    for batch, dim, reach in ((7, 3, 2.0), (97, 1, 2.0), (5, 4, 60.0)):
        mu, log_scale = draw.normal(batch, dim), draw.normal(batch, dim, scale=0.5)
        x = mu + log_scale.exp() * draw.normal(batch, dim, scale=reach)
        where = "far from mu" if reach > 9 else "on random inputs"
        steps.append(
            Case((x, mu, log_scale), Independent(Normal(mu, log_scale.exp()), 1).log_prob(x), where)
        )
    examine(answer, steps, MISTAKES)
    Established(answer.name, "it integrates to one, and holds 60 scales out as well.").show()


def _integrates_to_one(answer: Answer) -> Problem | None:
    """Return a problem if the plane does not hold the mass one."""
    axis = torch.linspace(-8, 8, 81, dtype=torch.float64)
    noise, volume = torch.cartesian_prod(axis, axis), (axis[1] - axis[0]).square()
    mu, log_scale = torch.tensor([[0.3, -1.0], [-0.7, 0.4]], dtype=torch.float64)
    x = mu + log_scale.exp() * noise
    log_p = answer(x, mu.expand_as(x).clone(), log_scale.expand_as(x).clone())
    mass = float(log_p.exp().sum() * volume * log_scale.sum().exp())
    if abs(mass - 1) < 1e-6:
        return None
    return Problem("the density does not integrate to one.", f"mass {mass:.4f}", "mass 1.0000")
