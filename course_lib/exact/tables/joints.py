"""Joints of z and x: their marginals and conditionals, the bounds, and the KL of two joints."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.arguments import as_count
from course_lib.exact.arrays import check_shape, expectation
from course_lib.exact.tables.probability import conditional_kl, distribution, kl, pair

__all__ = [
    "KLTerms",
    "conditionals",
    "elbo",
    "importance_bound",
    "inference_joint",
    "joint",
    "kl_split_by_x",
    "kl_split_by_z",
    "marginals",
    "mutual_information",
    "rate",
    "reconstruction",
]

MOST_TERMS = 2**22


class KLTerms(NamedTuple):
    """The two terms into which the KL of two joints falls: of one variable, then of the other."""

    marginal: Tensor
    conditional: Tensor


def marginals(p_zx: Any) -> tuple[Tensor, Tensor]:
    """Return p(z), (n_z,), and p(x), (n_x,), of a joint (n_z, n_x)."""
    p_zx = _joint(p_zx, "p_zx")
    return p_zx.sum(1), p_zx.sum(0)


def conditionals(p_zx: Any) -> tuple[Tensor, Tensor]:
    """Return p(z|x) and p(x|z) of a joint, each (n_z, n_x).

    Where the condition has probability zero the conditional is arbitrary; here it is uniform.
    """
    p_zx = _joint(p_zx, "p_zx")
    return _divided(p_zx, 0), _divided(p_zx, 1)


def mutual_information(p_zx: Any) -> Tensor:
    """Return I(x; z) = KL(p(z, x), p(z) p(x)): () (slides 16 and 17)."""
    p_z, p_x = marginals(p_zx)
    return kl(p_zx, torch.outer(p_z, p_x))


def joint(p_z: Any, p_x_given_z: Any) -> Tensor:
    """Return the generative joint p(z, x) = p(z) p(x|z): (n_z,) and (n_z, n_x) -> (n_z, n_x)."""
    likelihood = distribution(p_x_given_z, "p_x_given_z", "x")
    p_z = check_shape(distribution(p_z, "p_z"), (len(likelihood),), "p_z")
    return p_z[:, None] * likelihood


def inference_joint(p_data: Any, q_z_given_x: Any) -> Tensor:
    """Return q(z, x) = p_data(x) q(z|x): (n_x,) and (n_z, n_x) -> (n_z, n_x) (slide 13)."""
    posterior = distribution(q_z_given_x, "q_z_given_x", "z")
    p_data = check_shape(distribution(p_data, "p_data"), (posterior.shape[1],), "p_data")
    return posterior * p_data


def elbo(p_zx: Any, q_z_given_x: Any) -> Tensor:
    r"""Return the ELBO of every x (slide 6).

    .. math:: L(x) = \sum_z q(z|x) \log \frac{p(z, x)}{q(z|x)}

    Args:
        p_zx: (n_z, n_x) the generative joint.
        q_z_given_x: (n_z, n_x) the inference conditional.

    Returns:
        (n_x,) the bound in nats; minus infinity where q has mass and p none.

    Example:
        >>> p_zx = joint([0.4, 0.6], [[0.1, 0.9], [0.7, 0.3]])
        >>> posterior, _ = conditionals(p_zx)
        >>> torch.allclose(elbo(p_zx, posterior), p_zx.sum(0).log())
        True
    """
    p, q = _model_and_posterior(p_zx, q_z_given_x)
    return expectation(q, p.log() - q.log(), 0)


def reconstruction(p_zx: Any, q_z_given_x: Any) -> Tensor:
    """Return E_q[log p(x|z)] for each x, minus the distortion: (n_x,) (slide 18)."""
    p, q = _model_and_posterior(p_zx, q_z_given_x)
    return expectation(q, _divided(p, 1).log(), 0)


def rate(p_zx: Any, q_z_given_x: Any) -> Tensor:
    """Return KL(q(z|x), p(z)) for each x: (n_x,) (slide 18)."""
    p, q = _model_and_posterior(p_zx, q_z_given_x)
    return expectation(q, q.log() - p.sum(1, keepdim=True).log(), 0)


def importance_bound(p_zx: Any, q_z_given_x: Any, k: int) -> Tensor:
    r"""Return the k-sample bound of every x, exactly: the sum runs over all k-tuples of z.

    .. math:: L_k(x) = \sum_{z_1 \ldots z_k} \prod_j q(z_j|x)\,
              \log \frac1k \sum_j \frac{p(z_j, x)}{q(z_j|x)}

    Args:
        p_zx: (n_z, n_x) the generative joint.
        q_z_given_x: (n_z, n_x) the inference conditional.
        k: samples that share one logarithm.

    Returns:
        (n_x,) the bound in nats: the ELBO for k = 1, and never below it.

    Raises:
        ValueError: if there are more than 2^22 tuples.

    Paper: Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519.
    """
    p, q = _model_and_posterior(p_zx, q_z_given_x)
    n_z, n_x = q.shape
    if n_z ** as_count(k, "k") * n_x > MOST_TERMS:
        raise ValueError(f"k: expected at most {MOST_TERMS} terms, got {n_z}^{k} x {n_x}")
    weight = torch.where(q > 0, p / q, 0.0)
    sums, chances = weight, q
    for _ in range(k - 1):
        sums = (sums[:, None] + weight).reshape(-1, n_x)
        chances = (chances[:, None] * q).reshape(-1, n_x)
    return expectation(chances, (sums / k).log(), 0)


def kl_split_by_x(q_zx: Any, p_zx: Any) -> KLTerms:
    """Return KL(q(x), p(x)) and E_q(x) KL(q(z|x), p(z|x)), which add up to KL(q, p) (slide 14)."""
    q, p = pair(_joint(q_zx, "q_zx"), _joint(p_zx, "p_zx"), ("q_zx", "p_zx"))
    between = conditional_kl(_divided(q, 0), _divided(p, 0))
    return KLTerms(kl(q.sum(0), p.sum(0)), expectation(q.sum(0), between))


def kl_split_by_z(q_zx: Any, p_zx: Any) -> KLTerms:
    """Return KL(q(z), p(z)) and E_q(z) KL(q(x|z), p(x|z)), which add up to KL(q, p) (slide 15)."""
    q, p = _joint(q_zx, "q_zx"), _joint(p_zx, "p_zx")
    return kl_split_by_x(q.T, p.T)


def _divided(p_zx: Tensor, direction: int) -> Tensor:
    total = p_zx.sum(direction, keepdim=True)
    return torch.where(total > 0, p_zx / total, 1 / p_zx.shape[direction])


def _joint(table: Any, name: str) -> Tensor:
    return check_shape(distribution(table, name), ("n_z", "n_x"), name)


def _model_and_posterior(p_zx: Any, q_z_given_x: Any) -> tuple[Tensor, Tensor]:
    p, q = _joint(p_zx, "p_zx"), distribution(q_z_given_x, "q_z_given_x", "z")
    return p, check_shape(q, tuple(p.shape), "q_z_given_x")
