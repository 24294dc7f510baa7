"""A Gaussian fitted to a mixture that it cannot be: KL, JSD and what lies between (slides 10, 11).

Both divergences are zero only at p = p_data. No member of the family is p_data, so the best fit
depends on the divergence: the KL covers every peak, the JSD gives up some and fits one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from course_lib.arguments import as_weight
from course_lib.exact.arrays import as_float64, check_shape, expectation
from course_lib.exact.grid import Grid
from course_lib.exact.normal import log_normal

__all__ = ["Fit", "MisspecifiedGaussian", "lopsided_mixture"]

COARSE, FINE = 41, 11  # nodes along each axis: of the first search, and of each one around its best
NODES = 601


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


class MisspecifiedGaussian:
    r"""The family N(mean, scale^2), a mixture as data, and the best member for each lambda.

    .. math:: \min_{p} \; KL(p_{data}, p) + \lambda\, JSD(p_{data}, p)

    Args:
        components: mean and scale of the mixture's Gaussians.
        weights: how likely each component is; all equally if None.

    Attributes:
        x: (n,) nodes of the grid on which densities are integrated, evenly spaced.
        dx: the distance between two of them.
        log_data: (n,) log p_data at the nodes.

    Raises:
        ValueError: if the weights are negative or do not add up to one.

    Example:
        >>> world = MisspecifiedGaussian(((-2.0, 0.5), (2.0, 0.5)))
        >>> by_kl, by_jsd = world.best(0.0), world.best(math.inf)
        >>> by_kl.kl < by_jsd.kl and by_jsd.jsd < by_kl.jsd
        True

    Paper: Theis, van den Oord, Bethge (2016), arXiv:1511.01844, figure 1.
    """

    def __init__(
        self,
        components: Sequence[tuple[float, float]],
        weights: Sequence[float] | None = None,
    ) -> None:
        means, scales = as_float64(components, "components").T
        n = len(means)
        weight = as_float64([1 / n] * n if weights is None else weights, "weights")
        check_shape(weight, (n,), "weights")
        if (weight < 0).any() or abs(float(weight.sum()) - 1) > 1e-9:
            raise ValueError(f"weights: expected shares that add up to 1, got {weight.tolist()}")
        reach, low, high = float(scales.max()), float(means.min()), float(means.max())
        room = 12 * reach + (high - low)
        self._grid = Grid(low - room, high + room, NODES)
        self.x = self._grid.nodes[:, 0]
        self.dx = float(self.x[1] - self.x[0])
        each = log_normal(self.x[:, None, None], means[:, None], scales[:, None].log())
        self.log_data = (each + weight.log()).logsumexp(-1)  # (n, components) -> (n,)
        widest = high - low + 2 * reach
        self._box = ((low, high), (math.log(float(scales.min()) / 2), math.log(widest)))

    def log_model(self, mean: float, scale: float) -> Tensor:
        """Return log N(x; mean, scale^2) at the nodes: (n,)."""
        at = torch.tensor([[mean, math.log(scale)]], dtype=torch.float64)
        return self._log_models(at)[0]

    def divergences(self, mean: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        """Return KL(p_data, p) and JSD(p_data, p) of Gaussians: two tensors of one shape -> each.

        Args:
            mean: the means, of any shape.
            log_scale: logs of the standard deviations, of the same shape.
        """
        tried = torch.stack([mean.flatten(), log_scale.flatten()], 1)
        parts = [self._divergences(part) for part in tried.split(200)]
        kl, jsd = (torch.cat(column).reshape(mean.shape) for column in zip(*parts, strict=True))
        return kl, jsd

    def best(self, lambda_: float) -> Fit:
        """Return the member that minimises KL + lambda JSD; ``math.inf`` is the JSD alone.

        A coarse grid of means and log scales, then ever finer grids around its best node, until
        they move by less than 1e-5.

        Args:
            lambda_: weight of the JSD, 0 and ``math.inf`` included.

        Raises:
            ValueError: if ``lambda_`` is negative or not a number.
        """
        lambda_ = as_weight(lambda_, "lambda_")
        centre, half = self._first(lambda_)
        while half.max() > 1e-5:
            tried = centre + half * _square(FINE)
            values = self._divergences(tried)
            centre = tried[objective(*values, lambda_).argmin()]
            half = half / 2.5  # two nodes away: valleys are narrow and oblique
        kl, jsd = (float(value) for value in self._divergences(centre[None]))
        names = {0.0: "KL", math.inf: "JSD"}
        name = names.get(lambda_, f"KL + {lambda_:g} JSD")
        return Fit(name, float(centre[0]), float(centre[1].exp()), kl, jsd)

    def _first(self, lambda_: float) -> tuple[Tensor, Tensor]:
        """Return the best node of the coarse grid, and the distance to its neighbours."""
        tried, half, values = self._coarse
        return tried[objective(*values, lambda_).argmin()], 2 * half / (COARSE - 1)

    @cached_property
    def _coarse(self) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        low, high = torch.tensor(self._box, dtype=torch.float64).T
        half = (high - low) / 2 + 1e-3
        tried = (low + high) / 2 + half * _square(COARSE)
        return tried, half, self.divergences(tried[:, 0], tried[:, 1])

    def _divergences(self, tried: Tensor) -> tuple[Tensor, Tensor]:
        """Return KL and JSD at each (mean, log scale): (m, 2) -> (m,) and (m,)."""
        log_p, log_q = self.log_data, self._log_models(tried)  # (n,), (m, n)
        middle = torch.logaddexp(log_p, log_q) - math.log(2)
        halves = self._kl(log_p, middle) + self._kl(log_q, middle)
        return self._kl(log_p, log_q), halves / 2

    def _kl(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return expectation((log_p + self._grid.log_weights).exp(), log_p - log_q, -1)

    def _log_models(self, tried: Tensor) -> Tensor:
        return log_normal(self.x[:, None], tried[:, None, :1], tried[:, None, 1:])


@lru_cache(maxsize=1)
def lopsided_mixture() -> MisspecifiedGaussian:
    """Return the data 0.85 N(-2, 0.6^2) + 0.15 N(2, 0.6^2), on which lambda moves the best fit.

    With peaks of more equal weight the best fit stays at the one for the KL until lambda is in the
    hundreds, and then jumps.

    Example:
        >>> world = lopsided_mixture()
        >>> world.best(0.0).mean > world.best(10.0).mean > world.best(100.0).mean
        True
    """
    return MisspecifiedGaussian(((-2.0, 0.6), (2.0, 0.6)), (0.85, 0.15))


def objective(kl: Tensor, jsd: Tensor, lambda_: float) -> Tensor:
    """Return KL + lambda JSD, or the JSD alone for an infinite lambda."""
    return jsd if math.isinf(lambda_) else kl + lambda_ * jsd


def _square(points: int) -> Tensor:
    """Return the nodes of the square [-1, 1]^2: (points^2, 2)."""
    along = torch.linspace(-1, 1, points, dtype=torch.float64)
    return torch.cartesian_prod(along, along)
