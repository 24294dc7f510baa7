"""Lower bounds on log p(x): the ELBO with its two terms, and the importance bound (slide 6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from course_lib.arguments import as_count
from course_lib.distributions import Pushforward, rsample_and_log_prob

__all__ = ["Elbo", "elbo", "importance_bound", "sample_and_kl"]


class Elbo(NamedTuple):
    """The bound and its two pieces, each (batch,) in nats; total = reconstruction - kl."""

    total: Tensor
    reconstruction: Tensor
    kl: Tensor

    def weighed(self, kl_weight: float | Tensor) -> Tensor:
        """Return reconstruction - kl_weight * kl, (batch,): the bound itself where that is 1."""
        if isinstance(kl_weight, float) and kl_weight == 1:
            return self.total
        return self.reconstruction - kl_weight * self.kl


def elbo(
    prior: Distribution,
    likelihood: Callable[[Tensor], Distribution],
    posterior: Distribution,
    x: Tensor,
    samples: int = 1,
) -> Elbo:
    r"""Return an unbiased estimate of the ELBO for each x (slide 6).

    .. math:: L(x) = E_{q(z|x)}[\log p(x|z)] - KL(q(z|x), p(z)) \le \log p(x)

    The KL comes from ``sample_and_kl``: exact where it has a closed form.

    Args:
        prior: p(z).
        likelihood: maps z, (batch, *latent) or (samples, batch, *latent), to p(x|z).
        posterior: q(z|x), batch shape (batch,).
        x: (batch, *event) observations.
        samples: how many z are drawn for each x.

    Returns:
        ``Elbo(total, reconstruction, kl)``, each (batch,), in nats.

    Raises:
        ValueError: if ``samples`` is not a positive integer.

    Example:
        >>> import torch
        >>> from course_lib.distributions import DiagonalGaussian
        >>> prior = DiagonalGaussian(torch.zeros(2), torch.zeros(2))
        >>> q = DiagonalGaussian(torch.ones(5, 2), torch.zeros(5, 2))
        >>> bound = elbo(prior, lambda z: DiagonalGaussian(z, z * 0), q, torch.zeros(5, 2))
        >>> torch.equal(bound.total, bound.reconstruction - bound.kl), bound.kl[0].item()
        (True, 1.0)

    Paper: Kingma, Welling (2014), Auto-encoding variational Bayes, arXiv:1312.6114.
    """
    sample_shape = () if as_count(samples, "samples") == 1 else (samples,)
    z, kl = sample_and_kl(posterior, prior, sample_shape)
    reconstruction = _mean(likelihood(z).log_prob(x), sample_shape)
    return Elbo(reconstruction - kl, reconstruction, kl)


def sample_and_kl(
    q: Distribution, p: Distribution, sample_shape: tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    r"""Return z ~ q and an unbiased estimate of KL(q, p), exact where the pair has a closed form.

    For z = f(z') with z' from a base q', the base's KL is exact and only the change that f makes is
    estimated, so that training, which starts at the identity, starts without noise (slide 6):

    .. math:: KL(q, p) = KL(q', p) + E_{q'}[\log p(z') - \log p(z) - \log|\det \partial f|]

    Once f has moved far from the identity, the plain mean of log p(x, z) - log q(z) has less noise:
    evaluate a trained flow posterior with ``importance_bound(k=1)`` or ``evaluation.plain_elbo``.

    Args:
        q: the distribution to sample, batch shape (batch,).
        p: the distribution to compare with.
        sample_shape: how many independent z to draw, ``(samples,)``; one if it is empty.

    Returns:
        z, (*sample_shape, batch, *event), differentiable, and the KL, (batch,), in nats.
    """
    try:
        if not isinstance(q, Pushforward):
            return q.rsample(sample_shape), kl_divergence(q, p)
        base_kl = kl_divergence(q.base, p)
    except NotImplementedError:
        z, log_q = rsample_and_log_prob(q, sample_shape)
        return z, _mean(log_q - p.log_prob(z), sample_shape)
    z_base = q.base.rsample(sample_shape)
    z, log_det = q.push(z_base)
    change = p.log_prob(z_base) - p.log_prob(z) - log_det
    return z, base_kl + _mean(change, sample_shape)


def _mean(value: Tensor, sample_shape: tuple[int, ...]) -> Tensor:
    """Return the mean over the samples, if there is more than one: (*sample_shape, batch)."""
    return value.mean(0) if sample_shape else value


def importance_bound(
    prior: Distribution,
    likelihood: Callable[[Tensor], Distribution],
    posterior: Distribution,
    x: Tensor,
    k: int,
) -> Tensor:
    r"""Return the k-sample importance bound on log p(x) for each x.

    .. math:: L_k(x) = E \log \tfrac1k \sum_{j=1}^k \frac{p(x|z_j)\,p(z_j)}{q(z_j|x)},
              \qquad L_1 = L \le L_k \le L_{k+1} \le \log p(x)

    Args:
        prior: p(z).
        likelihood: maps z to p(x|z).
        posterior: q(z|x), batch shape (batch,), the proposal.
        x: (batch, *event) observations.
        k: how many samples share one logarithm.

    Returns:
        (batch,) an unbiased estimate of L_k, a lower bound on log p(x), in nats.

    Raises:
        ValueError: if ``k`` is not a positive integer.

    Example:
        >>> import torch
        >>> from course_lib.distributions import DiagonalGaussian
        >>> prior = DiagonalGaussian(torch.zeros(1), torch.zeros(1))
        >>> exact = DiagonalGaussian(torch.zeros(3, 1), torch.full((3, 1), -0.5 * math.log(2)))
        >>> bound = importance_bound(
        ...     prior, lambda z: DiagonalGaussian(z, z * 0), exact, torch.zeros(3, 1), 4)
        >>> torch.allclose(bound, torch.tensor(-0.5 * math.log(4 * math.pi)))  # q is the posterior
        True

    Paper: Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519.
    """
    z, log_q = rsample_and_log_prob(posterior, (as_count(k, "k"),))
    log_weight = likelihood(z).log_prob(x) + prior.log_prob(z) - log_q
    return log_weight.logsumexp(0) - math.log(k)
