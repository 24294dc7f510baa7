"""Check of one step of a variational RNN: prior, inference, draw, generation, recurrence."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["right", "vrnn_step"]

PRIOR = "prior = w_prior h_{t-1}: it knows neither x_t nor z_t   (slide 9, a)"
POSTERIOR = "posterior = w_posterior (x_t, h_{t-1})   (slide 9, d)"
DRAW = "z_t = mu + exp(log_scale) eps, mu and log_scale of the posterior"
LOGITS = "logits = w_x (z_t, h_{t-1})   (slide 9, b)"
STATE = "h_t = tanh(w_h (x_t, z_t, h_{t-1}))   (slide 9, c)"


def right(
    x: Tensor,
    h: Tensor,
    eps: Tensor,
    w_prior: Tensor,
    w_posterior: Tensor,
    w_x: Tensor,
    w_h: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return prior, posterior, z, logits and the next state, one row per example."""
    prior, posterior = h @ w_prior.T, torch.cat((x, h), -1) @ w_posterior.T
    mu, log_scale = posterior.chunk(2, -1)
    z = mu + log_scale.exp() * eps
    logits = torch.cat((z, h), -1) @ w_x.T
    return prior, posterior, z, logits, torch.tanh(torch.cat((x, z, h), -1) @ w_h.T)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on zero weights, the first step, no noise, random steps and large weights."""
    x, h, eps, *weights = _draw(inputs, 7, 5, 2, 4)
    large = [4 * w for w in weights]
    return [
        Case((x, h, eps, *(0 * w for w in weights)), where="for weights 0"),
        Case((x, 0 * h, eps, *weights), where="for h = 0"),
        Case((x, h, 0 * eps, *weights), where="for eps = 0"),
        Case((x, h, eps, *weights), where="for 5, 2 and 4 dims"),
        Case(_draw(inputs, 6, 3, 3, 3), where="for 3, 3 and 3 dims"),
        Case(_draw(inputs, 5, 1, 1, 6), where="for 1, 1 and 6 dims"),
        Case((x, h, eps, *large), where="far out"),
    ]


def _draw(inputs: RandomInputs, batch: int, x_dim: int, z_dim: int, state: int) -> tuple:
    """Return bits, a state, noise and four matrices that keep scales moderate."""
    sizes = ((2 * z_dim, state), (2 * z_dim, x_dim + state), (x_dim, z_dim + state))
    sizes += ((state, x_dim + z_dim + state),)
    scale = 0.4 / inputs.input_scale
    return (
        inputs.bits(batch, x_dim),
        inputs.normal(batch, state).tanh(),
        inputs.normal(batch, z_dim),
        *(inputs.normal(*size, scale=scale) for size in sizes),
    )


vrnn_step = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "h", "eps"),
    gradients=("h", "w_prior", "w_posterior", "w_x", "w_h"),
    parts=("prior", "posterior", "z", "logits", "h_next"),
    formulas={
        "prior": PRIOR,
        "posterior": POSTERIOR,
        "z": DRAW,
        "logits": LOGITS,
        "h_next": STATE,
    },
    why="the four parts of slide 9: prior, generation, recurrence, inference",
    hint="one line for each part; torch.cat((x, h), -1) @ w.T multiplies each row",
    passed="each of the four parts sees exactly what it may.",
)
