"""Check of the gap log p(x) - ELBO by quadrature, in worlds where it has a closed form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs

__all__ = ["elbo_gap"]

GAP = "gap = log p(x) - ELBO = KL(q || p(z|x)) >= 0   (slide 6)"


def right(z: Tensor, log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return log p(x) - ELBO by quadrature, (batch,)."""
    dz = z[1] - z[0]
    log_px = log_joint.logsumexp(1) + torch.log(dz)
    return log_px - (log_q.exp() * (log_joint - log_q)).sum(1) * dz


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on two plain worlds, the gap's sign, and random worlds, some with tiny p(x)."""
    zero, one = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    random = _random_world(inputs, 1501, 7)
    tiny = torch.tensor([-1000.0, 0.0, -1000.0, 0.0, -1000.0], dtype=torch.float64)
    return [
        _world(2001, zero, one, zero, one, one).at("for N(1, 1) against N(0, 1)"),
        _world(1501, one, one, zero - 2, one, one).at("where q is the posterior"),
        _never_negative(random),
        random,
        _random_world(inputs, 2301, 3),
        _random_world(inputs, 1501, 5, -1000.0).at("where log p(x) is near -1000"),
        _random_world(inputs, 1501, 5, tiny).at("where p(x) differs by exp(1000)"),
    ]


def _never_negative(case: Case) -> Step:
    """Return the check that the gap is not negative."""

    def step(answer: Answer) -> Problem | None:
        least = answer(*case.inputs).min().item()
        if least >= -1e-9:
            return None
        where = show_inputs(answer.args, case.inputs)
        return Problem("the gap is negative.", f"a gap of {least:+.3g}", "at least 0", inputs=where)

    return step


def _random_world(
    inputs: RandomInputs, nodes: int, batch: int, offset: Tensor | float = 0.0
) -> Case:
    mean, mu = inputs.normal(batch, scale=0.5), inputs.normal(batch, scale=0.5)
    scale, q_scale = (inputs.normal(batch, scale=0.2 / inputs.input_scale).exp() for _ in range(2))
    return _world(nodes, mean, scale, offset + inputs.normal(batch, scale=2), mu, q_scale)


def _world(
    nodes: int, mean: Tensor, scale: Tensor, log_px: Tensor, mu: Tensor, q_scale: Tensor
) -> Case:
    """Return a world of p(z|x) = N(mean, scale) and q = N(mu, q_scale), its gap in closed form.

    Each parameter is (batch,); log p(x, z) = log p(x) + log p(z|x).
    """
    half_width = 12 + mean.abs().max().item() + mu.abs().max().item()
    z = torch.linspace(-half_width, half_width, nodes, dtype=torch.float64)
    log_joint = log_px[:, None] + Normal(mean[:, None], scale[:, None]).log_prob(z)
    log_q = Normal(mu[:, None], q_scale[:, None]).log_prob(z)
    gap = kl_divergence(Normal(mu, q_scale), Normal(mean, scale))
    return Case((z, log_joint, log_q), gap)


elbo_gap = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_joint", "log_q"),
    why=GAP,
    hint="log p(x) alone, the ELBO alone, then their difference",
    passed="never negative, zero for the posterior, and equal to KL(q, p(z|x)).",
)
