"""Check of the density of a stack of layers, the last of which is the autoregressive prior."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_pair
from course_lib.exact.linear_conditioner import conditioner

__all__ = ["stacked_log_prob"]

STACK = "log p(x) = log p_prior(u) - sum of log_scale of the other layers   (slide 5)"
PRIOR = "prior = last layer: log p(u) = sum_i log N(u_i; shift_i, exp(log_scale_i)^2)"


def right(x: Tensor, layers: Tensor) -> Tensor:
    """Return log p(x), (batch,), treating all layers the same, over white noise."""
    log_prob = torch.zeros_like(x[:, 0])
    for layer in layers:
        shift, log_scale = conditioner(layer, x)
        x = (x - shift) * (-log_scale).exp()
        log_prob = log_prob - log_scale.sum(-1)
    white = torch.distributions.Normal(torch.zeros_like(x), torch.ones_like(x))
    return log_prob + white.log_prob(x).sum(-1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a prior alone, constant layers, deep stacks, far points, and the order."""
    x = inputs.normal(7, 3)
    three, constant = _layers(inputs, 3, 3), _layers(inputs, 2, 3)
    constant[..., :-1] = 0
    deep = Case((x, three), where="for 3 layers")
    return [
        Case((x, torch.zeros(1, 2, 3, 4, dtype=torch.float64)), where="for N(0, I)"),
        Case((x, _layers(inputs, 1, 3)), where="for a prior alone"),
        Case((x, constant), where="without weights"),
        Case((inputs.normal(5, 4), _layers(inputs, 2, 4)), where="for 2 layers"),
        _identity_on_top(deep),
        deep,
        Case((inputs.normal(9, 1), _layers(inputs, 4, 1)), where="for 4 layers"),
        Case((4 * inputs.normal(7, 3), three), where="far out"),
    ]


def _layers(inputs: RandomInputs, number: int, dim: int) -> Tensor:
    """Return linear layers, (number, 2, dim, dim + 1), whose scales vary less than shifts."""
    sizes = torch.tensor([0.8, 0.03], dtype=torch.float64) / inputs.input_scale
    weight = torch.tril(inputs.normal(number, 2, dim, dim), -1) * sizes[:, None, None]
    bias = inputs.normal(number, 2, dim, 1, scale=0.5 / inputs.input_scale)
    return torch.cat((weight, bias), -1)


def _identity_on_top(case: Case) -> Step:
    """Return the check that N(0, I) as one more last layer changes nothing."""

    def step(answer: Answer) -> Problem | None:
        x, layers = case.inputs
        more = torch.cat((layers, torch.zeros_like(layers[:1])))
        values = answer(x, more).detach(), answer(x, layers).detach()
        if torch.allclose(*values, rtol=1e-9, atol=1e-9):
            return None
        where = show_inputs(answer.args, (x, more))
        headline = "N(0, I) as one more last layer changes log p."
        return Problem(headline, *show_pair(*values, 1e-9), why=PRIOR, inputs=where)

    return step


stacked_log_prob = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x",),
    gradients=("x", "layers"),
    why=f"{STACK}\n{PRIOR}",
    hint="undo layer after layer, subtract each log-scale, and end with the prior at what is left",
    passed="the prior is a layer: N(0, I) as one more changes nothing.",
)
