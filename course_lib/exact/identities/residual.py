"""What an identity returns: its two sides, how far apart they are, and how far they may be."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CLOSED_FORM", "GRID", "Residual", "between"]

CLOSED_FORM = 1e-10
"""The tolerance where sums are finite or integrals closed: float64 rounding, in nats."""

GRID = 1e-6
"""The tolerance where an integral is a sum over a grid."""


@dataclass(frozen=True)
class Residual:
    """One identity, executed.

    Args:
        name: the identity as the lecture writes it.
        left: the left side; the mean where there are several examples. Of a chain of
            inequalities it is the first member.
        right: the right side, likewise; of a chain the last member.
        residual: the largest absolute difference over all examples, or the largest violation of
            an inequality.
        tolerance: how large it may be.

    Example:
        >>> print(Residual("1 + 1 = 2", 2.0, 2.0, 0.0, 1e-10))
        1 + 1 = 2
          left 2.0000000  right 2.0000000  residual 0.0e+00  (tolerance 1e-10)
    """

    name: str
    left: float
    right: float
    residual: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the residual is within the tolerance; a NaN never is."""
        return self.residual <= self.tolerance

    def __str__(self) -> str:
        verdict = "" if self.holds else "  DOES NOT HOLD"
        # two lines, so that neither is broken on a page of ordinary width
        return (
            f"{self.name}\n  left {self.left:.7f}  right {self.right:.7f}"
            f"  residual {self.residual:.1e}  (tolerance {self.tolerance:.0e}){verdict}"
        )


def between(name: str, left: Tensor, right: Tensor | float, tolerance: float) -> Residual:
    """Return the residual of ``left = right``; two equal infinities do not differ.

    Args:
        name: the identity as the lecture writes it.
        left: one side, of any shape.
        right: the other side, broadcast against the left.
        tolerance: how large the largest difference may be.
    """
    right = torch.as_tensor(right, dtype=torch.float64)
    left, right = torch.broadcast_tensors(left.detach(), right.detach())
    difference = torch.where(left == right, 0.0, (left - right).abs())
    # amax of a batch with a NaN is NaN, so that a NaN cannot hide behind the other examples
    return Residual(
        name, float(left.mean()), float(right.mean()), float(difference.max()), tolerance
    )
