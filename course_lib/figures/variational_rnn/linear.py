"""The smallest VRNN: the four parts of slide 9 as four matrices, trained on rows of digits.

``tests/benchmarks/grids/variational_rnn.py`` trains the packed weights. The state starts as ones,
so that a column of each matrix can serve as a bias.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["Step", "Weights", "dream", "first_state", "gaussian_kl", "trained", "vrnn_step"]

Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Weights(NamedTuple):
    """The matrices of prior, inference, generation and recurrence (slide 9)."""

    w_prior: Tensor
    w_posterior: Tensor
    w_x: Tensor
    w_h: Tensor


@functools.cache
def trained() -> tuple[Weights, Tensor]:
    """Return the trained matrices, and ten held-out digits, one of each class: (10, 8, 8)."""
    with (files(__package__) / "trained.npz").open("rb") as file, np.load(file) as packed:
        weights = Weights(*(torch.from_numpy(packed[name]).float() for name in Weights._fields))
        return weights, torch.from_numpy(packed["x"]).float()


def first_state(n: int, weights: Weights) -> Tensor:
    """Return the state before the first step: (n, state)."""
    return torch.ones(n, weights.w_h.shape[0])


def vrnn_step(
    x: Tensor,
    h: Tensor,
    eps: Tensor,
    w_prior: Tensor,
    w_posterior: Tensor,
    w_x: Tensor,
    w_h: Tensor,
) -> Step:
    """Return (prior, posterior, z, logits, next state) of one step (slide 9).

    Args:
        x: (batch, x_dim) the step's bits.
        h: (batch, state) the state, which summarises the earlier steps.
        eps: (batch, z_dim) standard normal noise.
        w_prior: (2 z_dim, state); its product with h is mu, then log_scale.
        w_posterior: (2 z_dim, x_dim + state).
        w_x: (x_dim, z_dim + state).
        w_h: (state, x_dim + z_dim + state).
    """
    prior = h @ w_prior.T
    posterior = torch.cat((x, h), -1) @ w_posterior.T
    mu, log_scale = posterior.chunk(2, -1)
    z = mu + log_scale.exp() * eps
    logits = torch.cat((z, h), -1) @ w_x.T
    return prior, posterior, z, logits, torch.tanh(torch.cat((x, z, h), -1) @ w_h.T)


def dream(
    h: Tensor, eps: Tensor, uniforms: Tensor, w_prior: Tensor, w_x: Tensor, w_h: Tensor
) -> Tensor:
    """Return the steps that follow a state, drawn with the given noise (slide 9).

    Args:
        h: (batch, state) the state to continue from.
        eps: (batch, steps, z_dim) standard normal noise.
        uniforms: (batch, steps, x_dim) numbers in [0, 1).
        w_prior: as for ``vrnn_step``.
        w_x: likewise.
        w_h: likewise.

    Returns:
        (batch, steps, x_dim) zeros and ones.
    """
    drawn = []
    for noise, uniform in zip(eps.unbind(1), uniforms.unbind(1), strict=True):
        mu, log_scale = (h @ w_prior.T).chunk(2, -1)
        z = mu + log_scale.exp() * noise
        p = (torch.cat((z, h), -1) @ w_x.T).sigmoid()
        drawn.append((uniform < p).to(h.dtype))
        h = torch.tanh(torch.cat((drawn[-1], z, h), -1) @ w_h.T)
    return torch.stack(drawn, 1)


def gaussian_kl(posterior: Tensor, prior: Tensor) -> Tensor:
    """Return KL(q, p) of Gaussians whose parameters are (..., 2 z_dim), mu before log_scale."""
    (m, s), (n, t) = posterior.chunk(2, -1), prior.chunk(2, -1)
    return (t - s + 0.5 * ((2 * (s - t)).exp() + ((m - n) * (-t).exp()) ** 2 - 1)).sum(-1)
