"""Bounds on log p(x) of a sequence: sums over time, one importance weight, and filtering (slide 9).

Everything here is time first: a term of step t for sample s of example b is entry (t, s, b).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from course_lib.objectives.bounds import Elbo
from course_lib.objectives.padding import sum_over_time

__all__ = [
    "filtering_bound",
    "sequence_elbo",
    "sequence_importance_bound",
    "systematic_ancestors",
]


def sequence_elbo(
    prior: Distribution,
    likelihood: Distribution,
    posterior: Distribution,
    x: Tensor,
    z: Tensor,
    valid: Tensor,
) -> Elbo:
    r"""Return an unbiased estimate of the ELBO of each sequence, summed over its steps (slide 9).

    .. math:: L(x) = E_q \sum_{t=1}^T \big[ \log p(x_t | z_{\le t}, x_{<t})
              - KL(q(z_t | z_{<t}, x_{\le t}), p(z_t | z_{<t}, x_{<t})) \big]

    Given the earlier steps, each KL is exact where torch knows a closed form, and otherwise
    estimated from the same z.

    Args:
        prior: p(z_t | z_<t, x_<t), batch shape (time, samples, batch) or one that broadcasts.
        likelihood: p(x_t | z_<=t, x_<t), batch shape (time, samples, batch).
        posterior: q(z_t | z_<t, x_<=t), batch shape (time, samples, batch).
        x: (time, 1, batch, dim) observations.
        z: (time, samples, batch, z_dim) the sample of q on which all of these depend.
        valid: (time, batch) which steps count.

    Returns:
        ``Elbo(total, reconstruction, kl)``, each (batch,), in nats per sequence.

    Paper: Chung, Kastner, Dinh, Goel, Courville, Bengio (2015), A recurrent latent variable model
    for sequential data, arXiv:1506.02216.
    """
    try:
        kl = kl_divergence(posterior, prior)
    except NotImplementedError:
        kl = posterior.log_prob(z) - prior.log_prob(z)
    terms = likelihood.log_prob(x), kl
    reconstruction, kl = (sum_over_time(term, valid).mean(0) for term in terms)
    return Elbo(reconstruction - kl, reconstruction, kl)


def sequence_importance_bound(log_weight: Tensor, valid: Tensor) -> Tensor:
    r"""Return the importance bound of whole sequences: one weight for each sampled path.

    .. math:: L_k(x) = E \log \tfrac1k \sum_{j=1}^k \prod_{t=1}^T w_t^j, \qquad
              w_t = \frac{p(x_t | z_{\le t}, x_{<t}) \, p(z_t | z_{<t}, x_{<t})}
                         {q(z_t | z_{<t}, x_{\le t})}

    Args:
        log_weight: (time, k, batch) the logarithms of w_t.
        valid: (time, batch) which steps count.

    Returns:
        (batch,) an unbiased estimate of L_k, a lower bound on log p(x), in nats.

    Example:
        >>> valid = torch.tensor([[True, True], [True, True], [True, False]])
        >>> sequence_importance_bound(torch.ones(3, 5, 2), valid)
        tensor([3., 2.])

    Paper: Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519.
    """
    return sum_over_time(log_weight, valid).logsumexp(0) - math.log(log_weight.shape[1])


def filtering_bound(
    propose: Callable[[int, Tensor], tuple[Tensor, Tensor]],
    state: Tensor,
    valid: Tensor,
    threshold: float = 0.5,
) -> Tensor:
    r"""Return the bound of a particle filter: paths that explain x badly are dropped on the way.

    .. math:: \log \hat p(x) = \sum_{t=1}^T \log \sum_{j=1}^k W_{t-1}^j w_t^j, \qquad
              W_t^j = \frac{W_{t-1}^j w_t^j}{\sum_i W_{t-1}^i w_t^i}, \quad W_0^j = 1/k

    with w_t as in ``sequence_importance_bound``. When the effective number of paths,
    1 / sum W^2, falls below ``threshold * k``, k paths are resampled from these weights, which
    become equal again. The mean of p-hat is p(x), so its logarithm is a lower bound in
    expectation. The choice of ancestors has no gradient here, as in the paper.

    Args:
        propose: maps the step t and the state of all paths to log w_t, (k, batch), and the next
            state.
        state: (k, batch, ...) what the paths remember before the first step.
        valid: (time, batch) which steps count.
        threshold: 0 for no resampling (the importance bound of whole sequences); above 1 for
            resampling after every step.

    Returns:
        (batch,) an unbiased estimate of a lower bound on log p(x), in nats.

    Example:
        >>> wishes = torch.tensor([[0.0], [2.0]])  # two paths, one example, every step the same
        >>> valid = torch.ones(3, 1, dtype=torch.bool)
        >>> filtering_bound(lambda t, state: (wishes, state), wishes, valid, threshold=0)
        tensor([5.3093])

    Papers: Maddison et al. (2017), Filtering variational objectives, arXiv:1705.09279; Le, Igl,
    Rainforth, Jin, Wood (2018), Auto-encoding sequential Monte Carlo, arXiv:1705.10306.
    """
    k = len(state)
    equal = state.new_full(state.shape[:2], -math.log(k))
    log_weight, bound = equal, state.new_zeros(state.shape[1])
    for t, now in enumerate(valid):
        step, state = propose(t, state)
        weighted = log_weight + step
        evidence = weighted.logsumexp(0)
        bound = bound + evidence.where(now, 0.0)
        log_weight = weighted - evidence
        poor = now & ((-(2 * log_weight).logsumexp(0)).exp() < threshold * k)
        if poor.any():
            ancestors = systematic_ancestors(log_weight.detach())
            ancestors = ancestors.where(poor, torch.arange(k, device=ancestors.device)[:, None])
            state = _choose(state, ancestors)
            log_weight = equal.where(poor, log_weight)
    return bound


def systematic_ancestors(log_weight: Tensor) -> Tensor:
    """Return which paths survive: k draws from the weights by systematic resampling.

    One uniform number serves all draws. Path j is drawn k W_j times on average, and the number of
    draws differs from that by less than one.

    Args:
        log_weight: (k, batch) logarithms of weights that sum to one over the paths.

    Returns:
        (k, batch) the drawn paths, in rising order.

    Example:
        >>> systematic_ancestors(torch.tensor([[0.5], [0.0], [0.5], [0.0]]).log()).flatten()
        tensor([0, 0, 2, 2])
    """
    k, batch = log_weight.shape
    # renormalise: the last sum must be exactly 1, or the highest position would have no path
    sums = log_weight.double().softmax(0).cumsum(0).T.contiguous()
    offset = torch.rand(batch, 1, dtype=sums.dtype, device=sums.device)
    places = (torch.arange(k, dtype=sums.dtype, device=sums.device) + offset) / k
    return torch.searchsorted(sums, places, right=True).clamp(max=k - 1).T


def _choose(state: Tensor, ancestors: Tensor) -> Tensor:
    """Return the state of the chosen paths: (k, batch, ...) by (k, batch)."""
    return state[ancestors, torch.arange(ancestors.shape[1], device=ancestors.device)]
