"""Check of the logit of the optimal discriminator."""

from __future__ import annotations

from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["optimal_logit"]

LOGIT = "D* = p / (p + q), so logit = log D* - log(1 - D*) = log p - log q   (slide 10)"


def right(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the log-ratio, (batch,)."""
    return log_p - log_q


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal densities, random ones, and far points where both round to zero."""
    log_p = -2 + inputs.normal(7)
    far = inputs.normal(5, scale=20)
    return [
        Case((log_p, log_p.clone()), where="where p = q"),
        Case((-3 + inputs.normal(7), -3 + inputs.normal(7)), where="for n = 7"),
        Case(
            (-1 + inputs.normal(97, scale=3), -1 + inputs.normal(97, scale=3)), where="for n = 97"
        ),
        Case((-2000 + far, -2000 + inputs.normal(5, scale=20)), where="far out"),
        Case((-1 + inputs.normal(4), -1500 + inputs.normal(4)), where="where q is nearly zero"),
    ]


optimal_logit = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_p", "log_q"),
    gradients=("log_p", "log_q"),
    why=LOGIT,
    hint="write logit(D*) with p and q, and simplify before you compute",
    passed="the log-ratio, finite also where both densities round to zero.",
)
