"""The gap of the bound in two: what the family of q cannot do, and what the encoder does not.

The decoder is frozen and q(z|x) refitted for each x apart: what is left then is the family's
(approximation), what went away was the encoder's (amortisation).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.func import functional_call, stack_module_state, vmap

from course_lib.distributions import (
    AffineAutoregressive,
    DiagonalGaussian,
    Inverse,
    Planar,
    Pushforward,
    Transform,
    rsample_and_log_prob,
)
from course_lib.distributions.base import as_count
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.objectives import elbo
from course_lib.randomness import own_randomness

__all__ = ["FAMILIES", "EachItsOwn", "GapSplit", "Triangular", "refit", "split_gap"]


@dataclass(frozen=True)
class GapSplit:
    """log p(x) - L(x) and its two parts, each (n,) nats (slide 6).

    Attributes:
        total: log p(x) - L(x) with the encoder's q.
        approximation: log p(x) - L(x) with the q refitted to this x.
    """

    total: Tensor
    approximation: Tensor

    @property
    def amortisation(self) -> Tensor:
        """What refitting q gains, (n,) nats."""
        return self.total - self.approximation

    def __str__(self) -> str:
        parts = {name: getattr(self, name) for name in ("total", "approximation", "amortisation")}
        return ", ".join(
            f"{name} {value.mean():.3f} (median {value.median():.3f})"
            for name, value in parts.items()
        )


class Triangular(Transform):
    """x_i = z_i + sum_(j<i) L_ij z_j: a diagonal Gaussian through it has any covariance (slide 6).

    It is the linear case of the inverse autoregressive layer. It starts at the identity.

    Args:
        dim: the number of dimensions.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lower = nn.Parameter(torch.zeros(as_count(dim, "dim"), dim))

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return L z, with ones on the diagonal of L, and its log-determinant, zero."""
        return z + z @ self.lower.tril(-1).T, torch.zeros_like(z[..., 0])

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return L^-1 x and its log-determinant, zero."""
        z = torch.linalg.solve_triangular(
            self.lower, x.unsqueeze(-1), upper=False, unitriangular=True
        )
        return z.squeeze(-1), torch.zeros_like(x[..., 0])


class EachItsOwn(Transform):
    """One transform for each example of a batch, of the same kind and with its own parameters.

    Args:
        transforms: n of them; (..., n, dim) vectors pass the i-th along their i-th column.

    Example:
        >>> maps = EachItsOwn([Planar(2) for _ in range(3)])
        >>> z = torch.randn(5, 3, 2)
        >>> torch.allclose(maps.inverse(maps(z)[0])[0], z, atol=1e-5)
        True
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        super().__init__()
        stacked, _ = stack_module_state(list(transforms))
        self.names = list(stacked)
        self.stacked = nn.ParameterList([nn.Parameter(p.detach()) for p in stacked.values()])
        self.one = copy.deepcopy(transforms[0]).requires_grad_(False)  # its form, not its numbers

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return each example's x and log-determinant."""
        return self._each(z, self.one)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return each example's z and log-determinant."""
        return self._each(x, Inverse(self.one))

    def _each(self, value: Tensor, map_: Transform) -> tuple[Tensor, Tensor]:
        prefix = "" if map_ is self.one else "transform."

        def one(value: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
            named = {prefix + name: p for name, p in zip(self.names, parameters, strict=True)}
            return functional_call(map_, named, (value,))

        column = value.dim() - 2
        dims = (column, *[0] * len(self.names))
        return vmap(one, dims, (column, column))(value, *self.stacked)


def _iaf(dim: int, layer: int) -> Transform:
    order = torch.arange(dim) if layer % 2 == 0 else torch.arange(dim).flip(0)
    return Inverse(AffineAutoregressive(dim, (16,), order=order))


FAMILIES: dict[str, Callable[[int], list[Transform]]] = {
    "Gaussian": lambda dim: [],
    "full Gaussian": lambda dim: [Triangular(dim)],
    "planar": lambda dim: [Planar(dim) for _ in range(8)],
    "IAF": lambda dim: [_iaf(dim, layer) for layer in range(2)],
}
"""The maps of one example's q by name, from z_dim: nothing, L, 8 planar layers, 2 IAF layers."""


def refit(
    model: LatentVariableModel,
    x: Tensor,
    family: str = "Gaussian",
    *,
    steps: int = 500,
    samples: int = 32,
    learning_rate: float = 0.02,
    seed: int = 0,
) -> Distribution:
    """Return the best q(z|x) of a family for each x, the decoder frozen (slide 6).

    q starts at the mean and the scale of the encoder's and rises in the ELBO by Adam. What it
    finds is a local optimum: a family's gap is at most what is measured with it.

    Args:
        model: anything with the bricks ``prior``, ``likelihood`` and ``posterior``.
        x: (n, *event) observations; z must be a vector.
        family: one of ``FAMILIES``.
        steps: steps of Adam.
        samples: z drawn for each x and step.
        learning_rate: Adam's rate at the start; it falls to zero.
        seed: decides the noise; the global random state is left as it was.

    Returns:
        q, batch shape (n,), without gradients.

    Raises:
        ValueError: if the family is unknown, ``x`` is empty, or a count is not positive.
    """
    if family not in FAMILIES:
        raise ValueError(f"family: expected one of {', '.join(FAMILIES)}, got {family!r}")
    if len(x) == 0:
        raise ValueError("x: expected at least one example, got none")
    with own_randomness(seed, x.device):
        q, parameters = _start(model, x, family)
        optimiser = torch.optim.Adam(parameters, learning_rate)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, as_count(steps, "steps"))
        prior = model.prior()
        for _ in range(steps):
            loss = -elbo(prior, model.likelihood, q, x, as_count(samples, "samples")).total.sum()
            gradients = torch.autograd.grad(loss, parameters)  # none reaches the decoder's own
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimiser.step()
            rate.step()
    for parameter in parameters:
        parameter.requires_grad_(False)
    return q


def split_gap(
    model: LatentVariableModel,
    x: Tensor,
    log_prob: Tensor,
    family: str = "Gaussian",
    *,
    samples: int = 2000,
    steps: int = 500,
    seed: int = 0,
) -> GapSplit:
    """Return the gap as approximation and amortisation, example by example (slides 6, 7).

    Args:
        model: anything with the bricks ``prior``, ``likelihood`` and ``posterior``.
        x: (n, *event) observations.
        log_prob: (n,) log p(x): exact, from ``latent_world`` or a linear-Gaussian world. With an
            importance bound in its place every part but the amortisation is a lower bound.
        family: the family that is refitted, one of ``FAMILIES``.
        samples: z drawn for each x to evaluate a bound.
        steps: steps of the refit.
        seed: decides the noise.

    Raises:
        ValueError: as ``refit``, or if ``log_prob`` is not one number for each x.
    """
    if log_prob.shape != (len(x),):
        raise ValueError(
            f"log_prob: expected shape ({len(x)},), one for each x, got {tuple(log_prob.shape)}"
        )
    best = refit(model, x, family, steps=steps, seed=seed)
    log_prob = log_prob.to(x.device).double()
    with torch.no_grad(), own_randomness(seed + 1, x.device):
        bounds = [_bound(model, q, x, samples) for q in (model.posterior(x), best)]
    return GapSplit(*(log_prob - bound for bound in bounds))


def _bound(model: LatentVariableModel, q: Distribution, x: Tensor, samples: int) -> Tensor:
    """Return the ELBO of q as the mean of log p(x, z) - log q(z): (n,).

    This form has no noise where q is the posterior; with the KL in closed form it would have.
    """
    total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for done in range(0, as_count(samples, "samples"), 100):  # in rounds: memory stays small
        z, log_q = rsample_and_log_prob(q, (min(100, samples - done),))
        log_joint = model.prior().log_prob(z) + model.likelihood(z).log_prob(x)
        total += (log_joint - log_q).double().sum(0)
    return total / samples


def _start(
    model: LatentVariableModel, x: Tensor, family: str
) -> tuple[Distribution, list[nn.Parameter]]:
    with torch.no_grad():
        z = model.posterior(x).sample((256,))
    if z.dim() != 3:
        raise ValueError(f"model: expected a vector z, got event shape {tuple(z.shape[2:])}")
    mu = nn.Parameter(z.mean(0))
    log_scale = nn.Parameter(z.std(0).clamp(min=1e-4).log())
    each = zip(*(FAMILIES[family](z.shape[-1]) for _ in range(len(x))), strict=True)
    maps = [EachItsOwn(layer).to(z) for layer in each]
    base = DiagonalGaussian(mu, log_scale)
    parameters = [mu, log_scale, *(p for transform in maps for p in transform.stacked)]
    return (Pushforward(base, maps) if maps else base), parameters
