"""The trapezoid rule in a box of one or two dimensions.

For a smooth integrand that has decayed at the border its error falls faster than any power of the
step; for a Gaussian of width s it is 2 exp(-2 pi^2 s^2 / step^2), that is 5e-9 already at a step
of s (Trefethen, Weideman 2014, SIAM Review 56(3)). Two checks guard it: the mass near the border,
and how much the slope of the log-density changes from node to node. Where one of them fails,
``Grid.next_to`` moves the nodes to where the mass is. A decoder with kinks, such as one of ReLUs,
breaks the smoothness: its error falls as step^2 only; refine the grid to see it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.arguments import as_count
from course_lib.exact.arrays import as_float64, check_shape, expectation

__all__ = ["BORDER_TOLERANCE", "COARSENESS_TOLERANCE", "Grid"]

BORDER_TOLERANCE = 1e-6
"""The largest share of the mass that may lie in the outermost fortieth of the box on any side."""

COARSENESS_TOLERANCE = 1.3
"""The largest (step / width)^2, for a Gaussian an error of 5e-7; see ``Grid.coarseness``."""

EMPTY = 1e-12
"""A node with less than this share of the mass may be left out of a smaller box."""

MOST_NODES = 2**22
"""A grid that refines itself stops here."""


class Grid:
    """Evenly spaced nodes in a box and the logarithms of their trapezoid weights.

    Args:
        low: lower end, one number or one for each dimension.
        high: upper end, likewise.
        points: nodes along each dimension, at least 5.
        dim: 1 or 2.

    Attributes:
        low: (dim,) lower ends.
        high: (dim,) upper ends.
        nodes: (points ** dim, dim), the last dimension running fastest.
        log_weights: (points ** dim,).

    Raises:
        ValueError: if the box is empty, or ``points`` or ``dim`` is out of range.

    Example:
        >>> grid = Grid(-8.0, 8.0, 65, dim=1)
        >>> log_normal = torch.distributions.Normal(0.0, 1.0).log_prob(grid.nodes[:, 0])
        >>> bool(grid.log_integral(log_normal).abs() < 1e-10)
        True
    """

    def __init__(
        self,
        low: float | Sequence[float] | Tensor,
        high: float | Sequence[float] | Tensor,
        points: int,
        dim: int = 1,
    ) -> None:
        if dim not in (1, 2) or isinstance(dim, bool):
            raise ValueError(f"dim: expected 1 or 2, got {dim!r}")
        self.points, self.dim = as_count(points, "points", least=5), dim
        self.low, self.high = _ends(low, dim, "low"), _ends(high, dim, "high")
        ends = zip(self.low.tolist(), self.high.tolist(), strict=True)
        axes = [torch.linspace(a, b, points, dtype=torch.float64) for a, b in ends]
        steps = torch.stack([axis[1] - axis[0] for axis in axes])
        if not (steps > 0).all():
            raise ValueError(f"high: expected more than low = {low!r}, got {high!r}")
        self.nodes = torch.cartesian_prod(*axes).reshape(-1, dim)
        along = torch.ones(points, dtype=torch.float64)
        along[[0, -1]] = 0.5
        self.log_weights = self._product(along).log() + steps.log().sum()
        place = torch.arange(points)
        band = max(1, points // 40)
        inside = (place >= band) & (place < points - band)
        self._border = ~self._product(inside.double()).bool()

    def log_integral(self, log_values: Tensor) -> Tensor:
        """Return the logarithm of the integral of exp(log_values), unchecked: (..., n) -> (...)."""
        return (log_values + self.log_weights).logsumexp(-1)

    def border_share(self, log_values: Tensor) -> Tensor:
        """Return the share of the integral near the border of the box: (..., n) -> (...)."""
        return self._shares(log_values)[..., self._border].sum(-1)

    def coarseness(self, log_values: Tensor) -> Tensor:
        """Return the second difference of log_values, the largest of the dimensions.

        It is a root mean square under exp(log_values), so that even a narrow peak of little mass
        is felt. For a Gaussian of width s it is (step / s)^2 wherever its mean lies between the
        nodes.

        Args:
            log_values: (..., n) the logarithm of an integrand at the nodes.

        Returns:
            (...) a pure number.
        """
        axes, lattice = tuple(range(-self.dim, 0)), (-1, *(self.points,) * self.dim)
        shares = self._shares(log_values).reshape(lattice)
        values = log_values.detach().reshape(lattice)
        bends = []
        for axis in axes:
            # the outermost nodes lack a neighbour; where the box is large enough they hold no mass
            left, here, right = (values.narrow(axis, i, self.points - 2) for i in range(3))
            weight = shares.narrow(axis, 1, self.points - 2)
            bends.append(expectation(weight, (left - 2 * here + right).square(), axes).sqrt())
        return torch.stack(bends).amax(0).reshape(log_values.shape[:-1])

    def fits(self, log_values: Tensor) -> Tensor:
        """Return whether exp(log_values) passes both checks of ``check_fit``: (..., n) -> (...)."""
        inside = self.border_share(log_values) <= BORDER_TOLERANCE
        return inside & (self.coarseness(log_values) <= COARSENESS_TOLERANCE)

    def next_to(self, log_values: Tensor) -> Grid | None:
        """Return a grid that suits one integrand better than this one, or None at the limit.

        A box that cuts off mass becomes twice as wide. Otherwise it shrinks to the nodes that hold
        the mass; where that would not help, as with two narrow peaks far apart, the nodes are
        doubled instead.

        Args:
            log_values: (n,) the logarithm of the integrand at the nodes.

        Example:
            >>> grid = Grid(-8.0, 8.0, 17)
            >>> narrow = torch.distributions.Normal(3.0, 0.1).log_prob(grid.nodes[:, 0])
            >>> closer = grid.next_to(narrow)
            >>> closer.low.item(), closer.high.item()
            (1.0, 5.0)
        """
        width, step = self.high - self.low, (self.high - self.low) / (self.points - 1)
        if self.border_share(log_values) > BORDER_TOLERANCE:
            return Grid(self.low - width / 2, self.high + width / 2, self.points, self.dim)
        held = self.nodes[self._shares(log_values) > EMPTY]
        low = (held.amin(0) - 2 * step).maximum(self.low)
        high = (held.amax(0) + 2 * step).minimum(self.high)
        if ((high - low) < 0.7 * width).any():
            return Grid(low, high, self.points, self.dim)
        points = 2 * self.points - 1
        return Grid(low, high, points, self.dim) if points**self.dim <= MOST_NODES else None

    def check_fit(self, log_values: Tensor, name: str) -> None:
        """Raise if exp(log_values) does not fit in the box or falls between the nodes.

        Args:
            log_values: (..., n) the logarithm of an integrand at the nodes.
            name: what is integrated, used in the error.

        Raises:
            ValueError: naming the limit that was passed and what to do.
        """
        border = self.border_share(log_values).max()
        if border > BORDER_TOLERANCE:
            raise ValueError(
                f"grid: too small, {border:.1e} of {name} lies at its border, expected at most"
                f" {BORDER_TOLERANCE:.0e}; widen low and high"
            )
        coarseness = self.coarseness(log_values).max()
        if coarseness > COARSENESS_TOLERANCE:
            finer = (coarseness / COARSENESS_TOLERANCE).sqrt()
            raise ValueError(
                f"grid: too coarse for {name}, (step / width)^2 is {coarseness:.3g}, expected at"
                f" most {COARSENESS_TOLERANCE}; use {finer:.2g} times as many points"
            )

    def _shares(self, log_values: Tensor) -> Tensor:
        return (log_values.detach() + self.log_weights).softmax(-1)

    def _product(self, along: Tensor) -> Tensor:
        """Return the product of a vector over the dimensions, flattened as the nodes are."""
        return along if self.dim == 1 else torch.outer(along, along).flatten()


def _ends(end: float | Sequence[float] | Tensor, dim: int, name: str) -> Tensor:
    ends = as_float64(end, name)
    ends = check_shape(ends.repeat(dim) if ends.dim() == 0 else ends, (dim,), name)
    if not torch.isfinite(ends).all():
        raise ValueError(f"{name}: expected finite numbers, got {end!r}")
    return ends
