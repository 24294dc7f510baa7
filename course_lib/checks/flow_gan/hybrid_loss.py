"""Check of FlowGAN's loss, the likelihood plus lambda times the JSD."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["hybrid_loss"]

HYBRID = "-E_data[log p] + lambda (log 2 + V/2): KL + lambda JSD + const   (slide 11)"


def right(log_prob: Tensor, data_logits: Tensor, model_logits: Tensor, lambda_: Tensor) -> Tensor:
    """Return the loss of the generator, ()."""
    jsd = math.log(2) + (logsigmoid(data_logits).mean() - softplus(model_logits).mean()) / 2
    if lambda_ == 0:
        return -log_prob.mean()
    return jsd if torch.isinf(lambda_) else lambda_ * jsd - log_prob.mean()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on both ends of lambda, values between, and losses infinite at one end."""
    log_prob = -100 + inputs.normal(7, scale=5)
    logits = inputs.normal(7), inputs.normal(5)
    lost = torch.full((7,), -math.inf).double()
    return [
        Case((log_prob, *logits, _weight(1.0)), where="for lambda 1"),
        _game(inputs, 7, 3.0),
        _game(inputs, 97, 30.0),
        _game(inputs, 1, 0.5).at("for one sample"),
        _game(inputs, 5, 0.0),
        _game(inputs, 5, math.inf),
        Case(
            (log_prob, 200 + inputs.normal(7), -200 + inputs.normal(5), _weight(2.0)),
            where="if the critic is confident",
        ),
        Case(
            (log_prob, -200 + inputs.normal(7), 200 + inputs.normal(5), _weight(2.0)),
            where="if the critic is wrong",
        ),
        Case(
            (lost, *logits, _weight(math.inf)), where="for log p = -inf, lambda inf", derived=False
        ),
        Case(
            (log_prob, -lost, -lost, _weight(0.0)), where="for logits inf, lambda 0", derived=False
        ),
    ]


def _weight(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _game(inputs: RandomInputs, batch: int, lambda_: float) -> Case:
    log_prob = -50 + inputs.normal(batch, scale=5)
    logits = 1 + inputs.normal(batch, scale=2), -1 + inputs.normal(batch, scale=2)
    return Case((log_prob, *logits, _weight(lambda_)), where=f"for lambda {lambda_:g}")


hybrid_loss = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("log_prob", "data_logits", "model_logits"),
    why=HYBRID,
    hint="the two ends first: lambda 0 is -E[log p] alone, lambda inf the JSD alone",
    passed="right at both ends of lambda and between them.",
)
