"""Bounds on log p(x) from below and above: annealed importance sampling in both directions.

The forward direction, from the prior to the posterior, gives a lower bound in expectation; the
reverse direction, from an exact posterior draw to the prior, an upper bound. If x is a sample of
the model, the z that generated it is an exact posterior draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_lib.arguments import as_count
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

Likelihood = Callable[[Tensor], Distribution]
TARGET_ACCEPTANCE = 0.8


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
        steps: how many increments there are.
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
              z_t \sim T_t(z_t|z_{t-1}), \; T_t \text{ leaves } p(z)\,p(x|z)^{\beta_t} \text{ as is}

    The mean of the exponentiated estimate is p(x), so the estimate is a lower bound in expectation.
    T_t is one step of Hamiltonian Monte Carlo with a Metropolis test. The step sizes are found in a
    coarser first run and then fixed: a size that adapts to its own chain would break the bound.

    Args:
        prior: p(z), one for all examples.
        likelihood: maps z, (chains, batch, *event), to p(x|z), differentiable in z.
        x: (batch, *event) observations.
        steps: increments of the inverse temperature; more make the bound tighter.
        chains: independent chains that share one logarithm.
        leapfrog: gradient steps of one proposal.
        seed: decides the noise; the global random state is left as it was.

    Raises:
        ValueError: if ``x`` is empty, a count is not positive, or log p(x|z) is not finite.

    Papers: Neal (2001), Annealed importance sampling; Wu, Burda, Salakhutdinov, Grosse (2017),
    arXiv:1611.04273.
    """
    chain = _Chain(prior, likelihood, x, schedule(steps), leapfrog)
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
        seed: decides the noise.

    Raises:
        ValueError: as ``ais_lower_bound``, or if ``z`` does not fit ``x`` and the prior.

    Paper: Grosse, Ghahramani, Adams (2015), Sandwiching the marginal likelihood using bidirectional
    Monte Carlo, arXiv:1511.02543.
    """
    if z.dim() < 2 or z.shape[1:] != (len(x), *prior.event_shape):
        wanted = f"(chains, {len(x)}, {', '.join(map(str, prior.event_shape))})"
        raise ValueError(f"z: expected shape {wanted}, got {tuple(z.shape)}")
    chain = _Chain(prior, likelihood, x, schedule(steps), leapfrog)
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

    The forward side averages ``chains`` chains in one logarithm; the reverse side has only the one
    exact draw that generated x. The width holds for samples, and is only a hint for held-out x.

    Args:
        model: anything with the bricks ``prior`` and ``likelihood``.
        n: how many examples.
        steps: temperatures in each direction.
        chains: chains of the forward side.
        leapfrog: gradient steps of one proposal.
        seed: decides examples and noise.
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


class _Chain:
    """Hamiltonian moves along the densities p(z) p(x|z)^beta, with one step size per beta."""

    def __init__(
        self, prior: Distribution, likelihood: Likelihood, x: Tensor, betas: Tensor, leapfrog: int
    ) -> None:
        if len(x) == 0:
            raise ValueError("x: expected at least one example, got none")
        self.prior, self.likelihood, self.x, self.betas = prior, likelihood, x, betas.tolist()
        self.leapfrog = as_count(leapfrog, "leapfrog")

    def tune(self, chains: int) -> None:
        """Find step sizes, (steps + 1, batch), by a run over a tenth of the temperatures."""
        last = len(self.betas) - 1
        coarse = torch.linspace(0, last, max(last // 10, min(last, 50)) + 1).long().tolist()
        z = self.prior.sample((chains, len(self.x)))
        step, found = torch.full_like(self._log_likelihood(z)[0], 0.3), []
        for index in coarse:
            for _ in range(3 if index else 20):
                z, accepted = self._move(z, self.betas[index], step)
                step = step * torch.exp(0.3 * (accepted.mean(0) - TARGET_ACCEPTANCE))
            found.append(step)
        nearest = torch.searchsorted(torch.tensor(coarse), torch.arange(last + 1))
        self.steps = torch.stack(found)[nearest.to(step.device)]

    def run(self, z: Tensor, indices: range) -> tuple[Tensor, float]:
        """Return log w, (chains, batch), and the acceptance, rising or falling through beta."""
        log_weight, total = torch.zeros_like(self._log_likelihood(z)), 0.0
        rising = indices.step > 0
        for t in indices:
            rise = self.betas[t] - self.betas[t - 1]
            if rising:
                log_weight = log_weight + rise * self._log_likelihood(z)
            z, accepted = self._move(z, self.betas[t], self.steps[t])
            if not rising:
                log_weight = log_weight - rise * self._log_likelihood(z)
            total += accepted.mean()
        return log_weight, float(total / len(indices))

    def _move(self, z: Tensor, beta: float, step: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next state and the chance with which each proposal was accepted."""
        size = step.reshape(step.shape + (1,) * (z.dim() - 2))
        momentum = torch.randn_like(z)
        log_density, slope = self._density_and_slope(z, beta)
        energy = log_density - _kinetic(momentum)
        proposal = z
        for _ in range(self.leapfrog):
            momentum = momentum + size / 2 * slope
            proposal = proposal + size * momentum
            log_density, slope = self._density_and_slope(proposal, beta)
            momentum = momentum + size / 2 * slope
        chance = (log_density - _kinetic(momentum) - energy).clamp(max=0).exp().nan_to_num(0)
        accept = torch.rand_like(chance) < chance
        return torch.where(accept.reshape(accept.shape + (1,) * (z.dim() - 2)), proposal, z), chance

    def _density_and_slope(self, z: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self.prior.log_prob(z) + beta * self.likelihood(z).log_prob(self.x)
            (slope,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), slope

    @torch.no_grad()
    def _log_likelihood(self, z: Tensor) -> Tensor:
        value = self.likelihood(z).log_prob(self.x)
        if not torch.isfinite(value).all():
            raise ValueError("likelihood: expected finite log p(x|z), got NaN or infinity")
        return value


def _kinetic(momentum: Tensor) -> Tensor:
    return momentum.flatten(2).square().sum(-1) / 2
