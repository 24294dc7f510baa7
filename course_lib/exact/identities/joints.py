"""Two joints pulled together: identities 3 to 8 (slides 12 to 18), on finite tables.

q(z, x) = p_data(x) q(z|x) is the inference joint and p(z, x) = p(z) p(x|z) the generative one.
Every function takes p(z, x), (n_z, n_x), p_data, (n_x,), and q(z|x), (n_z, n_x).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.exact import tables
from course_lib.exact.arrays import expectation
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between

__all__ = [
    "Solution",
    "beta_vae_is_matching",
    "elbo_is_joint_matching",
    "independent_solution",
    "info_vae_is_matching",
    "info_vae_known_settings",
    "information_preference",
    "informative_solution",
    "joint_kl_splits_by_x",
    "joint_kl_splits_by_z",
    "rate_is_information_plus_marginal_kl",
]


class Solution(NamedTuple):
    """A model and its inference: p(z, x) and q(z|x), each (n_z, n_x)."""

    p_zx: Tensor
    q_z_given_x: Tensor


class _Terms(NamedTuple):
    """What slides 12 to 18 weigh against each other, each a number in nats."""

    elbo: Tensor
    reconstruction: Tensor
    rate: Tensor
    information: Tensor
    marginal_kl: Tensor
    x_matching: Tensor
    entropy: Tensor


def _terms(p_zx: Any, p_data: Any, q_z_given_x: Any) -> _Terms:
    q_zx = tables.inference_joint(p_data, q_z_given_x)
    by_z = tables.kl_split_by_z(q_zx, p_zx)
    p_d = tables.distribution(p_data, "p_data")
    return _Terms(
        expectation(p_d, tables.elbo(p_zx, q_z_given_x)),
        expectation(p_d, tables.reconstruction(p_zx, q_z_given_x)),
        expectation(p_d, tables.rate(p_zx, q_z_given_x)),
        tables.mutual_information(q_zx),
        by_z.marginal,
        by_z.conditional,
        tables.entropy(p_d),
    )


def elbo_is_joint_matching(p_zx: Any, p_data: Any, q_z_given_x: Any) -> Residual:
    """Execute E_pd[ELBO] = -KL(q(z,x), p(z,x)) - H(p_d) (identity 3, slides 13 and 14)."""
    q_zx = tables.inference_joint(p_data, q_z_given_x)
    terms = _terms(p_zx, p_data, q_z_given_x)
    name = "E[ELBO] = -KL(q(z,x), p(z,x)) - H(p_d)"
    return between(name, terms.elbo, -tables.kl(q_zx, p_zx) - terms.entropy, CLOSED_FORM)


def joint_kl_splits_by_x(p_zx: Any, p_data: Any, q_z_given_x: Any) -> Residual:
    """Execute KL of the joints = KL(p_d, p(x)) + E_pd KL(q(z|x), p(z|x)) (identity 4, slide 14)."""
    q_zx = tables.inference_joint(p_data, q_z_given_x)
    total = sum(tables.kl_split_by_x(q_zx, p_zx))
    name = "KL(q(z,x), p(z,x)) = KL(p_d, p(x)) + E KL(q(z|x), p(z|x))"
    return between(name, tables.kl(q_zx, p_zx), total, CLOSED_FORM)


def joint_kl_splits_by_z(p_zx: Any, p_data: Any, q_z_given_x: Any) -> Residual:
    """Execute KL of the joints = KL(q(z), p(z)) + E_q KL(q(x|z), p(x|z)) (identity 4, slide 15)."""
    q_zx = tables.inference_joint(p_data, q_z_given_x)
    total = sum(tables.kl_split_by_z(q_zx, p_zx))
    name = "KL(q(z,x), p(z,x)) = KL(q(z), p(z)) + E KL(q(x|z), p(x|z))"
    return between(name, tables.kl(q_zx, p_zx), total, CLOSED_FORM)


def rate_is_information_plus_marginal_kl(p_z: Any, p_data: Any, q_z_given_x: Any) -> Residual:
    """Execute E_pd KL(q(z|x), p(z)) = I_q(x;z) + KL(q(z), p(z)) (identity 5, slides 15 and 16).

    A large rate is therefore not yet a used latent: q(z) may only be far from p(z).

    Args:
        p_z: (n_z,) the prior.
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the inference conditional.

    Paper: Hoffman, Johnson (2016), ELBO surgery, NeurIPS workshop on approximate inference.
    """
    p_zx = torch.outer(tables.distribution(p_z, "p_z"), tables.distribution(p_data, "p_data"))
    terms = _terms(p_zx, p_data, q_z_given_x)
    name = "E KL(q(z|x), p(z)) = I_q(x;z) + KL(q(z), p(z))"
    return between(name, terms.rate, terms.information + terms.marginal_kl, CLOSED_FORM)


def independent_solution(p_data: Any, p_z: Any) -> Solution:
    """Return p(x|z) = p_data(x) and q(z|x) = p(z): perfect, and z says nothing (slide 16)."""
    p_d, p_z = tables.distribution(p_data, "p_data"), tables.distribution(p_z, "p_z")
    return Solution(torch.outer(p_z, p_d), p_z[:, None].expand(-1, len(p_d)))


def informative_solution(p_data: Any) -> Solution:
    """Return z = x with p(z) = p_data: as perfect, and z says everything (slide 16)."""
    p_d = tables.distribution(p_data, "p_data")
    return Solution(p_d.diag(), torch.eye(len(p_d), dtype=torch.float64))


def information_preference(p_data: Any, p_z: Any) -> tuple[Residual, Residual]:
    """Execute E_pd[ELBO] = -H(p_d), its maximum, in two solutions (identity 6, slide 16).

    In the first, z is independent of x; in the second it is x. The bound cannot tell them apart;
    the information I_q(x;z), printed with the name, can.

    Args:
        p_data: (n_x,) the distribution of the data.
        p_z: (n_z,) the prior of the independent solution.
    """
    solutions = {
        "independent": independent_solution(p_data, p_z),
        "informative": informative_solution(p_data),
    }
    return tuple(_attains_optimum(name, p_data, made) for name, made in solutions.items())


def _attains_optimum(kind: str, p_data: Any, solution: Solution) -> Residual:
    terms = _terms(solution.p_zx, p_data, solution.q_z_given_x)
    information = terms.information.clamp(min=0)  # rounding may leave -1e-17
    name = f"E[ELBO] = -H(p_d), {kind} z with I(x;z) = {information:.4f}"
    return between(name, terms.elbo, -terms.entropy, CLOSED_FORM)


def beta_vae_is_matching(p_zx: Any, p_data: Any, q_z_given_x: Any, beta: float) -> Residual:
    """Execute the beta-VAE's objective as a matching of joints (identity 7, slide 18).

    E[log p(x|z)] - beta E KL(q(z|x), p(z)) = -(beta - 1) I_q(x;z) - beta KL(q(z), p(z))
    - E_q(z) KL(q(x|z), p(x|z)) - H(p_d): beta > 1 presses against the information of z, and the
    constant is the entropy of the data.

    Paper: Higgins et al. (2017), beta-VAE, ICLR.
    """
    terms = _terms(p_zx, p_data, q_z_given_x)
    matching = _weigh(1 - beta, terms.information) + _weigh(-beta, terms.marginal_kl)
    name = (
        f"beta-VAE({beta:g}) = (1-beta) I_q - beta KL(q(z), p(z)) - E KL(q(x|z), p(x|z)) - H(p_d)"
    )
    left = terms.reconstruction + _weigh(-beta, terms.rate)
    return between(name, left, matching - terms.x_matching - terms.entropy, CLOSED_FORM)


def info_vae_is_matching(
    p_zx: Any, p_data: Any, q_z_given_x: Any, alpha: float, lambda_: float
) -> Residual:
    r"""Execute the InfoVAE's objective as a matching of joints (identity 8, slide 17).

    E[log p(x|z)] - (1 - alpha) E KL(q(z|x), p(z)) - (alpha + lambda - 1) KL(q(z), p(z)) =
    alpha I_q(x;z) - lambda KL(q(z), p(z)) - E_q(z) KL(q(x|z), p(x|z)) - H(p_d).

    Args:
        p_zx: (n_z, n_x) the generative joint.
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the inference conditional.
        alpha: weight of the information.
        lambda_: weight of KL(q(z), p(z)).

    Paper: Zhao, Song, Ermon (2019), InfoVAE, arXiv:1706.02262.
    """
    terms = _terms(p_zx, p_data, q_z_given_x)
    matching = _weigh(alpha, terms.information) + _weigh(-lambda_, terms.marginal_kl)
    name = (
        f"InfoVAE({alpha:g}, {lambda_:g}) = alpha I_q - lambda KL(q(z), p(z))"
        " - E KL(q(x|z), p(x|z)) - H(p_d)"
    )
    right = matching - terms.x_matching - terms.entropy
    return between(name, _info_vae(terms, alpha, lambda_), right, CLOSED_FORM)


def info_vae_known_settings(
    p_zx: Any, p_data: Any, q_z_given_x: Any, lambda_: float = 2.0
) -> tuple[Residual, Residual, Residual]:
    """Execute InfoVAE = ELBO, beta-VAE and AAE at their (alpha, lambda) (identity 8, slide 17).

    They are (0, 1), (1 - beta, beta) and (1, lambda); in the last the rate is gone and only q(z)
    is matched, with KL here where the adversarial autoencoder has a JSD.

    Args:
        p_zx: (n_z, n_x) the generative joint.
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the inference conditional.
        lambda_: beta of the second and lambda of the third.
    """
    terms = _terms(p_zx, p_data, q_z_given_x)
    as_beta_vae = terms.reconstruction + _weigh(-lambda_, terms.rate)
    as_aae = terms.reconstruction + _weigh(-lambda_, terms.marginal_kl)
    beta_vae = (
        f"beta = {lambda_:g}: InfoVAE(1-beta, beta) = E[log p(x|z)] - beta E KL(q(z|x), p(z))"
    )
    aae = f"lambda = {lambda_:g}: InfoVAE(1, lambda) = E[log p(x|z)] - lambda KL(q(z), p(z))"
    return (
        between("InfoVAE(0, 1) = E[ELBO]", _info_vae(terms, 0, 1), terms.elbo, CLOSED_FORM),
        between(beta_vae, _info_vae(terms, 1 - lambda_, lambda_), as_beta_vae, CLOSED_FORM),
        between(aae, _info_vae(terms, 1, lambda_), as_aae, CLOSED_FORM),
    )


def _info_vae(terms: _Terms, alpha: float, lambda_: float) -> Tensor:
    penalty = _weigh(alpha - 1, terms.rate) - _weigh(alpha + lambda_ - 1, terms.marginal_kl)
    return terms.reconstruction + penalty


def _weigh(weight: float, term: Tensor) -> Tensor:
    """Return weight * term, where weight zero silences even an infinite term."""
    return term * weight if weight else torch.zeros_like(term)
