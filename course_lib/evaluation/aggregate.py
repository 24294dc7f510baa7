"""How close the aggregate posterior q(z) is to the prior, and could be at best (slide 15)."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluation.held_out import Estimate, mean_and_error
from course_lib.objectives.information import rate_terms
from course_lib.randomness import fork_seed

__all__ = ["marginal_kl", "marginal_kl_floor", "matched_posteriors"]


@torch.no_grad()
def marginal_kl(q: DiagonalGaussian, samples: int = 20, seed: int = 0) -> Estimate:
    r"""Return an unbiased estimate of KL(q(z), N(0, I)), in nats (slide 15).

    .. math:: KL(q(z), p(z)) = E_{q(z)}[\log q(z) - \log p(z)], \qquad
              q(z) = \frac1n \sum_i q(z|x_i)

    The density of the mixture is exact; only the expectation is an average over draws. A mixture
    of n narrow Gaussians is never N(0, I), so compare with ``marginal_kl_floor``.

    Args:
        q: the posteriors of n examples, batch shape (n,), event shape (z_dim,).
        samples: draws from each posterior.
        seed: determines the draws; the global random state is left as it was.

    Returns:
        The mean over examples and its standard error.
    """
    prior = DiagonalGaussian(torch.zeros_like(q.mu[0]), torch.zeros_like(q.mu[0]))
    with fork_seed(seed, q.mu.device):
        return mean_and_error(rate_terms(q, prior, samples)[2])


def marginal_kl_floor(q: DiagonalGaussian, samples: int = 20, seed: int = 0) -> Estimate:
    """Return ``marginal_kl`` of ``matched_posteriors``: its value for a perfect match of q(z).

    Args:
        q: the posteriors, of which only the widths are used, batch shape (n,).
        samples: draws from each posterior.
        seed: determines the means and the draws.
    """
    with fork_seed(seed, q.mu.device):
        matched = matched_posteriors(q)
    return marginal_kl(matched, samples, seed)


def matched_posteriors(q: DiagonalGaussian) -> DiagonalGaussian:
    r"""Return posteriors of the same widths whose infinite mixture is N(0, I).

    The mean of each is drawn from N(0, 1 - \sigma^2), so that mean plus noise is standard normal.

    Args:
        q: posteriors, batch shape (n,); widths above 1 get mean zero.
    """
    width: Tensor = (1 - q.variance).clamp(min=0).sqrt()  # (n, z_dim)
    return DiagonalGaussian(width * torch.randn_like(width), q.log_scale)
