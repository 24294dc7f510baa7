"""The trapezoid rule in a box of one or two dimensions.

For a smooth integrand that has decayed at the border its error falls faster than any power of the
step; for a Gaussian of width s it is 2 exp(-2 pi^2 s^2 / step^2), that is 5e-9 already at a step
of s (Trefethen, Weideman 2014, SIAM Review 56(3)). Two checks guard it: the mass near the border,
and the mass that alternates from node to node.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_count, check_shape

__all__ = ["BORDER_TOLERANCE", "RIPPLE_TOLERANCE", "Grid"]

BORDER_TOLERANCE = 1e-6
"""The largest share of the mass that may lie in the outermost fortieth of the box on any side."""

RIPPLE_TOLERANCE = 0.3
"""The largest share of the mass that may alternate from node to node.

For a Gaussian the share r means an error of r^4 / 8 in the integral: 0.3 is 1e-3, 0.05 is 8e-7.
"""


class Grid:
    """Evenly spaced nodes in a box and the logarithms of their trapezoid weights.

    Args:
        low: lower end, one number or one for each dimension.
        high: upper end, likewise.
        points: nodes along each dimension, at least 5.
        dim: 1 or 2.

    Attributes:
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
        low: float | Sequence[float],
        high: float | Sequence[float],
        points: int,
        dim: int = 1,
    ) -> None:
        if dim not in (1, 2) or isinstance(dim, bool):
            raise ValueError(f"dim: expected 1 or 2, got {dim!r}")
        self.points, self.dim = check_count(points, "points", least=5), dim
        ends = zip(_ends(low, dim, "low"), _ends(high, dim, "high"), strict=True)
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

    def ripple_share(self, log_values: Tensor) -> Tensor:
        """Return the share that alternates between neighbours, the largest of the dimensions."""
        shares = self._shares(log_values)
        sign = 1.0 - 2.0 * (torch.arange(self.points) % 2)
        one = torch.ones_like(sign)
        signs = [sign] if self.dim == 1 else [torch.outer(sign, one), torch.outer(one, sign)]
        return torch.stack([(shares * s.flatten()).sum(-1).abs() for s in signs]).amax(0)

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
        ripple = self.ripple_share(log_values).max()
        if ripple > RIPPLE_TOLERANCE:
            raise ValueError(
                f"grid: too coarse for {name}, neighbouring nodes differ by {ripple:.2f} of the"
                f" mass, expected at most {RIPPLE_TOLERANCE}; use more than {self.points} points"
            )

    def _shares(self, log_values: Tensor) -> Tensor:
        return (log_values.detach() + self.log_weights).softmax(-1)

    def _product(self, along: Tensor) -> Tensor:
        """Return the product of a vector over the dimensions, flattened as the nodes are."""
        return along if self.dim == 1 else torch.outer(along, along).flatten()


def _ends(end: float | Sequence[float], dim: int, name: str) -> list[float]:
    ends = as_float64(end, name)
    ends = check_shape(ends.expand(dim) if ends.dim() == 0 else ends, (dim,), name)
    if not torch.isfinite(ends).all():
        raise ValueError(f"{name}: expected finite numbers, got {end!r}")
    return ends.tolist()
