"""Check of the monotone network: its value, and the logarithm of its derivative."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["monotone"]

Y = "y = logit sum_k w_k sigmoid(slope_k x + offset_k), w = softmax(logits)   (slide 5)"
LOG_DERIVATIVE = "log dy/dx = log S' - log S - log(1 - S), y = logit S   (slide 5)"
DERIVATIVE = (
    "[torch.autograd.grad(y.sum(), v)[0] if y.requires_grad else torch.zeros_like(v)"
    " for v in [x.requires_grad_()] for y in [monotone(v, slope, offset, logits)[0]]][0]"
)


def right(x: Tensor, slope: Tensor, offset: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return y and log dy/dx, each (n,), computed in log space."""
    t, log_w = x[:, None] * slope + offset, logits.log_softmax(-1)  # (n, units)
    log_on, log_off = logsigmoid(t), logsigmoid(-t)
    log_s, log_rest = (log_w + log_on).logsumexp(-1), (log_w + log_off).logsumexp(-1)
    log_slope = (log_w + slope.log() + log_on + log_off).logsumexp(-1)
    return log_s - log_rest, log_slope - log_s - log_rest


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on one unit, equal units, several, the derivative of y itself, and |x| = 50."""
    x, one, several = inputs.normal(7), _units(inputs, 1), _units(inputs, 5)
    zero = torch.zeros(4, dtype=torch.float64)
    plain = Case((x, *several), where="for 5 units")
    far = torch.tensor([-50.0, 50.0, -37.0, 0.0, 44.0], dtype=torch.float64)
    return [
        Case((x, torch.ones_like(zero), zero, zero), where="for the identity"),
        Case((x, *one), where="for one unit"),
        plain.of("y"),
        _matches_derivative(plain),
        plain,
        Case((inputs.normal(9), *_units(inputs, 3)), where="for 3 units"),
        Case((far, *several), where="far out"),
    ]


def _units(inputs: RandomInputs, units: int) -> tuple[Tensor, Tensor, Tensor]:
    scale = 1 / inputs.input_scale
    slope = 0.3 + inputs.normal(units, scale=scale).abs()
    return slope, inputs.normal(units, scale=scale), inputs.normal(units, scale=scale)


def _matches_derivative(case: Case) -> Step:
    """Return the step that compares log_derivative with the slope of the answer's own y."""

    def step(answer: Answer) -> Problem | None:
        data = dict(zip(answer.args, case.inputs, strict=True))
        came, slope = answer(*case.inputs)[1].detach(), answer.ask(DERIVATIVE, **data)
        where = show_inputs(answer.args, case.inputs)
        if not slope.any():
            headline = "no gradient passes from x to y."
            return Problem(headline, "dy/dx = 0", "dy/dx > 0", why=Y, inputs=where)
        exact = slope.log()
        if torch.allclose(came, exact, atol=1e-8):
            return None
        headline = "log_derivative is not that of y."
        pair = show_pair(came, exact, 1e-8)
        return Problem(headline, *pair, why=LOG_DERIVATIVE, inputs=where)

    return step


monotone = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x",),
    gradients=("x", "slope", "offset", "logits"),
    parts=("y", "log_derivative"),
    formulas={"y": Y, "log_derivative": LOG_DERIVATIVE},
    why=f"{Y}\n{LOG_DERIVATIVE}",
    hint="log S, log(1 - S) and log S' by logsumexp over units; log sigmoid by logsigmoid",
    passed="log dy/dx is that of y, and both are finite at |x| = 50.",
)
