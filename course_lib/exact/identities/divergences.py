"""KL, JSD and the critics that estimate them: identities 12 and 13 (slides 10 and 11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.exact import f_divergence, tables
from course_lib.exact.arrays import as_float64, expectation
from course_lib.exact.grid import Grid
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between
from course_lib.exact.normal import log_normal

__all__ = [
    "Fit",
    "f_gan_bound_is_tight",
    "gan_value_is_jsd",
    "kl_and_jsd_vanish_together",
    "misspecified_minimisers",
]

SYMMETRIC_MIXTURE = ((-3.0, 0.6), (3.0, 0.6))


def gan_value_is_jsd(p: Any, q: Any) -> Residual:
    """Execute V(D*) = 2 JSD(p, q) - log 4 for the optimal discriminator (identity 12, slide 11).

    Args:
        p: the distribution called real, a table of any shape.
        q: (same shape) the distribution called fake.
    """
    value = tables.gan_value(p, q, tables.optimal_discriminator(p, q))
    right = 2 * tables.jsd(p, q) - math.log(4)
    return between("V(D*) = 2 JSD(p, q) - log 4", value, right, CLOSED_FORM)


def f_gan_bound_is_tight(
    p: Any, q: Any, divergence: f_divergence.FDivergence, critic: Any = None
) -> Residual:
    """Execute E_p[T] - E_q[f*(T)] <= D_f(p, q), an equality at T* (identity 12, slide 10).

    Args:
        p: the distribution called real, a table of any shape.
        q: (same shape) the distribution called fake.
        divergence: one of ``course_lib.exact.f_divergence``.
        critic: (same shape) T; T* = f'(p/q) if None. With a critic the residual is how far the
            bound lies above the divergence, which is zero.
    """
    value = divergence(p, q)
    if critic is None:
        bound = divergence.bound(p, q, divergence.optimal_critic(p, q))
        return between(f"max over T of the bound = {divergence.name}", bound, value, CLOSED_FORM)
    bound = divergence.bound(p, q, as_float64(critic, "critic"))
    above = max(float(bound - value), 0.0)
    name = f"E_p[T] - E_q[f*(T)] <= {divergence.name}"
    return Residual(name, float(bound), float(value), above, CLOSED_FORM)


def kl_and_jsd_vanish_together(p: Any) -> Residual:
    """Execute KL(p, p) = JSD(p, p) = 0 (identity 13, slide 11): one optimum for both, if reached.

    Where the family cannot reach it, see ``misspecified_minimisers``.

    Args:
        p: a table of any shape.
    """
    both = torch.stack([tables.kl(p, p), tables.jsd(p, p)])
    return between("KL(p, p) = JSD(p, p) = 0", both, 0.0, CLOSED_FORM)


@dataclass(frozen=True)
class Fit:
    """A Gaussian N(mean, scale^2) fitted to a density, and both divergences from it, in nats."""

    objective: str
    mean: float
    scale: float
    kl: float
    jsd: float

    def __str__(self) -> str:
        return (
            f"best {self.objective:3s}: N({round(self.mean, 2) + 0.0:.2f}, {self.scale:.2f}^2)"
            f"   KL {self.kl:7.3f}   JSD {self.jsd:.3f}"
        )


def misspecified_minimisers(
    components: tuple[tuple[float, float], ...] = SYMMETRIC_MIXTURE,
) -> tuple[Fit, Fit]:
    """Return the Gaussian nearest to a mixture in KL, and the one nearest in JSD (slide 11).

    The family cannot be p_data, so that the two objectives of slide 10 disagree (identity 13): KL
    covers every peak, JSD gives up some and fits one. Both are found on a grid of means and
    scales, refined until they move by less than 1e-4.

    Args:
        components: mean and scale of the mixture's equally likely Gaussians.

    Returns:
        The minimiser of KL(p_data, p) and that of JSD(p_data, p).

    Example:
        >>> by_kl, by_jsd = misspecified_minimisers()
        >>> by_kl.kl < by_jsd.kl and by_jsd.jsd < by_kl.jsd
        True

    Paper: Theis, van den Oord, Bethge (2016), arXiv:1511.01844, figure 1.
    """
    means, scales = as_float64(components, "components").T
    reach = float(scales.max())
    low, high = float(means.min()), float(means.max())
    grid = Grid(low - 12 * reach - (high - low), high + 12 * reach + (high - low), 1201)
    log_data = _on_line(grid, means, scales).logsumexp(-1) - math.log(len(means))
    box = ((low, high), (float(scales.min()) / 2, high - low + 2 * reach))
    return tuple(
        _fit(name, measure, grid, log_data, box) for name, measure in (("KL", _kl), ("JSD", _jsd))
    )


Measure = Callable[[Grid, Tensor, Tensor], Tensor]
Range = tuple[float, float]


def _fit(
    name: str, measure: Measure, grid: Grid, log_data: Tensor, box: tuple[Range, Range]
) -> Fit:
    """Search a 41 x 41 grid of means and log scales, then ever finer grids around the best."""
    (low, high), (narrow, wide) = box
    centre = torch.tensor([(low + high) / 2, (math.log(narrow) + math.log(wide)) / 2]).double()
    half = torch.tensor([(high - low) / 2, (math.log(wide) - math.log(narrow)) / 2]).double()
    while half.max() > 1e-5:
        offsets = torch.linspace(-1, 1, 41, dtype=torch.float64)
        tried = centre + half * torch.cartesian_prod(offsets, offsets)
        centre = tried[_divergences(measure, grid, log_data, tried).argmin()]
        half = half / 10
    values = [float(_divergences(m, grid, log_data, centre[None])) for m in (_kl, _jsd)]
    return Fit(name, float(centre[0]), float(centre[1].exp()), *values)


def _divergences(measure: Measure, grid: Grid, log_data: Tensor, tried: Tensor) -> Tensor:
    """Return the divergence of each (mean, log scale): (n, 2) -> (n,)."""
    parts = [
        measure(grid, log_data, _on_line(grid, part[:, 0], part[:, 1].exp()).T)
        for part in tried.split(200)
    ]
    return torch.cat(parts)


def _kl(grid: Grid, log_p: Tensor, log_q: Tensor) -> Tensor:
    return expectation((log_p + grid.log_weights).exp(), log_p - log_q, -1)


def _jsd(grid: Grid, log_p: Tensor, log_q: Tensor) -> Tensor:
    middle = torch.logaddexp(log_p, log_q) - math.log(2)
    return (_kl(grid, log_p, middle) + _kl(grid, log_q, middle)) / 2


def _on_line(grid: Grid, means: Tensor, scales: Tensor) -> Tensor:
    """Return the log-densities of m Gaussians at the n nodes of a line: (n, m)."""
    return log_normal(grid.nodes[:, None], means[:, None], scales[:, None].log())
