"""Check of the two ways to split the KL of two joints."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_numbers

__all__ = ["split_joint_kl"]

X = "KL(q(x), p(x)), both summed over z   (slide 14)"
Z_GIVEN_X = "E_q(x) KL(q(z|x), p(z|x)): a KL for each x, averaged over q(x)   (slide 14)"
Z = "KL(q(z), p(z)), both summed over x   (slide 15)"
X_GIVEN_Z = "E_q(z) KL(q(x|z), p(x|z)): a KL for each z, averaged over q(z)   (slide 15)"
BOTH = "KL(q, p) = marginal + conditional, with x first and with z first   (slide 15)"


def right(q_zx: Tensor, p_zx: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the four terms, each ()."""
    whole = _kl(q_zx, p_zx)
    of_x, of_z = _kl(q_zx.sum(0), p_zx.sum(0)), _kl(q_zx.sum(1), p_zx.sum(1))
    return of_x, whole - of_x, of_z, whole - of_z


def _kl(q: Tensor, p: Tensor) -> Tensor:
    return (q * (q.log() - p.log())).sum()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal joints, equal marginals, random tables, and the sum of each split."""
    q = _random(inputs, 7, 5)
    random = Case((q, _random(inputs, 7, 5)), where="for 7x5")
    return [
        Case((q, q.clone()), where="if equal"),
        random.of("x_marginal", "z_given_x", "z_marginal", "x_given_z"),
        _add_up(random),
        random,
        Case((_random(inputs, 4, 4), _random(inputs, 4, 4)), where="for 4x4"),
        Case((_independent(inputs), _independent(inputs)), where="for 6x4"),
        Case((_random(inputs, 3, 8), _random(inputs, 3, 8)), where="for 3x8"),
    ]


def _random(inputs: RandomInputs, n_z: int, n_x: int) -> Tensor:
    return inputs.normal(n_z * n_x).softmax(0).reshape(n_z, n_x)


def _independent(inputs: RandomInputs) -> Tensor:
    return torch.outer(inputs.normal(6).softmax(0), inputs.normal(4).softmax(0))


def _add_up(case: Case) -> Step:
    """Return the check that both splits give the KL of the joints, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        x, z_given_x, z, x_given_z = (float(part) for part in answer(*case.inputs))
        whole = float(_kl(*case.inputs))
        for name, total in (("x first", x + z_given_x), ("z first", z + x_given_z)):
            if abs(total - whole) > 1e-9:
                got, expected = show_numbers(f"{name}, sum {{}}", total, whole)
                where = show_inputs(answer.args, case.inputs)
                headline = f"{name}: the two terms miss the KL of the joints."
                return Problem(headline, got, expected, inputs=where)
        return None

    return step


split_joint_kl = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    parts=("x_marginal", "z_given_x", "z_marginal", "x_given_z"),
    formulas={"x_marginal": X, "z_given_x": Z_GIVEN_X, "z_marginal": Z, "x_given_z": X_GIVEN_Z},
    why=BOTH,
    hint="marginals first, then conditionals as joint / marginal, each with keepdim=True",
    passed="both splits add up to the KL of the joints, each term right.",
)
