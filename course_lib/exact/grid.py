"""Latents of one or two dimensions, integrated on a grid, for any prior and any likelihood.

The rule and the two checks that guard it are those of ``course_lib.exact.quadrature``. For
log p(x) the grid refines itself where a posterior does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, expectation
from course_lib.exact.quadrature import Grid

__all__ = ["MASS_TOLERANCE", "Grid", "GridWorld"]

MASS_TOLERANCE = 1e-6
"""How far the mass of a q may be from one on the grid."""

ENTRIES_AT_ONCE = 2**22  # numbers of one chunk: 32 MiB in float64

ROUNDS = 12  # grids that are tried for one x before it is refused

LogDensity = Callable[[Tensor], Tensor]
LogLikelihood = Callable[[Tensor, Tensor], Tensor]


class GridWorld:
    r"""p(z) and p(x|z) as callables, with log p(x) and p(z|x) by quadrature (slide 6).

    .. math:: \log p(x) = \log \sum_i w_i\, p(z_i)\, p(x|z_i)

    Args:
        log_prior: (n, dim) float64 nodes -> (n,) log p(z).
        log_likelihood: x, (batch, *event), and nodes, (n, dim) -> (batch, n) log p(x|z). It is
            called with slices of both, so that memory stays small whatever the likelihood.
        grid: the nodes of ``posterior``, ``elbo`` and ``gap``, and those from which ``log_prob``
            starts.

    Example:
        >>> normal = torch.distributions.Normal(0.0, 1.0)
        >>> world = GridWorld(
        ...     lambda z: normal.log_prob(z[:, 0]),
        ...     lambda x, z: normal.log_prob(x - z[:, 0]),
        ...     Grid(-9.0, 9.0, 181),
        ... )
        >>> round(world.log_prob([[0.0]]).exp().item(), 7)  # N(0; 0, 2) = 1 / sqrt(4 pi)
        0.2820948
    """

    def __init__(self, log_prior: LogDensity, log_likelihood: LogLikelihood, grid: Grid) -> None:
        self.grid, self._log_likelihood, self._prior = grid, log_likelihood, log_prior
        self._log_prior = _returned(log_prior(grid.nodes), (len(grid.nodes),), "log_prior")

    def on(self, grid: Grid) -> GridWorld:
        """Return the same world on another grid."""
        return GridWorld(self._prior, self._log_likelihood, grid)

    def log_joint(self, x: Any) -> Tensor:
        """Return log p(z) + log p(x|z) at every node: (batch, *event) -> (batch, n)."""
        return torch.cat([self._joint_of(part) for part in self._parts(x)])

    def log_prob(self, x: Any) -> Tensor:
        """Return log p(x) in nats, by quadrature: (batch, *event) -> (batch,).

        An x whose posterior does not fit the grid gets its own grid: closer where the
        posterior is narrow, wider where it lies at the border.

        Raises:
            ValueError: if no grid fits, as for a density with a jump.
        """
        return self._where_it_fits(x, lambda grid, log_joint: grid.log_integral(log_joint))

    def distance_from_gaussian(self, x: Any) -> Tensor:
        """Return KL(p(z|x), N) with N the Gaussian of the same mean and covariance: (batch,) nats.

        N is the Gaussian nearest to the posterior in this direction, and the KL is the entropy of
        N minus the posterior's.

        Raises:
            ValueError: if no grid fits.

        Example:
            >>> normal = torch.distributions.Normal(0.0, 1.0)
            >>> world = GridWorld(
            ...     lambda z: normal.log_prob(z[:, 0]),
            ...     lambda x, z: normal.log_prob(x - z[:, 0]),
            ...     Grid(-9.0, 9.0, 181),
            ... )
            >>> bool(world.distance_from_gaussian([[2.0]]).abs() < 1e-9)
            True
        """
        return self._where_it_fits(x, _distance_from_gaussian)

    def posterior(self, x: Any) -> Tensor:
        """Return log p(z|x), a log-density at every node: (batch, *event) -> (batch, n).

        Raises:
            ValueError: if the grid is too small or too coarse for a posterior.
        """
        log_joint = self.log_joint(x)
        return log_joint - self._evidence(log_joint)[:, None]

    def elbo(self, x: Any, log_q: LogDensity | Tensor) -> Tensor:
        r"""Return the ELBO of q(z|x), by quadrature (slide 6): (batch,) nats.

        .. math:: L(x) = \sum_i w_i\, q(z_i) [\log p(x, z_i) - \log q(z_i)]

        Args:
            x: (batch, *event) observations.
            log_q: a callable from nodes (n, dim) to log q, or the values themselves: (n,) for one
                q, (batch, n) for one q for each x.

        Raises:
            ValueError: if q does not have mass one on the grid.
        """
        log_q = self._log_q(log_q)
        return self._mean_under(log_q, self.log_joint(x) - _finite(log_q))

    def gap(self, x: Any, log_q: LogDensity | Tensor) -> Tensor:
        """Return KL(q(z|x), p(z|x)), by quadrature (slide 6): (batch,) nats.

        Args:
            x: (batch, *event) observations.
            log_q: as for ``elbo``.

        Raises:
            ValueError: if q does not have mass one on the grid, or a posterior does not fit.
        """
        log_q = self._log_q(log_q)
        return self._mean_under(log_q, _finite(log_q) - self.posterior(x))

    def _parts(self, x: Any) -> Sequence[Tensor]:
        x = as_float64(x, "x")
        if x.dim() == 0:
            raise ValueError("x: expected shape (batch, *event), got one number")
        return x.split(max(1, 4 * ENTRIES_AT_ONCE // len(self.grid.nodes)))

    def _joint_of(self, x: Tensor) -> Tensor:
        chunks = self.grid.nodes.split(max(1, ENTRIES_AT_ONCE // x.numel()))
        values = [
            _returned(self._log_likelihood(x, z), (len(x), len(z)), "log_likelihood")
            for z in chunks
        ]
        return torch.cat(values, 1) + self._log_prior

    def _where_it_fits(self, x: Any, value: Callable[[Grid, Tensor], Tensor]) -> Tensor:
        """Return value(grid, log p(x, z) at its nodes), (batch,), each x on a grid that fits it."""
        parts = []
        for part in self._parts(x):
            log_joint = self._joint_of(part)
            self._integral(log_joint)
            found, fits = value(self.grid, log_joint), self.grid.fits(log_joint)
            for i in (~fits).nonzero().flatten().tolist():
                found[i] = value(*self._refined(part[i : i + 1], log_joint[i : i + 1]))
            parts.append(found)
        return torch.cat(parts)

    def _refined(self, x: Tensor, log_joint: Tensor) -> tuple[Grid, Tensor]:
        """Return the first grid that fits one x, and log p(x, z) at its nodes, (1, n)."""
        world = self
        for _ in range(ROUNDS):
            grid = world.grid.next_to(log_joint[0])
            if grid is None:
                break
            world = self.on(grid)
            log_joint = world._joint_of(x)
            if grid.fits(log_joint):
                break
        world.grid.check_fit(log_joint, "p(z|x)")
        return world.grid, log_joint

    def _integral(self, log_joint: Tensor) -> Tensor:
        log_px = self.grid.log_integral(log_joint)
        if torch.isneginf(log_px).any():
            raise ValueError("x: an example has probability zero at every node of the grid")
        return log_px

    def _evidence(self, log_joint: Tensor) -> Tensor:
        log_px = self._integral(log_joint)
        self.grid.check_fit(log_joint, "p(z|x)")
        return log_px

    def _log_q(self, log_q: LogDensity | Tensor) -> Tensor:
        values = log_q(self.grid.nodes) if callable(log_q) else log_q
        values = _no_nan(as_float64(values, "log_q"), "log_q")
        if values.dim() not in (1, 2) or values.shape[-1] != len(self.grid.nodes):
            n = len(self.grid.nodes)
            raise ValueError(f"log_q: expected ({n},) or (batch, {n}), got {tuple(values.shape)}")
        mass = self.grid.log_integral(values).exp()
        worst = mass.flatten()[(mass - 1).abs().argmax()]
        if not (worst - 1).abs() <= MASS_TOLERANCE:
            raise ValueError(
                f"log_q: expected a density of mass 1 on the grid, got {worst:.7f}; it is not"
                " normalised, or the grid is too small or too coarse for it"
            )
        return values

    def _mean_under(self, log_q: Tensor, values: Tensor) -> Tensor:
        weight = (log_q + self.grid.log_weights).exp().expand_as(values)
        return expectation(weight, values, -1)


def _distance_from_gaussian(grid: Grid, log_joint: Tensor) -> Tensor:
    log_p = log_joint - grid.log_integral(log_joint)[:, None]
    weight, nodes = (log_p + grid.log_weights).exp(), grid.nodes
    squares = (nodes[:, :, None] * nodes[:, None, :]).flatten(1)  # (n, dim * dim)
    mean = weight @ nodes
    covariance = (weight @ squares).reshape(-1, grid.dim, grid.dim)
    covariance = covariance - mean[:, :, None] * mean[:, None, :]
    constant = grid.dim * (1 + math.log(2 * math.pi))
    return 0.5 * (covariance.logdet() + constant) + expectation(weight, log_p, -1)


def _returned(value: Any, shape: tuple[int, ...], name: str) -> Tensor:
    """Return what a callable gave, on the grid's device, or raise in the callable's name."""
    if not isinstance(value, Tensor) or value.shape != shape:
        came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name}: expected to get back shape {shape}, got {came}")
    return _no_nan(value.to("cpu", torch.float64), name)


def _no_nan(log_values: Tensor, name: str) -> Tensor:
    if torch.isnan(log_values).any() or torch.isposinf(log_values).any():
        raise ValueError(f"{name}: expected log-densities, got NaN or infinity")
    return log_values


def _finite(log_q: Tensor) -> Tensor:
    """Return log q with 0 where q is zero; the weight there is zero as well."""
    return torch.where(torch.isneginf(log_q), 0.0, log_q)
