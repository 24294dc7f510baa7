"""Check of sampling from an affine autoregressive layer, one dimension at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["maf_inverse"]

MAF = "x_i = shift_i(x_<i) + exp(log_scale_i(x_<i)) noise_i   (slide 5)"


def right(noise: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x, (batch, dim), computed column by column."""
    columns: list[Tensor] = []
    for i in range(noise.shape[1]):
        before = torch.stack(columns, 1) if columns else noise[:, :0]
        shift, log_scale = (before @ weight[k, i, :i] + bias[k, i] for k in range(2))
        columns.append(shift + log_scale.exp() * noise[:, i])
    return torch.stack(columns, 1)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on zero weights, shifts only, the inverse, random inputs, and large noise."""
    noise, zero = inputs.normal(7, 3), torch.zeros(2, 3, 3, dtype=torch.float64)
    weight, bias = _layer(inputs, 3)
    shift = weight * torch.tensor([1.0, 0.0], dtype=torch.float64)[:, None, None]
    random = Case((noise, weight, bias), where="for 7x3")
    return [
        Case((noise, zero, torch.zeros_like(bias)), where="for the identity"),
        Case((noise, zero, bias), where="without weights"),
        Case((noise, shift, torch.zeros_like(bias)), where="for shifts only"),
        _way_back(random),
        random,
        Case((inputs.normal(5, 6), *_layer(inputs, 6)), where="for 5x6"),
        Case((inputs.normal(9, 1), *_layer(inputs, 1)), where="for 9x1"),
        Case((8 * inputs.normal(7, 3), weight, bias), where="far out"),
    ]


def _layer(inputs: RandomInputs, dim: int) -> tuple[Tensor, Tensor]:
    """Return strictly lower triangular weights, and biases; scales vary less than shifts."""
    sizes = torch.tensor([0.8, 0.05], dtype=torch.float64) / inputs.input_scale
    weight = torch.tril(inputs.normal(2, dim, dim), -1) * sizes[:, None, None]
    return weight, inputs.normal(2, dim, scale=0.5 / inputs.input_scale)


def _way_back(case: Case) -> Step:
    """Return the check that the layer's fast direction maps the sample back to the noise."""

    def step(answer: Answer) -> Problem | None:
        noise, weight, bias = case.inputs
        x = answer(*case.inputs).detach()
        shift, log_scale = (x @ weight[k].T + bias[k] for k in range(2))
        back = (x - shift) * (-log_scale).exp()
        if torch.allclose(back, noise, atol=1e-8):
            return None
        pair = show_pair(back, noise, 1e-8)
        where = show_inputs(answer.args, case.inputs)
        return Problem("(x - shift) / scale is not the noise.", *pair, inputs=where)

    return step


maf_inverse = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("noise",),
    gradients=("noise", "bias"),
    why=MAF,
    hint="column i needs x_<i: loop over i, and look at what is already drawn",
    passed="the fast direction maps every sample back to its noise.",
)
