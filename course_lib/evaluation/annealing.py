"""Bounds on log p(x) from below and above: annealed importance sampling in both directions.

The forward direction, from the prior to the posterior, gives a lower bound in expectation; the
reverse direction, from an exact posterior draw to the prior, an upper bound. If x is a sample of
the model, the z that generated it is an exact posterior draw.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_lib.arguments import as_count
from course_lib.evaluation.hamiltonian import AnnealedChain, Likelihood
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.progress import say_if_unfinished
from course_lib.randomness import fork_seed, seed_for

__all__ = [
    "AISEstimate",
    "BidirectionalBounds",
    "ais_lower_bound",
    "ais_upper_bound",
    "bidirectional_monte_carlo",
    "schedule",
]


class AISEstimate(NamedTuple):
    """A bound on log p(x), (batch,) nats, and the share of proposals that were accepted."""

    log_prob: Tensor
    acceptance: float


class BidirectionalBounds(NamedTuple):
    """Both sides of log p(x), each (batch,) nats, for x that the model made."""

    x: Tensor
    lower: Tensor
    upper: Tensor
    acceptance: float

    @property
    def width(self) -> float:
        """The mean of upper - lower, in nats: non-negative up to noise."""
        return float((self.upper - self.lower).mean())


def schedule(steps: int, sharpness: float = 4.0) -> Tensor:
    r"""Return the inverse temperatures 0 = beta_0 < ... < beta_steps = 1 along a sigmoid.

    Both ends change slowly: near the prior and near the posterior the densities change most.

    Args:
        steps: the number of increments.
        sharpness: how slowly it starts and ends.

    Returns:
        (steps + 1,) float64.

    Example:
        >>> schedule(4)[[0, 2, 4]]
        tensor([0.0000, 0.5000, 1.0000], dtype=torch.float64)
    """
    even = torch.linspace(-1, 1, as_count(steps, "steps") + 1, dtype=torch.float64)
    rise = torch.sigmoid(sharpness * even)
    return (rise - rise[0]) / (rise[-1] - rise[0])


@in_evaluation_mode
def ais_lower_bound(
    prior: Distribution,
    likelihood: Likelihood,
    x: Tensor,
    *,
    steps: int = 1000,
    chains: int = 16,
    leapfrog: int = 5,
    seed: int = 0,
) -> AISEstimate:
    r"""Return a lower bound on log p(x) by annealing the prior into the posterior (slide 19).

    .. math:: \log \frac1C \sum_c \prod_t p(x|z^c_{t-1})^{\beta_t - \beta_{t-1}}, \qquad
              z_t \sim T_t(z_t|z_{t-1})

    T_t, one step of Hamiltonian Monte Carlo with a Metropolis test, leaves p(z) p(x|z)^{beta_t}
    invariant. Its step sizes are found in a coarse first run and then fixed. The mean of the
    exponentiated estimate is p(x), so the estimate is a lower bound in expectation.

    Args:
        prior: p(z), one for all examples.
        likelihood: maps z, (chains, batch, *event), to p(x|z), differentiable in z.
        x: (batch, *event) observations.
        steps: increments of the inverse temperature; more make the bound tighter.
        chains: independent chains, averaged inside one logarithm.
        leapfrog: gradient steps of one proposal.
        seed: determines the noise; the global random state is left as it was.

    Raises:
        ValueError: if ``x`` is empty, a count is not positive, or log p(x|z) is not finite.

    Papers: Neal (2001), Annealed importance sampling; Wu, Burda, Salakhutdinov, Grosse (2017),
    arXiv:1611.04273.
    """
    chain = AnnealedChain(prior, likelihood, x, schedule(steps), leapfrog)
    with fork_seed(seed, x.device):
        chain.tune(as_count(chains, "chains"))
        z = prior.sample((chains, len(x)))
        log_weight, acceptance = chain.run(z, range(1, steps + 1))
    return AISEstimate(log_weight.logsumexp(0) - math.log(chains), acceptance)


@in_evaluation_mode
def ais_upper_bound(
    prior: Distribution,
    likelihood: Likelihood,
    x: Tensor,
    z: Tensor,
    *,
    steps: int = 1000,
    leapfrog: int = 5,
    seed: int = 0,
) -> AISEstimate:
    """Return an upper bound on log p(x) by annealing exact posterior draws into the prior.

    It is an upper bound in expectation, and only if every z is an exact draw from p(z|x).

    Args:
        prior: p(z).
        likelihood: maps z to p(x|z), differentiable in z.
        x: (batch, *event) observations.
        z: (chains, batch, *event) draws from p(z|x), independent along the chains.
        steps: decrements of the inverse temperature.
        leapfrog: gradient steps of one proposal.
        seed: determines the noise.

    Raises:
        ValueError: as ``ais_lower_bound``, or if ``z`` does not fit ``x`` and the prior.

    Paper: Grosse, Ghahramani, Adams (2015), Sandwiching the marginal likelihood using bidirectional
    Monte Carlo, arXiv:1511.02543.
    """
    if z.dim() < 2 or z.shape[1:] != (len(x), *prior.event_shape):
        wanted = f"(chains, {len(x)}, {', '.join(map(str, prior.event_shape))})"
        raise ValueError(f"z: expected shape {wanted}, got {tuple(z.shape)}")
    chain = AnnealedChain(prior, likelihood, x, schedule(steps), leapfrog)
    with fork_seed(seed, x.device):
        chain.tune(len(z))
        log_weight, acceptance = chain.run(z, range(steps, 0, -1))
    return AISEstimate(math.log(len(z)) - log_weight.logsumexp(0), acceptance)


@in_evaluation_mode
def bidirectional_monte_carlo(
    model: LatentVariableModel,
    n: int,
    *,
    steps: int = 1000,
    chains: int = 16,
    leapfrog: int = 5,
    seed: int = 0,
) -> BidirectionalBounds:
    """Return both bounds on log p(x) for n samples of the model (slide 19).

    The forward side averages ``chains`` chains inside the logarithm; the reverse side has only the
    one exact draw that generated x. The width holds for samples, and is only a hint for held-out x.

    Args:
        model: anything with the bricks ``prior`` and ``likelihood``.
        n: the number of examples.
        steps: temperatures in each direction.
        chains: chains of the forward side.
        leapfrog: gradient steps of one proposal.
        seed: determines examples and noise.
    """
    prior = model.prior()
    say_if_unfinished(model)
    with torch.no_grad(), fork_seed(seed, next(model.likelihood.parameters()).device):
        z = prior.sample((as_count(n, "n"),))
        x = model.likelihood(z).sample()
    sizes = {"steps": steps, "leapfrog": leapfrog}
    up, down = (
        seed_for("bidirectional_monte_carlo, forward", seed),
        seed_for("bidirectional_monte_carlo, reverse", seed),
    )
    lower = ais_lower_bound(prior, model.likelihood, x, chains=chains, seed=up, **sizes)
    upper = ais_upper_bound(prior, model.likelihood, x, z[None], seed=down, **sizes)
    return BidirectionalBounds(
        x, lower.log_prob, upper.log_prob, min(lower.acceptance, upper.acceptance)
    )
