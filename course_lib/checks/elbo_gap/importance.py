"""Check of the importance bound: the log of a mean of weights that no dtype can hold."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.exercise import Case, Draw, Mistake, Step, examine
from course_lib.checks.report import Established

__all__ = ["importance_bound"]

WEIGHTS = "L_k = log 1/k sum_j p(x, z_j)/q(z_j|x)   (slide 6)"


def _weights(log_p_xz: Tensor, log_q: Tensor) -> Tensor:
    return log_p_xz - log_q


MISTAKES = (
    Mistake(
        "log k is missing: a sum, not a mean.",
        WEIGHTS + ";\nwithout 1/k it grows with k beyond log p(x)",
        "the mean of k weights, in logs: logsumexp - log k",
        lambda p, q: _weights(p, q).logsumexp(0),
    ),
    Mistake(
        "this is the mean of the logs: the ELBO.",
        "Jensen: mean of logs <= log of mean; the gain is in the order   (slide 6)",
        "average first, take the log last",
        lambda p, q: _weights(p, q).mean(0),
    ),
    Mistake(
        "exp under- or overflows before the log.",
        "exp(-1000) is 0 in float32, and log 0 is -infinity",
        "torch.logsumexp takes the largest weight out first",
        lambda p, q: _weights(p, q).exp().mean(0).log(),
    ),
    Mistake(
        "exp under- or overflows before the log.",
        "p(x, z) is 0 in float32 where log p(x, z) = -1000",
        "divide in logs: log w = log p(x, z) - log q(z|x), then logsumexp",
        lambda p, q: (p.exp() / q.exp()).mean(0).log(),
    ),
    Mistake(
        "it averages over the batch, not over k.",
        "inputs are (k, batch): the samples of one x stand in a column",
        "reduce dimension 0",
        lambda p, q: _weights(p, q).logsumexp(1) - math.log(p.shape[1]),
    ),
    Mistake(
        "it divides by the batch size, not by k.",
        "inputs are (k, batch): k = log_q.shape[0]   (slide 6)",
        "which dimension holds the samples?",
        lambda p, q: _weights(p, q).logsumexp(0) - math.log(p.shape[1]),
    ),
    Mistake(
        "log k is added, not subtracted.",
        "log(1/k) = -log k",
        "the mean of k equal weights must be that weight",
        lambda p, q: _weights(p, q).logsumexp(0) + math.log(len(p)),
    ),
    Mistake(
        "it divides the log by k.",
        "the 1/k stands inside the logarithm:\n" + WEIGHTS,
        "log(w/k) = log w - log k",
        lambda p, q: _weights(p, q).logsumexp(0) / len(p),
    ),
    Mistake(
        "the weights are upside down.",
        "w = p(x, z) / q(z|x): log w = log_p_xz - log_q   (slide 6)",
        "which of the two is in the denominator?",
        lambda p, q: _weights(q, p).logsumexp(0) - math.log(len(p)),
    ),
    Mistake(
        "log q is missing from the weights.",
        "z came from q, so each counts p(x, z)/q(z|x):\n" + WEIGHTS,
        "does log_q occur in your function?",
        lambda p, q: p.logsumexp(0) - math.log(len(p)),
    ),
    Mistake(
        "the mean is taken of p and of q apart.",
        "a mean of ratios is not the ratio of means:\n" + WEIGHTS,
        "subtract first, then logsumexp",
        lambda p, q: p.logsumexp(0) - q.logsumexp(0),
    ),
    Mistake(
        "it is the negative of the bound.",
        "the bound lies below log p(x); a loss is its negative",
        "names carry signs in this course",
        lambda p, q: math.log(len(p)) - _weights(p, q).logsumexp(0),
    ),
    Mistake(
        "it takes the largest weight for the mean.",
        WEIGHTS + ";\nthe maximum is only the anchor of logsumexp",
        "max + log mean exp(log w - max)",
        lambda p, q: _weights(p, q).max(0).values,
    ),
    Mistake(
        "it averages over the batch as well.",
        "one bound for each x: (k, batch) -> (batch,)",
        "the mean over the batch comes at the very end, elsewhere",
        lambda p, q: (_weights(p, q).logsumexp(0) - math.log(len(p))).mean(),
    ),
)


def importance_bound(
    function: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0, spread: float = 1.0
) -> None:
    """Check the k-sample importance bound on log p(x), stable at tiny densities (slide 6).

    Args:
        function: (log_p_xz, log_q), each (k, batch) -> (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "log w first, then its logsumexp over the samples, then the 1/k"
    answer, draw = Answer("importance_bound", function, why=WEIGHTS, hint=hint), Draw(seed, spread)
    log_q, level = draw.normal(5, 7), draw.normal(7)
    steps: list[Step] = [
        Case((log_q + level, log_q), level, "where all weights are equal"),
        Case((log_q[:1] + level, log_q[:1]), level, "for k = 1"),
    ]
    for k, batch in ((5, 7), (3, 97), (64, 1)):
        inputs = draw.normal(k, batch, scale=2), draw.normal(k, batch)
        steps.append(Case(inputs, _log_mean(*inputs)))
    for offset in (-1000.0, 1000.0):
        inputs = offset + draw.normal(5, 7), draw.normal(5, 7)
        single = tuple(value.float() for value in inputs)
        where = f"near {offset:+.0f} in float32"
        steps.append(Case(single, _log_mean(*single), where, tolerance=1e-4))
    examine(answer, steps, MISTAKES)
    Established(answer.name, "log of the mean weight, stable at weights of exp(-1000).").show()


def _log_mean(log_p_xz: Tensor, log_q: Tensor) -> Tensor:
    """Return log 1/k sum_j w_j by a mixture's log-density in float64, in the inputs' dtype."""
    log_w = log_p_xz.double() - log_q.double()
    top = log_w.amax(0)
    return (top + (log_w - top).exp().mean(0).log()).to(log_q)
