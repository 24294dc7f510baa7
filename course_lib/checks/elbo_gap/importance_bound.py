"""Check of the importance bound: the log of a mean of weights that under- or overflow."""

from __future__ import annotations

from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["importance_bound"]

WEIGHTS = "L_k = log 1/k sum_j p(x, z_j)/q(z_j|x)   (slide 6)"


def right(log_p_xz: Tensor, log_q: Tensor) -> Tensor:
    """Return log 1/k sum_j w_j, (batch,), with the largest weight of each x factored out."""
    log_w = log_p_xz - log_q
    top = log_w.amax(0).detach()
    return top + (log_w - top).exp().mean(0).log()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal weights, k = 1, random weights, and weights beyond every dtype."""
    log_q, level = inputs.normal(5, 7), inputs.normal(7)
    return [
        Case((log_q + level, log_q), level, "where all weights are equal"),
        Case((log_q[:1] + level, log_q[:1]), level, "for k = 1"),
        *(
            Case((inputs.normal(k, batch, scale=2), inputs.normal(k, batch)))
            for k, batch in ((5, 7), (3, 97), (64, 1))
        ),
        *(
            Case((offset + inputs.normal(5, 7), inputs.normal(5, 7)), where=f"near {offset:+,.0f}")
            for offset in (-1000.0, 1000.0, -1e5)
        ),
    ]


importance_bound = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_p_xz", "log_q"),
    row_dim=1,
    gradients=("log_p_xz", "log_q"),
    why=WEIGHTS,
    hint="log w first, then its logsumexp over the samples, then the 1/k",
    passed="log of the mean weight, stable at weights of exp(-1000).",
)
