"""Probability tables, and the numbers that compare two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from course_lib.exact.arrays import as_float64, check_shape, expectation

__all__ = [
    "SUM_TOLERANCE",
    "conditional_kl",
    "distribution",
    "entropy",
    "jsd",
    "kl",
    "pair",
    "random",
]

SUM_TOLERANCE = 1e-6
"""How far the sum of a table may be from one, so that float32 tables pass; it is then made one."""

_DIRECTIONS = {None: None, "z": 0, "x": 1}


def distribution(table: Any, name: str, normalise: str | None = None) -> Tensor:
    """Return a table as float64 probabilities, or say what is wrong with it.

    Args:
        table: an array of any shape; (n_z, n_x) if ``normalise`` is given.
        name: the argument's name, used in the error.
        normalise: what sums to one: the whole table (None), each column ("z", as in q(z|x)), or
            each row ("x", as in p(x|z)).

    Raises:
        ValueError: if an entry is negative or NaN, or a sum differs from one.

    Example:
        >>> distribution([0.25, 0.75], "p").sum().item()
        1.0
    """
    table = as_float64(table, name)
    if (table < 0).any():
        raise ValueError(f"{name}: expected probabilities, got {table.min():.3g}")
    if normalise is not None:
        check_shape(table, ("n_z", "n_x"), name)
    total = _total(table, normalise)
    worst = total.flatten()[(total - 1).abs().argmax()]
    if not (worst - 1).abs() <= SUM_TOLERANCE:
        what = {None: "the sum", "z": "each column's sum", "x": "each row's sum"}[normalise]
        raise ValueError(f"{name}: expected {what} to be 1, got {worst:.7g}")
    return table / total


def pair(p: Any, q: Any, names: tuple[str, str] = ("p", "q")) -> tuple[Tensor, Tensor]:
    """Return two tables as float64 probabilities of one shape.

    Raises:
        ValueError: if one is not a probability table, or the shapes differ.
    """
    p, q = distribution(p, names[0]), distribution(q, names[1])
    return p, check_shape(q, tuple(p.shape), names[1])


def random(shape: int | Sequence[int], seed: int, normalise: str | None = None) -> Tensor:
    """Return a random table without zeros, uniform among all tables of its kind.

    Args:
        shape: the table's shape, e.g. 6 or (3, 4).
        seed: of the draw.
        normalise: what sums to one, as for ``distribution``.

    Example:
        >>> random((3, 4), seed=0, normalise="z").sum(0).allclose(torch.ones(4).double())
        True
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    uniform = torch.rand(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)
    table = -torch.log1p(-uniform) + 1e-12
    return table / _total(table, normalise)


def entropy(p: Any) -> Tensor:
    """Return H(p) = -sum p log p over the whole table: ()."""
    p = distribution(p, "p")
    return expectation(p, -p.log())


def kl(p: Any, q: Any) -> Tensor:
    """Return KL(p, q) = sum p log(p / q) over the whole table, infinite where q lacks mass: ().

    Args:
        p: where the expectation is taken.
        q: (same shape) the other distribution.

    Example:
        >>> kl([0.5, 0.5], [1.0, 0.0]).item(), kl([1.0, 0.0], [0.5, 0.5]).item()
        (inf, 0.6931471805599453)
    """
    p, q = pair(p, q)
    return expectation(p, p.log() - q.log())


def conditional_kl(q_z_given_x: Any, p_z_given_x: Any) -> Tensor:
    """Return KL(q(z|x), p(z|x)) for each x: two (n_z, n_x) tables -> (n_x,).

    For KL(q(x|z), p(x|z)) give the transposed tables.
    """
    q = distribution(q_z_given_x, "q_z_given_x", "z")
    p = distribution(p_z_given_x, "p_z_given_x", "z")
    check_shape(p, tuple(q.shape), "p_z_given_x")
    return expectation(q, q.log() - p.log(), 0)


def jsd(p: Any, q: Any) -> Tensor:
    """Return the Jensen-Shannon divergence, between 0 and log 2: () (slides 10 and 11)."""
    p, q = pair(p, q)
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def _total(table: Tensor, normalise: str | None) -> Tensor:
    if normalise not in _DIRECTIONS:
        raise ValueError(f"normalise: expected None, 'z' or 'x', got {normalise!r}")
    direction = _DIRECTIONS[normalise]
    return table.sum() if direction is None else table.sum(direction, keepdim=True)
