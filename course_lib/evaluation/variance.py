"""Analysis of variance: how much of an outcome's variance each of two noise sources explains."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["VarianceShares", "variance_shares"]


class VarianceShares(NamedTuple):
    """Shares of the variance of x = f(rows, columns), which add up to one.

    Attributes:
        rows: what the first source explains on its own.
        columns: what the second source explains on its own.
        both: the interaction: the effect of one source depends on the other.
    """

    rows: float
    columns: float
    both: float


def variance_shares(x: Tensor) -> VarianceShares:
    r"""Return how much of the variance of x each of two independent sources explains.

    For a PixelVAE, x = f(z, u) with z from the prior and u the noise of the pixels (slide 4):

    .. math:: Var(x) = Var_z(E[x|z]) + Var_u(E[x|u]) + \text{what takes both}

    Variances are summed over the entries of x. The estimates are unbiased before they are divided;
    a share that is truly zero may come out slightly negative.

    Args:
        x: (rows, columns, *event) outcomes: entry (i, j) has source i of the first kind and source
            j of the second; at least two of each.

    Raises:
        ValueError: if there are fewer than two rows or columns, or x does not vary at all.

    Example:
        >>> import torch; rows = torch.tensor([0.0, 1.0, 5.0])
        >>> variance_shares(rows[:, None].expand(3, 4))
        VarianceShares(rows=1.0, columns=0.0, both=0.0)

    Paper: Sobol (1993), Sensitivity estimates for nonlinear mathematical models.
    """
    if x.dim() < 2 or min(x.shape[:2]) < 2:
        raise ValueError(
            f"x: expected shape (rows, columns, *event), two rows and columns or more,"
            f" got {tuple(x.shape)}"
        )
    m, n = x.shape[:2]
    centred = x.double().reshape(m, n, -1)
    centred = centred - centred.mean((0, 1))
    row, column = centred.mean(1), centred.mean(0)  # (m, entries), (n, entries)
    rest = centred - row[:, None] - column
    both = rest.square().sum() / ((m - 1) * (n - 1))
    of_rows = row.square().sum() / (m - 1) - both / n
    of_columns = column.square().sum() / (n - 1) - both / m
    total = both + of_rows + of_columns
    if not total > 0:
        raise ValueError("x: expected outcomes that differ, got the same everywhere")
    return VarianceShares(*(float(part / total) for part in (of_rows, of_columns, both)))
