"""Hamiltonian Monte Carlo along the densities p(z) p(x|z)^beta, from prior to posterior or back."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_lib.arguments import as_count

__all__ = ["AnnealedChain", "Likelihood"]

Likelihood = Callable[[Tensor], Distribution]
TARGET_ACCEPTANCE = 0.8


class AnnealedChain:
    """Hamiltonian moves that leave p(z) p(x|z)^beta invariant, with one step size per beta.

    Each move ends with a Metropolis test, so it is exact for every step size. ``tune`` finds the
    step sizes before ``run`` uses them: a size that adapts to its own chain would break the bounds.

    Args:
        prior: p(z), one for all examples.
        likelihood: maps z, (chains, batch, *event), to p(x|z), differentiable in z.
        x: (batch, *event) observations.
        betas: (steps + 1,) increasing inverse temperatures, from 0 to 1.
        leapfrog: gradient steps of one proposal.

    Raises:
        ValueError: if ``x`` is empty or ``leapfrog`` is not a positive integer.

    Paper: Neal (2011), MCMC using Hamiltonian dynamics, arXiv:1206.1901.
    """

    def __init__(
        self, prior: Distribution, likelihood: Likelihood, x: Tensor, betas: Tensor, leapfrog: int
    ) -> None:
        if len(x) == 0:
            raise ValueError("x: expected at least one example, got none")
        self.prior, self.likelihood, self.x, self.betas = prior, likelihood, x, betas.tolist()
        self.leapfrog = as_count(leapfrog, "leapfrog")

    def tune(self, chains: int) -> None:
        """Set the step sizes, (steps + 1, batch), by a run over a tenth of the temperatures.

        Args:
            chains: the number of chains in that run.
        """
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
        """Return log w, (chains, batch) nats, and the mean acceptance of the moves.

        Args:
            z: (chains, batch, *event) the first states.
            indices: of the temperatures: 1, ..., steps to rise, or steps, ..., 1 to fall.

        Raises:
            ValueError: if log p(x|z) is not finite.
        """
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
        """Return the next states and the acceptance probability of each proposal."""
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
