"""The interface of an evaluated model, and the exact world of a model with a small z."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from course_lib.distributions import Brick
from course_lib.evaluation.mode import evaluation_mode
from course_lib.exact.grid import Grid, GridWorld
from course_lib.objectives import Elbo

__all__ = ["LatentVariableModel", "quadrature_world"]


class LatentVariableModel(Protocol):
    """The methods that the evaluation needs from a model."""

    prior: Brick
    likelihood: Brick
    posterior: Brick

    def elbo(self, x: Tensor, samples: int = 1) -> Elbo:
        """Return the bound and its terms."""

    def importance_bound(self, x: Tensor, k: int) -> Tensor:
        """Return the k-sample bound."""


def quadrature_world(model: LatentVariableModel, grid: Grid) -> GridWorld:
    """Return the exact world of a model whose z has one or two dimensions, by quadrature.

    Args:
        model: anything with the bricks ``prior`` and ``likelihood``.
        grid: nodes that cover the prior and every posterior; otherwise the world raises.

    Returns:
        A world whose ``log_prob(x)`` and ``posterior(x)`` are the model's exact ones.
    """
    weight = next(model.likelihood.parameters())

    @torch.no_grad()
    def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
        with evaluation_mode(model):
            return model.likelihood(z.to(weight)).log_prob(x.to(weight).unsqueeze(1)).double()

    @torch.no_grad()
    def log_prior(z: Tensor) -> Tensor:
        with evaluation_mode(model):
            return model.prior().log_prob(z.to(weight)).double()

    return GridWorld(log_prior, log_likelihood, grid)
