"""The bound and its gap: identities 1, 2 and 14 (slides 6, 7 and 12)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_lib.arguments import as_count
from course_lib.exact import tables
from course_lib.exact.arrays import expectation
from course_lib.exact.grid import GridWorld, LogDensity
from course_lib.exact.identities.residual import CLOSED_FORM, GRID, Residual, between
from course_lib.exact.linear_gaussian import LinearGaussian

__all__ = [
    "importance_bound_is_monotone",
    "likelihood_is_kl_plus_entropy",
    "log_prob_is_elbo_plus_gap",
    "log_prob_is_elbo_plus_gap_linear_gaussian",
    "log_prob_is_elbo_plus_gap_table",
]

ELBO_PLUS_GAP = "log p(x) = ELBO + KL"


def log_prob_is_elbo_plus_gap(world: GridWorld, x: Any, log_q: LogDensity | Tensor) -> Residual:
    """Execute log p(x) = ELBO + KL(q(z|x), p(z|x)) on a grid, for any q (identity 1, slide 6).

    Args:
        world: a world with one or two latent dimensions.
        x: (batch, *event) observations.
        log_q: log q on the nodes, or a callable from nodes to it, as for ``GridWorld.elbo``.
    """
    total = world.elbo(x, log_q) + world.gap(x, log_q)
    return between(ELBO_PLUS_GAP, world.log_prob(x), total, GRID)


def log_prob_is_elbo_plus_gap_linear_gaussian(
    world: LinearGaussian, x: Any, q_mean: Any, q_cov: Any
) -> Residual:
    """Execute log p(x) = ELBO + KL(q(z|x), p(z|x)) in closed form (identity 1, slide 6).

    The three terms are computed separately: p(x) from its covariance, the ELBO from q's moments,
    the KL from the posterior.

    Args:
        world: a linear-Gaussian world.
        x: (batch, x_dim) observations.
        q_mean: (batch, z_dim) means of q, or (z_dim,).
        q_cov: (batch, z_dim, z_dim) covariances of q, or (z_dim, z_dim).
    """
    total = world.elbo(x, q_mean, q_cov) + world.kl(q_mean, q_cov, x)
    return between(ELBO_PLUS_GAP, world.log_prob(x), total, CLOSED_FORM)


def log_prob_is_elbo_plus_gap_table(p_zx: Any, q_z_given_x: Any) -> Residual:
    """Execute identity 1 on tables, as ELBO = log p(x) - KL(q(z|x), p(z|x)) (slide 6).

    In this form it holds where both sides are minus infinity, too. An x of probability zero has
    no posterior and is left out.

    Args:
        p_zx: (n_z, n_x) the generative joint.
        q_z_given_x: (n_z, n_x) the inference conditional.
    """
    p_x = tables.marginals(p_zx)[1]
    posterior, _ = tables.conditionals(p_zx)
    right = p_x.log() - tables.conditional_kl(q_z_given_x, posterior)
    bound = tables.elbo(p_zx, q_z_given_x)
    return between("ELBO = log p(x) - KL", bound[p_x > 0], right[p_x > 0], CLOSED_FORM)


def likelihood_is_kl_plus_entropy(p_data: Any, p_model: Any) -> Residual:
    """Execute E_pd[log p(x)] = -KL(p_d, p) - H(p_d) (identity 2, slide 12).

    The constant of "training objective up to a constant" is the entropy of the data.

    Args:
        p_data: (n_x,) the distribution of the data.
        p_model: (n_x,) the model's.
    """
    p_d, p = tables.distribution(p_data, "p_data"), tables.distribution(p_model, "p_model")
    right = -tables.kl(p_d, p) - tables.entropy(p_d)
    name = "E[log p(x)] = -KL(p_d, p) - H(p_d)"
    return between(name, expectation(p_d, p.log()), right, CLOSED_FORM)


def importance_bound_is_monotone(p_zx: Any, q_z_given_x: Any, k_max: int) -> Residual:
    """Execute ELBO = L_1 <= L_2 <= ... <= L_k <= log p(x) (identity 14, slide 6).

    Every L_k is a finite sum. The left and right numbers are the ends of the chain; the residual
    is the largest violation of any link, for any x.

    Args:
        p_zx: (n_z, n_x) the generative joint, every x of it possible.
        q_z_given_x: (n_z, n_x) the inference conditional.
        k_max: the last k, at least 2.
    """
    last = as_count(k_max, "k_max", least=2)
    bounds = [tables.importance_bound(p_zx, q_z_given_x, k) for k in range(1, last + 1)]
    log_px = tables.marginals(p_zx)[1].log()
    start = between("", bounds[0], tables.elbo(p_zx, q_z_given_x), CLOSED_FORM)
    chain = torch.stack([*bounds, log_px])
    falls = torch.where(chain[1:] == chain[:-1], 0.0, chain[:-1] - chain[1:]).clamp(min=0)
    worst = torch.cat([falls.flatten(), torch.tensor([start.residual]).double()]).max()
    name = f"ELBO = L_1 <= ... <= L_{last} <= log p(x)"
    return Residual(name, float(bounds[0].mean()), float(log_px.mean()), float(worst), CLOSED_FORM)
