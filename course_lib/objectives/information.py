"""How much z says about x: the two parts of the rate, and remedies for an unused z (16-18)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from course_lib.arguments import as_count
from course_lib.distributions import DiagonalGaussian, rsample_and_log_prob

__all__ = [
    "RateTerms",
    "free_bits",
    "kl_per_dimension",
    "log_aggregate_posterior",
    "rate_terms",
]

NUMBERS_AT_ONCE = 2**22  # of one chunk of pairs: 16 MiB in float32


class RateTerms(NamedTuple):
    """The rate and its two parts, each (N,) in nats; rate = information + marginal_kl."""

    rate: Tensor
    information: Tensor
    marginal_kl: Tensor


def rate_terms(posterior: Distribution, prior: Distribution, samples: int = 1) -> RateTerms:
    r"""Return estimates of both parts of the rate over a data set (slides 15 and 16).

    .. math:: E_{p_d} KL(q(z|x), p(z)) = I_q(x; z) + KL(q(z), p(z)), \qquad
              I_q = E_q \log \frac{q(z|x)}{q(z)} \le \log N

    q(z) is the mean of all N posteriors, the one that z came from included, so both parts are
    unbiased for these N examples, and no single value of the information exceeds log N. On a
    minibatch of size B the ceiling is log B: an estimate near it mostly reflects B.

    Args:
        posterior: q(z|x) for the whole data set, batch shape (N,).
        prior: p(z).
        samples: how many z are drawn for each x.

    Returns:
        ``RateTerms(rate, information, marginal_kl)``, each (N,) in nats, to be averaged.

    Raises:
        ValueError: if the posterior's batch shape is not (N,), or ``samples`` is not positive.

    Example:
        >>> prior = DiagonalGaussian(torch.zeros(2), torch.zeros(2))
        >>> same = DiagonalGaussian(torch.zeros(5, 2), torch.zeros(5, 2))
        >>> rate_terms(same, prior).information.abs().max() < 1e-6  # z knows no x from another
        tensor(True)

    Papers: Hoffman, Johnson (2016), ELBO surgery, NeurIPS workshop on approximate inference;
    Alemi et al. (2018), Fixing a broken ELBO, arXiv:1711.00464.
    """
    z, log_q = rsample_and_log_prob(posterior, (as_count(samples, "samples"),))
    aggregate = log_aggregate_posterior(z, posterior)
    log_p = prior.log_prob(z)
    parts = (log_q - log_p, log_q - aggregate, aggregate - log_p)
    return RateTerms(*(part.mean(0) for part in parts))


def log_aggregate_posterior(z: Tensor, posterior: Distribution) -> Tensor:
    r"""Return log q(z) under the mean of all N posteriors of a data set (slide 15).

    .. math:: q(z) = \frac1N \sum_{n=1}^N q(z|x_n)

    Args:
        z: (..., *event) points; they may be draws of the posteriors themselves.
        posterior: q(z|x) for the whole data set, batch shape (N,).

    Returns:
        (...) the logarithm of the density, computed in chunks, so that memory stays small.

    Raises:
        ValueError: if the posterior's batch shape is not (N,).

    Example:
        >>> two = DiagonalGaussian(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1))
        >>> at_zero = log_aggregate_posterior(torch.zeros(1), two)
        >>> torch.allclose(at_zero, two.log_prob(torch.zeros(1))[0])
        True
    """
    if len(posterior.batch_shape) != 1:
        raise ValueError(
            f"posterior: expected the batch shape (N,), got {tuple(posterior.batch_shape)}"
        )
    (n,), event = posterior.batch_shape, posterior.event_shape
    points = z.reshape(-1, 1, *event)
    chunks = points.split(max(1, NUMBERS_AT_ONCE // (n * event.numel())))
    log_sums = torch.cat([posterior.log_prob(chunk).logsumexp(-1) for chunk in chunks])
    return log_sums.reshape(z.shape[: z.dim() - len(event)]) - math.log(n)


def kl_per_dimension(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    """Return KL(q(z_j|x), p(z_j)) for each latent dimension separately: (batch, dim), in nats.

    Both are products over the dimensions, so the sum over j is KL(q(z|x), p(z)).

    Args:
        posterior: q(z|x), a diagonal Gaussian of batch shape (batch,) and event shape (dim,).
        prior: p(z), a diagonal Gaussian.

    Raises:
        TypeError: if one of the two is not a diagonal Gaussian.
    """
    for name, q in (("posterior", posterior), ("prior", prior)):
        if not isinstance(q, DiagonalGaussian):
            raise TypeError(f"{name}: expected a DiagonalGaussian, got {type(q).__name__}")
    q, p = (
        DiagonalGaussian(g.mu.unsqueeze(-1), g.log_scale.unsqueeze(-1)) for g in (posterior, prior)
    )
    return kl_divergence(q, p)


def free_bits(kl: Tensor, floor: float) -> Tensor:
    r"""Return the KL with a floor under each dimension's batch mean, against collapse (slide 16).

    .. math:: \sum_j \max(\lambda, \tfrac1B \sum_b KL_{bj})

    A dimension below the floor has a constant cost and gets no gradient. A floor per example, or
    under the sum over dimensions, would be a different algorithm.

    Args:
        kl: (batch, dim) KL of each dimension, in nats.
        floor: lambda, in nats per dimension; 0 gives the plain KL.

    Returns:
        () nats: at least floor * dim; not a term of any bound.

    Raises:
        ValueError: if ``kl`` is not (batch, dim), or ``floor`` is negative.

    Example:
        >>> kl = torch.tensor([[0.0, 1.0], [0.2, 3.0]])
        >>> free_bits(kl, 0.5), free_bits(kl, 0.0)
        (tensor(2.5000), tensor(2.1000))

    Paper: Kingma et al. (2016), Improving variational inference with inverse autoregressive flow,
    arXiv:1606.04934.
    """
    if kl.dim() != 2 or kl.numel() == 0:
        raise ValueError(f"kl: expected (batch, dim), got {tuple(kl.shape)}")
    if not 0 <= floor < math.inf:
        raise ValueError(f"floor: expected a finite number >= 0, got {floor!r}")
    return kl.mean(0).clamp(min=floor).sum()
