"""Check of the two losses of an adversarial autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["aae_losses"]

CRITIC = "critic: -E_p(z)[log D(z)] - E_q(z)[log(1 - D(z))], D = sigmoid(logit)   (slide 15)"
MODEL = "model: -E[ELBO] - weight E_q(z)[log D(z)]: z from q should pass for the prior   (slide 15)"


def right(
    p_logits: Tensor, q_logits: Tensor, elbo: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the critic's and the model's loss, () and ()."""
    critic = softplus(-p_logits).mean() + softplus(q_logits).mean()
    return critic, -elbo.mean() + weight * softplus(-q_logits).mean()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on an undecided critic, random logits, weight zero, and a confident critic."""
    zero = torch.zeros(5, dtype=torch.float64)
    return [
        Case((zero, zero, zero, _weight(1.0)), where="for logits 0"),
        _game(inputs, 7, 2.0),
        _game(inputs, 97, 30.0),
        _game(inputs, 3, 0.0).at("for weight 0"),
        _game(inputs, 1, 4.0).at("for one"),
        Case(
            (200 + inputs.normal(7), -200 + inputs.normal(7), inputs.normal(7), _weight(3.0)),
            where="if confident",
        ),
        Case(
            (-200 + inputs.normal(7), 200 + inputs.normal(7), inputs.normal(7), _weight(3.0)),
            where="if wrong",
        ),
    ]


def _weight(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _game(inputs: RandomInputs, batch: int, weight: float) -> Case:
    elbo = -100 + inputs.normal(batch, scale=5)
    logits = inputs.normal(batch, scale=2), inputs.normal(batch, scale=2)
    return Case((*logits, elbo, _weight(weight)), where=f"for n = {batch}")


aae_losses = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    gradients=("p_logits", "q_logits", "elbo"),
    parts=("critic_loss", "model_loss"),
    formulas={"critic_loss": CRITIC, "model_loss": MODEL},
    why=CRITIC + ";\n" + MODEL,
    hint="-log sigmoid(l) = softplus(-l), and -log(1 - sigmoid(l)) = softplus(l)",
    passed="both losses are right, even for a confident critic.",
)
