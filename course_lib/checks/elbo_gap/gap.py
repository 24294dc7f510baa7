"""Check of the gap log p(x) - ELBO by quadrature, in worlds where it has a closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.exercise import Case, Draw, Mistake, Problem, Step, examine
from course_lib.checks.report import Established

__all__ = ["elbo_gap"]

GAP = "gap = log p(x) - ELBO = KL(q || p(z|x)) >= 0   (slide 6)"
EVIDENCE = "p(x) = integral of p(x, z) dz = sum_i p(x, z_i) dz"
BOUND = "ELBO = sum_i q(z_i) [log p(x, z_i) - log q(z_i)] dz   (slide 6)"


def _log_px(z: Tensor, log_joint: Tensor) -> Tensor:
    return log_joint.logsumexp(1) + torch.log(z[1] - z[0])


def _elbo(z: Tensor, log_joint: Tensor, log_q: Tensor) -> Tensor:
    return (log_q.exp() * (log_joint - log_q)).sum(1) * (z[1] - z[0])


def _gap(z: Tensor, log_joint: Tensor, log_q: Tensor) -> Tensor:
    return _log_px(z, log_joint) - _elbo(z, log_joint, log_q)


def _swapped(z: Tensor, log_joint: Tensor, log_q: Tensor) -> Tensor:
    log_posterior = log_joint - _log_px(z, log_joint)[:, None]
    return (log_posterior.exp() * (log_posterior - log_q)).sum(1) * (z[1] - z[0])


MISTAKES = (
    Mistake(
        "the sign is reversed.",
        GAP,
        "which of the two terms is the bound?",
        lambda z, p, q: -_gap(z, p, q),
    ),
    Mistake(
        "the KL has its distributions swapped.",
        GAP + ";\nthe average is over q",
        "which density multiplies the difference of logs?",
        _swapped,
    ),
    Mistake(
        "log p(x) is missing: this is the negative ELBO.",
        GAP + ";\nlog p(x, z) is not log p(z|x)",
        "normalise: log p(z|x) = log p(x, z) - log p(x)",
        lambda z, p, q: -_elbo(z, p, q),
    ),
    Mistake(
        "it is the ELBO, not the gap.",
        GAP,
        "what does the ELBO leave out?",
        _elbo,
    ),
    Mistake(
        "it is log p(x), not the gap.",
        GAP,
        "subtract the ELBO",
        lambda z, p, q: _log_px(z, p),
    ),
    Mistake(
        "dz is missing everywhere.",
        EVIDENCE + ";\n" + BOUND,
        "a sum becomes an integral by the width of a cell: z[1] - z[0]",
        lambda z, p, q: p.logsumexp(1) - (q.exp() * (p - q)).sum(1),
    ),
    Mistake(
        "dz is missing from log p(x).",
        EVIDENCE,
        "log p(x) = logsumexp(log_joint) + log dz",
        lambda z, p, q: p.logsumexp(1) - _elbo(z, p, q),
    ),
    Mistake(
        "dz is missing from the ELBO.",
        BOUND,
        "q is a density: only q dz adds up to one",
        lambda z, p, q: _log_px(z, p) - (q.exp() * (p - q)).sum(1),
    ),
    Mistake(
        "dz is used where log dz belongs.",
        "log(sum * dz) = log sum + log dz",
        "log p(x) = logsumexp(log_joint) + log dz",
        lambda z, p, q: p.logsumexp(1) + (z[1] - z[0]) - _elbo(z, p, q),
    ),
    Mistake(
        "the ELBO is a mean over nodes, not a sum times dz.",
        BOUND,
        "z is not drawn from q here: each node counts q(z) dz",
        lambda z, p, q: _log_px(z, p) - (q.exp() * (p - q)).mean(1),
    ),
    Mistake(
        "the nodes are not weighted by q.",
        BOUND,
        "where does q(z) multiply?",
        lambda z, p, q: _log_px(z, p) - (p - q).mean(1),
    ),
    Mistake(
        "the entropy of q is missing.",
        BOUND,
        "the ELBO holds - log q as well",
        lambda z, p, q: _log_px(z, p) - (q.exp() * p).sum(1) * (z[1] - z[0]),
    ),
    Mistake(
        "exp underflows before the log.",
        "exp(-1000) is 0, and log 0 is -infinity",
        "torch.logsumexp takes the largest term out first",
        lambda z, p, q: (p.exp().sum(1) * (z[1] - z[0])).log() - _elbo(z, p, q),
    ),
    Mistake(
        "it sums over the batch as well.",
        "one gap for each x: (batch, n) -> (batch,)",
        "the nodes are dimension 1",
        lambda z, p, q: _gap(z, p, q).sum(),
    ),
    Mistake(
        "it averages over the batch as well.",
        "one gap for each x: (batch, n) -> (batch,)",
        "the nodes are dimension 1",
        lambda z, p, q: _gap(z, p, q).mean(),
    ),
)


def elbo_gap(
    function: Callable[[Tensor, Tensor, Tensor], Tensor], *, seed: int = 0, spread: float = 1.0
) -> None:
    """Check log p(x) - ELBO by quadrature, one number for each x (slide 6).

    Args:
        function: (z, log_joint, log_q), (n,), (batch, n) and (batch, n) -> (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "log p(x) alone, the ELBO alone, then their difference"
    answer, draw = Answer("elbo_gap", function, why=GAP, hint=hint), Draw(seed, spread)
    zero, one = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    random = _random_world(draw, 1501, 7)
    steps: list[Step] = [
        _world(2001, zero, one, zero, one, one).at("for N(1, 1) against N(0, 1)"),
        _world(1501, one, one, zero - 2, one, one).at("where q is the posterior"),
        _never_negative(random),
        random,
        _random_world(draw, 2301, 3),
        _random_world(draw, 1501, 5, -1000.0).at("where log p(x) is near -1000"),
    ]
    examine(answer, steps, MISTAKES)
    what = "never negative, zero for the posterior, and equal to KL(q, p(z|x))."
    Established(answer.name, what).show()


def _never_negative(case: Case) -> Step:
    """Return the step that looks at the sign alone."""

    def step(answer: Answer) -> Problem | None:
        least = answer(*case.inputs).min().item()
        if least >= -1e-9:
            return None
        return Problem("the gap is negative.", f"a gap of {least:+.3f}", "never below 0")

    return step


def _random_world(draw: Draw, nodes: int, batch: int, offset: float = 0.0) -> Case:
    mean, mu = draw.normal(batch, scale=0.5), draw.normal(batch, scale=0.5)
    scale, q_scale = (draw.normal(batch, scale=0.2 / draw.spread).exp() for _ in range(2))
    return _world(nodes, mean, scale, offset + draw.normal(batch, scale=2), mu, q_scale)


def _world(
    nodes: int, mean: Tensor, scale: Tensor, log_px: Tensor, mu: Tensor, q_scale: Tensor
) -> Case:
    """Return a world of p(z|x) = N(mean, scale) and q = N(mu, q_scale), its gap in closed form.

    Each parameter is (batch,); log p(x, z) = log p(x) + log p(z|x).
    """
    reach = 12 + mean.abs().max().item() + mu.abs().max().item()
    z = torch.linspace(-reach, reach, nodes, dtype=torch.float64)
    log_joint = log_px[:, None] + Normal(mean[:, None], scale[:, None]).log_prob(z)
    log_q = Normal(mu[:, None], q_scale[:, None]).log_prob(z)
    gap = kl_divergence(Normal(mu, q_scale), Normal(mean, scale))
    return Case((z, log_joint, log_q), gap)
