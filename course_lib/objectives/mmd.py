"""The maximum mean discrepancy: a kernel compares two samples, without a critic (slide 17)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["KERNELS", "median_width", "mmd2"]

KERNELS = {
    "inverse_multiquadric": lambda ratio: 1 / (1 + ratio),
    "gaussian": lambda ratio: (-ratio / 2).exp(),
}
"""Kernels as functions of (distance / width)^2; both are one at zero and fall to zero."""
EXACT = "donot_use_mm_for_euclid_dist"
"""How torch computes distances from differences; the expanded square would lose digits."""


def mmd2(
    x: Tensor, y: Tensor, kernel: str = "inverse_multiquadric", width: float | None = None
) -> Tensor:
    r"""Return an unbiased estimate of the squared maximum mean discrepancy of two distributions.

    .. math:: \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j}
              k(y_i, y_j) - \frac{2}{nm} \sum_{i,j} k(x_i, y_j)

    No point is compared with itself, so the expectation is zero if the two agree, and an estimate
    may be negative. The kernel is :math:`1 / (1 + |a - b|^2 / w^2)` or
    :math:`\exp(-|a - b|^2 / 2 w^2)`. A width far from the typical distance sees nothing, and that
    distance grows with the dimension: by default :math:`w^2 = 2d`, the mean squared distance of
    two draws of N(0, I). On few points a small value is weak evidence.

    Args:
        x: (n, *event) draws of the one, n at least 2.
        y: (m, *event) draws of the other, m at least 2.
        kernel: ``"inverse_multiquadric"`` (heavy tails, sees outliers) or ``"gaussian"``.
        width: w, in units of the event; ``median_width(x, y)`` for events of unknown scale.

    Returns:
        () the estimate, without a unit, differentiable in both samples.

    Raises:
        ValueError: if a side has fewer than two points, the events differ in shape, the kernel is
            unknown or the width is not positive.

    Example:
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> far = mmd2(x, x + 1e6)  # all that is left is the likeness within each sample
        >>> torch.allclose(far, torch.tensor(2 / (1 + 1 / 2)))
        True

    Paper: Gretton, Borgwardt, Rasch, Schoelkopf, Smola (2012), A kernel two-sample test, JMLR 13.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel: expected one of {', '.join(KERNELS)}, got {kernel!r}")
    x, y = _as_points(x, y)
    width = math.sqrt(2 * x.shape[1]) if width is None else width
    if not 0 < width < math.inf:
        raise ValueError(f"width: expected a positive number, got {width!r}")

    def mean_kernel(distances: Tensor) -> Tensor:
        return KERNELS[kernel]((distances / width).square()).mean()

    across = mean_kernel(torch.cdist(x, y, compute_mode=EXACT))
    return mean_kernel(torch.pdist(x)) + mean_kernel(torch.pdist(y)) - 2 * across


def median_width(x: Tensor, y: Tensor) -> float:
    """Return the median distance between two different points of the two samples taken together.

    Args:
        x: (n, *event) draws of the one, n at least 2.
        y: (m, *event) draws of the other, m at least 2.

    Raises:
        ValueError: if a side has fewer than two points or the events differ in shape.

    Example:
        >>> median_width(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [4.0]]))
        2.0
    """
    both = torch.cat(_as_points(x, y)).detach()
    return torch.pdist(both).median().item()


def _as_points(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    for name, sample in (("x", x), ("y", y)):
        if sample.dim() < 2 or len(sample) < 2:
            raise ValueError(
                f"{name}: expected (n, *event) with at least two points, got {tuple(sample.shape)}"
            )
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"y: expected events of the shape {tuple(x.shape[1:])}, got {tuple(y.shape[1:])}"
        )
    return x.flatten(1), y.flatten(1)
