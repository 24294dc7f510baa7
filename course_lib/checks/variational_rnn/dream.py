"""Check of a dream: a VRNN's continuation of a sequence, from given noise."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["dream"]

DREAM = "z_t from p(z_t | h_{t-1}), x_t from p(x_t | z_t, h_{t-1}), then h_t   (slide 9)"


def right(
    h: Tensor, eps: Tensor, uniforms: Tensor, w_prior: Tensor, w_x: Tensor, w_h: Tensor
) -> Tensor:
    """Return the steps drawn, (batch, steps, x_dim) of zeros and ones."""
    x = torch.zeros_like(uniforms)
    for t in range(x.shape[1]):
        mu, log_scale = (h @ w_prior.T).chunk(2, -1)
        z = mu + log_scale.exp() * eps[:, t]
        p = (torch.cat((z, h), -1) @ w_x.T).sigmoid()
        x[:, t] = (uniforms[:, t] < p).to(x.dtype)
        h = torch.tanh(torch.cat((x[:, t], z, h), -1) @ w_h.T)
    return x


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on zero weights, one step, a zero state, random dreams and confident ones."""
    h, eps, uniforms, *weights = _draw(inputs, 9, 5, 4, 2, 3)
    return [
        Case((h, eps, uniforms, *(0 * w for w in weights)), where="for weights 0"),
        Case(_draw(inputs, 7, 1, 4, 2, 3), where="for one step"),
        Case((0 * h, eps, uniforms, *weights), where="for h = 0"),
        Case((h, eps, uniforms, *weights), where="for 5 steps"),
        Case(_draw(inputs, 6, 8, 3, 3, 3), where="for 8 steps"),
        Case((h, eps, uniforms, *(4 * w for w in weights)), where="far out"),
    ]


def _draw(
    inputs: RandomInputs, batch: int, time: int, x_dim: int, z_dim: int, state: int
) -> tuple[Tensor, ...]:
    """Return a state, both kinds of noise, and matrices with which a step affects the next."""
    sizes = (2 * z_dim, state), (x_dim, z_dim + state), (state, x_dim + z_dim + state)
    uniforms = torch.rand(batch, time, x_dim, generator=inputs.generator, dtype=torch.float64)
    return (
        inputs.normal(batch, state).tanh(),
        inputs.normal(batch, time, z_dim, scale=1 / inputs.input_scale),
        uniforms,
        *(inputs.normal(*size, scale=0.8 / inputs.input_scale) for size in sizes),
    )


dream = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("h", "eps", "uniforms"),
    why=DREAM,
    hint="one loop over time: prior, z, logits, bits, and the next state",
    passed="the same noise always gives the same dream.",
)
