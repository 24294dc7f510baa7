"""Check of InfoVAE's objective, with weights for the information and the marginal of z."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["info_vae_objective"]

OBJECTIVE = (
    "reconstruction - (1 - alpha) rate - (alpha + lambda - 1) KL(q(z), p(z))   (slides 17, 18)"
)


def right(
    reconstruction: Tensor, rate: Tensor, marginal_kl: Tensor, alpha: Tensor, lambda_: Tensor
) -> Tensor:
    """Return the objective of each example, (batch,)."""
    return reconstruction - (1 - alpha) * rate - (alpha + lambda_ - 1) * marginal_kl


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on the ELBO, a beta-VAE, the adversarial autoencoder's weights, and others."""
    return [
        _weights(inputs, 0.0, 1.0, "for the ELBO (0, 1)"),
        _weights(inputs, -3.0, 4.0, "for the beta-VAE (-3, 4)"),
        _weights(inputs, 1.0, 10.0, "for (1, 10)"),
        _weights(inputs, 0.3, 2.0, "for (0.3, 2)"),
        _weights(inputs, -0.5, 1.5, "for (-0.5, 1.5)"),
        _weights(inputs, 0.6, 0.4, "for (0.6, 0.4)"),
        _weights(inputs, 0.3, 2.0, "far out", 200.0),
    ]


def _weights(
    inputs: RandomInputs, alpha: float, lambda_: float, where: str, far: float = 1.0
) -> Case:
    terms = -80 * far + inputs.normal(7, scale=9.0), far * (3 + inputs.normal(7).abs())
    divergence = far * (0.5 + inputs.normal(1)[0].abs())
    weights = (torch.tensor(value, dtype=torch.float64) for value in (alpha, lambda_))
    return Case((*terms, divergence, *weights), where=where)


info_vae_objective = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("reconstruction", "rate"),
    gradients=("reconstruction", "rate", "marginal_kl"),
    why=OBJECTIVE,
    hint="start from slide 17, then replace I_q by rate - KL(q(z), p(z))",
    passed="ELBO, beta-VAE and the others are special cases.",
)
