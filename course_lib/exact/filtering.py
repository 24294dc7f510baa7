r"""What a q that cannot see the future costs in the linear-Gaussian chain, as a number (slide 9).

The VRNN's q(z_t | z_<t, x_<=t) is a *filter*: the true posterior of z_t also depends on x_{t+1},
..., x_T. In the chain every q here is Gaussian with a mean that is linear in z_{t-1} and x, so the
average gap log p(x) - ELBO is known in closed form, for the best filter too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from course_lib.arguments import as_count
from course_lib.exact.kalman import LinearGaussianChain

__all__ = [
    "LinearWalk",
    "best_filter",
    "expected_gap",
    "marginals",
    "observed_covariance",
    "one_step_filter",
    "sampled_elbo",
    "smoother",
]


class LinearWalk(NamedTuple):
    """A posterior that walks through time: q(z_t | z_{t-1}, x) = N(gain z_{t-1} + pull x, cov).

    Attributes:
        gain: (time, z_dim, z_dim).
        pull: (time, z_dim, time * x_dim), how x_1, ..., x_T enter, flattened in this order.
        covariance: (time, z_dim, z_dim).
    """

    gain: Tensor
    pull: Tensor
    covariance: Tensor


def smoother(chain: LinearGaussianChain, steps: int) -> LinearWalk:
    """Return the exact posterior p(z_t | z_{t-1}, x_t, ..., x_T) of a chain (slide 9).

    Args:
        chain: the chain.
        steps: T, a positive integer.
    """
    size = as_count(steps, "steps") * chain.x_dim
    basis = torch.eye(size, dtype=torch.float64).reshape(size, steps, chain.x_dim)
    view = chain.posterior(basis)
    return LinearWalk(view.gain, view.offset.permute(1, 2, 0), view.covariance)


def best_filter(chain: LinearGaussianChain, steps: int) -> LinearWalk:
    r"""Return the q(z_t | z_{t-1}, x_1, ..., x_t) with the largest average ELBO (slide 9).

    The posterior's mean is linear in x. The best that a filter can do with the part that it has not
    seen is to put its expectation given x_<=t in its place:

    .. math:: q(z_t | z_{t-1}, x_{\le t}) = N\big(G_t z_{t-1} + E[o_t | x_{\le t}], C_t\big)

    with G_t, o_t and C_t those of the posterior. Its average gap per step is half the trace of
    :math:`C_t^{-1} \mathrm{Var}[o_t | x_{\le t}]`.

    Args:
        chain: the chain.
        steps: T, a positive integer.
    """
    exact = smoother(chain, steps)
    among = observed_covariance(chain, steps)
    pull = torch.zeros_like(exact.pull)
    for t in range(steps):
        seen = (t + 1) * chain.x_dim
        predict = torch.linalg.solve(among[:seen, :seen], among[:seen, seen:])  # (seen, unseen)
        pull[t, :, :seen] = exact.pull[t, :, :seen] + exact.pull[t, :, seen:] @ predict.T
    return LinearWalk(exact.gain, pull, exact.covariance)


def one_step_filter(chain: LinearGaussianChain, steps: int) -> LinearWalk:
    """Return p(z_t | z_{t-1}, x_t), a filter that is right about the present alone (slide 9).

    It is the locally optimal proposal of a particle filter.

    Args:
        chain: the chain.
        steps: T, a positive integer.
    """
    last = smoother(chain, 1)
    pull = torch.zeros(as_count(steps, "steps"), chain.z_dim, steps * chain.x_dim).double()
    for t in range(steps):
        pull[t, :, t * chain.x_dim : (t + 1) * chain.x_dim] = last.pull[0]
    return LinearWalk(last.gain.repeat(steps, 1, 1), pull, last.covariance.repeat(steps, 1, 1))


def expected_gap(chain: LinearGaussianChain, q: LinearWalk) -> Tensor:
    r"""Return the average of log p(x) - ELBO over sequences of the chain, step by step (slide 9).

    .. math:: E_{p(x)} KL(q(z|x), p(z|x)) = \sum_t E_{p(x) q(z_{t-1}|x)}
              KL\big(q(z_t | z_{t-1}, x), p(z_t | z_{t-1}, x)\big)

    Args:
        chain: the chain.
        q: the posterior to be judged.

    Returns:
        (time,) the gap that each step adds, in nats; the sum is the gap.

    Example:
        >>> chain = LinearGaussianChain([[0.9]], [[1.2]], [0.5], [0.3])
        >>> best, simple = best_filter(chain, 10), one_step_filter(chain, 10)
        >>> 0 < expected_gap(chain, best).sum() < expected_gap(chain, simple).sum()
        tensor(True)
    """
    steps = len(q.gain)
    exact, among = smoother(chain, steps), observed_covariance(chain, steps)
    means, covariances = marginals(q)
    before = torch.cat((torch.zeros_like(means[:1]), means[:-1]))  # of z_{t-1}, with z_0 = 0
    widths = torch.cat((torch.zeros_like(covariances[:1]), covariances[:-1]))
    turn = q.gain - exact.gain
    shift = turn @ before + q.pull - exact.pull
    error = shift @ among @ shift.mT + turn @ widths @ turn.mT
    trace = torch.linalg.solve(exact.covariance, q.covariance + error).diagonal(0, 1, 2).sum(1)
    widening = torch.logdet(exact.covariance) - torch.logdet(q.covariance)
    return 0.5 * (trace - chain.z_dim + widening)


def marginals(q: LinearWalk) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of every z_t given x (slide 9).

    Args:
        q: the posterior.

    Returns:
        (time, z_dim, time * x_dim) the matrices that map x to the means, and
        (time, z_dim, z_dim) the covariances, which do not depend on x.
    """
    mean, cov = torch.zeros_like(q.pull[0]), torch.zeros_like(q.covariance[0])
    found = []
    for gain, pull, covariance in zip(*q, strict=True):
        mean, cov = gain @ mean + pull, gain @ cov @ gain.T + covariance
        found.append((mean, cov))
    means, covariances = zip(*found, strict=True)
    return torch.stack(means), torch.stack(covariances)


def sampled_elbo(chain: LinearGaussianChain, q: LinearWalk, x: Tensor) -> Tensor:
    """Return one estimate of the ELBO of each sequence, from one path of q (slide 9).

    Args:
        chain: the model.
        q: the posterior, of as many steps as x has.
        x: (batch, time, x_dim) observations.

    Returns:
        (batch,) log p(x, z) - log q(z|x) at z drawn from q, in nats.
    """
    z, total = x.new_zeros(len(x), chain.z_dim), x.new_zeros(len(x))
    for seen, gain, pull, covariance in zip(x.unbind(1), *q, strict=True):
        posterior = MultivariateNormal(z @ gain.T + x.flatten(1) @ pull.T, covariance)
        prior = MultivariateNormal(z @ chain.transition.T, chain.z_cov)
        z = posterior.sample()
        likelihood = MultivariateNormal(z @ chain.emission.T, chain.x_cov)
        total = total + likelihood.log_prob(seen) + prior.log_prob(z) - posterior.log_prob(z)
    return total


def observed_covariance(chain: LinearGaussianChain, steps: int) -> Tensor:
    """Return the covariance of x_1, ..., x_T under the chain: (time * x_dim, time * x_dim).

    Args:
        chain: the chain.
        steps: T, a positive integer.
    """
    d, size = chain.z_dim, as_count(steps, "steps")
    power = torch.eye(d, dtype=torch.float64)
    from_noise = torch.zeros(size, d, size, d, dtype=torch.float64)  # z_t by the noise of step s
    for lag in range(size):
        later = torch.arange(lag, size)
        from_noise[later, :, later - lag] = power
        power = chain.transition @ power
    seen = (chain.emission @ from_noise.flatten(2)).reshape(size * chain.x_dim, size, d)
    among = ((seen @ chain.z_cov).flatten(1)) @ seen.flatten(1).T
    return among + torch.block_diag(*[chain.x_cov] * size)
