"""Check of the terms of beta-VAE's objective: information, two mismatches and a constant."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_numbers

__all__ = ["beta_split"]

INFORMATION = "-(beta - 1) I_q(x; z), I_q = KL(q(z, x), q(z) p_data(x))   (slide 18)"
MARGINAL = "-beta KL(q(z), p(z))   (slide 18)"
CONDITIONAL = "-E_q(z) KL(q(x|z), p(x|z)), q(x|z) = p_data(x) q(z|x) / q(z)   (slide 18)"
CONSTANT = "-H(p_data) = sum_x p_data(x) log p_data(x): what the slide drops   (slides 12, 18)"
SUM = "the four add up to E[log p(x|z)] - beta E KL(q(z|x), p(z))   (slide 18)"


def right(
    p_data: Tensor, q_z_given_x: Tensor, p_z: Tensor, p_x_given_z: Tensor, beta: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the four terms, () each."""
    joint = p_data * q_z_given_x
    q_z = joint.sum(1)
    information = (joint * (q_z_given_x / q_z[:, None]).log()).sum()
    marginal = (q_z * (q_z / p_z).log()).sum()
    conditional = (joint * (joint / q_z[:, None] / p_x_given_z).log()).sum()
    constant = (p_data * p_data.log()).sum()
    return (1 - beta) * information, -beta * marginal, -conditional, constant


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on an ignored z, each term on random tables, the sum, and sharp tables."""
    p_z, p_data = inputs.normal(4).softmax(0), inputs.normal(3).softmax(0)
    ignored = p_data, p_z[:, None].expand(4, 3), p_z, p_data.expand(4, 3)
    random = _world(inputs, 7, 5, 4.0)
    return [
        Case((*(table.clone() for table in ignored), _beta(2.0)), where="if z is ignored"),
        random.of("information"),
        random.of("information", "marginal"),
        random.of("information", "marginal", "conditional"),
        random,
        _world(inputs, 7, 5, 1.0).at("for beta 1"),
        _world(inputs, 3, 6, 0.25).at("for beta 0.25"),
        _world(inputs, 4, 4, 0.0).at("for beta 0"),
        _adds_up(random),
        _world(inputs, 4, 5, 3.0, scale=3.0).at("if sharp"),
    ]


def _beta(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _world(inputs: RandomInputs, n_z: int, n_x: int, beta: float, scale: float = 1.0) -> Case:
    def logits(*shape: int) -> Tensor:
        return inputs.normal(*shape, scale=scale).clamp(-12, 12)

    encoder, decoder = logits(n_z, n_x).softmax(0), logits(n_z, n_x).softmax(1)
    marginals = logits(n_x).softmax(0), logits(n_z).softmax(0)
    return Case((marginals[0], encoder, marginals[1], decoder, _beta(beta)))


def _adds_up(case: Case) -> Step:
    """Return the check that the terms add up to the objective, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        p_data, q, p_z, p_x_given_z, beta = case.inputs
        each = p_x_given_z.log() - beta * (q / p_z[:, None]).log()
        objective, total = (p_data * q * each).sum().item(), float(sum(answer(*case.inputs)))
        if abs(objective - total) < 1e-9:
            return None
        got, expected = show_numbers("a sum of {}", total, objective)
        where = show_inputs(answer.args, case.inputs)
        return Problem("the terms do not add up.", got, expected, why=SUM, inputs=where)

    return step


beta_split = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    parts=("information", "marginal", "conditional", "constant"),
    formulas={
        "information": INFORMATION,
        "marginal": MARGINAL,
        "conditional": CONDITIONAL,
        "constant": CONSTANT,
    },
    why=SUM,
    hint="q(z) = sum_x p_data(x) q(z|x); every average is over p_data(x) q(z|x)",
    passed="the three terms and the constant add up to the objective.",
)
