"""Fit the best q of a family to each x separately, without an encoder; the decoder is frozen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.func import functional_call, stack_module_state, vmap

from course_lib.arguments import as_count
from course_lib.distributions import (
    AffineAutoregressive,
    DiagonalGaussian,
    Inverse,
    Planar,
    Pushforward,
    Transform,
)
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.evaluation.plain_elbo import plain_elbo
from course_lib.objectives import elbo
from course_lib.progress import say_if_unfinished
from course_lib.randomness import fork_seed

__all__ = ["FAMILIES", "FittedPosterior", "PerExample", "UnitTriangular", "fit_posterior"]

TOLERANCE = 0.05
"""Nats that the last quarter of a round may gain for an x whose fit counts as converged."""


class UnitTriangular(Transform):
    """x_i = z_i + sum_(j<i) L_ij z_j gives a diagonal Gaussian any covariance (slide 6).

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


class PerExample(Transform):
    """A separate transform for each example of a batch, all of the same kind.

    Args:
        transforms: n of them; (..., n, dim) vectors pass the i-th along their i-th column.

    Example:
        >>> maps = PerExample([Planar(2) for _ in range(3)])
        >>> z = torch.randn(5, 3, 2)
        >>> torch.allclose(maps.inverse(maps(z)[0])[0], z, atol=1e-5)
        True
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        super().__init__()
        stacked, _ = stack_module_state(list(transforms))
        self.names = list(stacked)
        self.stacked: Sequence[Tensor] = [p.detach() for p in stacked.values()]
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
    "full Gaussian": lambda dim: [UnitTriangular(dim)],
    "planar": lambda dim: [Planar(dim) for _ in range(8)],
    "IAF": lambda dim: [_iaf(dim, layer) for layer in range(2)],
}
"""The maps of one example's q by name, from z_dim: nothing, L, 8 planar layers, 2 IAF layers."""


class FittedPosterior(NamedTuple):
    """The best q of a family for each x, and whether the search had converged.

    Attributes:
        q: the distribution, batch shape (n,), without gradients.
        converged: (n,) True where the last quarter of the last round gained less than 0.05 nats.
    """

    q: Distribution
    converged: Tensor


@in_evaluation_mode
def fit_posterior(
    model: LatentVariableModel,
    x: Tensor,
    family: str = "Gaussian",
    *,
    steps: int = 500,
    rounds: int = 8,
    samples: int = 32,
    learning_rate: float = 0.02,
    seed: int = 0,
) -> FittedPosterior:
    """Return the best q(z|x) of a family for each x, with the decoder frozen (slide 6).

    q starts at the encoder's mean and scale, and Adam maximises the ELBO in rounds. The x whose
    bound is still rising at the end of a round go through another. The result is a local optimum,
    so the measured gap is an upper bound on the family's.

    Args:
        model: anything with the bricks ``prior``, ``likelihood`` and ``posterior``.
        x: (n, *event) observations; z must be a vector.
        family: one of ``FAMILIES``.
        steps: steps of Adam in one round.
        rounds: how many rounds at most.
        samples: z drawn for each x and step.
        learning_rate: Adam's rate at the start of a round; it falls to zero within the round.
        seed: decides the noise; the global random state is left as it was.

    Returns:
        ``FittedPosterior(q, converged)``.

    Raises:
        ValueError: if the family is unknown, ``x`` is empty, or a count is not positive.
    """
    if family not in FAMILIES:
        raise ValueError(f"family: expected one of {', '.join(FAMILIES)}, got {family!r}")
    if len(x) == 0:
        raise ValueError("x: expected at least one example, got none")
    for name, count in (("steps", steps), ("rounds", rounds), ("samples", samples)):
        as_count(count, name)
    say_if_unfinished(model)
    with torch.enable_grad(), fork_seed(seed, x.device):
        parameters = _start(model, x, family)
        rising = torch.ones(len(x), dtype=torch.bool, device=x.device)
        for _ in range(rounds):
            part = [nn.Parameter(p[rising]) for p in parameters]
            gain = _round(model, x[rising], family, part, steps, samples, learning_rate)
            for whole, found in zip(parameters, part, strict=True):
                whole[rising] = found.detach()
            rising[rising.clone()] = gain > TOLERANCE
            if not rising.any():
                break
        return FittedPosterior(_distribution(family, parameters), ~rising)


def _round(
    model: LatentVariableModel,
    x: Tensor,
    family: str,
    parameters: list[nn.Parameter],
    steps: int,
    samples: int,
    learning_rate: float,
) -> Tensor:
    """Optimise for one round, in place; return the gain of its last quarter, (n,) nats."""
    q, prior = _distribution(family, parameters), model.prior()
    optimiser = torch.optim.Adam(parameters, learning_rate)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    before = torch.zeros(len(x))
    for step in range(steps):
        if step == 3 * steps // 4:
            before = plain_elbo(model, q, x, samples=500)
        loss = -elbo(prior, model.likelihood, q, x, samples).total.sum()
        gradients = torch.autograd.grad(loss, parameters)  # none reaches the decoder's own
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimiser.step()
        rate.step()
    return plain_elbo(model, q, x, samples=500) - before


def _start(model: LatentVariableModel, x: Tensor, family: str) -> list[Tensor]:
    """Return the parameters of q at the start: mean, log scale and those of each map, (n, ...)."""
    with torch.no_grad():
        z = model.posterior(x).sample((256,))
    if z.dim() != 3:
        raise ValueError(f"model: expected a vector z, got event shape {tuple(z.shape[2:])}")
    each = zip(*(FAMILIES[family](z.shape[-1]) for _ in range(len(x))), strict=True)
    inner = [p.to(z) for layer in each for p in PerExample(layer).stacked]
    return [z.mean(0), z.std(0).clamp(min=1e-4).log(), *inner]


def _distribution(family: str, parameters: Sequence[Tensor]) -> Distribution:
    """Return q with these parameters."""
    mu, log_scale, *inner = parameters
    base, maps = DiagonalGaussian(mu, log_scale), []
    for layer in FAMILIES[family](mu.shape[-1]):
        map_ = PerExample([layer]).to(mu)
        count = len(map_.stacked)
        map_.stacked, inner = inner[:count], inner[count:]
        maps.append(map_)
    return Pushforward(base, maps) if maps else base
