"""Check of the path from an independent to an informative solution, all with the same ELBO."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_numbers

__all__ = ["valley"]

ENCODER = "q_t(z|x) = (1 - t) p(z) + t q(z|x)   (slide 16)"
PRIOR = "p(z) = q(z) = sum_x p_data(x) q(z|x)   (slides 15, 16)"
DECODER = "p(x|z) = p_data(x) q_t(z|x) / p(z): Bayes, so that both joints agree   (slide 16)"
MATCH = "p(z) p(x|z) = p_data(x) q_t(z|x): the KL of the joints is zero   (slides 13, 16)"


def right(p_data: Tensor, q_z_given_x: Tensor, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return encoder (n_z, n_x), prior (n_z,) and decoder (n_z, n_x) at one point of the path."""
    prior = q_z_given_x @ p_data
    encoder = (1 - share) * prior[:, None] + share * q_z_given_x
    return encoder, prior, encoder * p_data / prior[:, None]


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on both ends, random tables, equal joints, and sharp encoders."""
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    eye = torch.eye(3, dtype=torch.float64)
    random = Case((_table(inputs, 5), _encoder(inputs, 7, 5), _share(0.3)))
    return [
        Case((third, eye, _share(0.0)), where="for t = 0"),
        Case((third, eye, _share(1.0)), where="for t = 1"),
        Case((_table(inputs, 3), _encoder(inputs, 4, 3), _share(0.5)), where="on tables of 4x3"),
        random,
        Case((_table(inputs, 6), _encoder(inputs, 2, 6), _share(0.8)), where="on tables of 2x6"),
        _joints_agree(random),
        Case((_table(inputs, 5), _encoder(inputs, 4, 5, 6.0), _share(0.6)), where="if sharp"),
    ]


def _share(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _table(inputs: RandomInputs, n: int) -> Tensor:
    return inputs.normal(n).softmax(0)


def _encoder(inputs: RandomInputs, n_z: int, n_x: int, scale: float = 1.0) -> Tensor:
    return inputs.normal(n_z, n_x, scale=scale).clamp(-20, 20).softmax(0)


def _joints_agree(case: Case) -> Step:
    """Return the check that both joints are the same table, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        encoder, prior, decoder = answer(*case.inputs)
        far = (case.inputs[0] * encoder - prior[:, None] * decoder).abs().max().item()
        if far < 1e-9:
            return None
        got, expected = show_numbers("joints apart by {}", far, 0.0)
        where = show_inputs(answer.args, case.inputs)
        headline = "the two joints do not agree."
        return Problem(headline, got, expected, why=MATCH, inputs=where)

    return step


valley = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    parts=("encoder", "prior", "decoder"),
    formulas={"prior": PRIOR, "encoder": ENCODER, "decoder": DECODER},
    why=MATCH,
    hint="first q(z), then the encoder, then Bayes' rule for the decoder",
    passed="both joints agree at every point of the path.",
)
