"""Check of the rate's two parts: the information of z about x, and the mismatch of q(z)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs

__all__ = ["rate_parts"]

INFORMATION = "log q(z_i|x_i) - log q(z_i), at most log n   (slides 15, 16)"
MARGINAL = "log q(z_i) - log p(z_i), with p(z) = N(0, I)   (slide 15)"
RATE = "E KL(q(z|x), p(z)) = I_q(x; z) + KL(q(z), p(z))   (slide 15)"


def right(z: Tensor, mu: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two terms of each example, (n,) and (n,)."""
    own = _gaussian(z, mu, log_scale)
    each = _gaussian(z[:, None], mu, log_scale)  # (n, n): point i under component j
    aggregate = each.logsumexp(1) - math.log(len(mu))
    prior = _gaussian(z, torch.zeros_like(z), torch.zeros_like(z))
    return own - aggregate, aggregate - prior


def _gaussian(z: Tensor, mu: Tensor, log_scale: Tensor) -> Tensor:
    return Independent(Normal(mu, log_scale.exp()), 1).log_prob(z)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on one example, equal, random and far posteriors, and the ceiling log n."""
    zero = torch.zeros(9, 3, dtype=torch.float64)
    random = _posteriors(inputs, 7, 3)
    return [
        Case((inputs.normal(9, 3), zero, zero), where="for q = p"),
        random.of("information", "marginal_kl"),
        _below_ceiling(random),
        random,
        _posteriors(inputs, 1, 4).at("for one"),
        _posteriors(inputs, 23, 1),
        _posteriors(inputs, 5, 2, width=-6.0).at("if narrow"),
        _posteriors(inputs, 7, 3, far=60.0).at("far out"),
    ]


def _posteriors(
    inputs: RandomInputs, n: int, dim: int, width: float = -0.5, far: float = 0.0
) -> Case:
    """Return n posteriors with one draw from each."""
    mu, log_scale = far + inputs.normal(n, dim), width + inputs.normal(n, dim, scale=0.3)
    z = mu + log_scale.exp() * inputs.normal(n, dim) / inputs.input_scale
    return Case((z, mu, log_scale), where=f"for n = {n}")


def _below_ceiling(case: Case) -> Step:
    """Return the check that no example has more than log n of information, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        most = answer(*case.inputs)[0].max().item()
        ceiling = math.log(len(case.inputs[0]))
        if most <= ceiling + 1e-9:
            return None
        got, expected = f"an information of {most:.4f}", f"at most log n = {ceiling:.4f}"
        where = show_inputs(answer.args, case.inputs)
        headline = "information: more than log n is impossible."
        return Problem(headline, got, expected, why=INFORMATION, inputs=where)

    return step


rate_parts = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("z", "mu", "log_scale"),
    parts=("information", "marginal_kl"),
    formulas={"information": INFORMATION, "marginal_kl": MARGINAL},
    why=RATE,
    hint="three log-densities of the same z: q(z|x), q(z) and p(z); then two differences",
    passed="both terms right, and no information exceeds log n.",
)
