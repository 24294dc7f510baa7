"""The rules about arguments, each written once: counts, shapes, weights and floating-point data."""

from __future__ import annotations

import math
from typing import Any

from torch import Size, Tensor

__all__ = ["as_count", "as_floats", "as_shape", "as_weight"]


def as_count(number: int, name: str, least: int = 1) -> int:
    """Return ``number`` if it is an integer of at least ``least``.

    Args:
        number: how many there are of something.
        name: the argument's name, used in the error.
        least: the smallest number allowed.

    Raises:
        ValueError: if it is anything else, True and 2.0 included.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        wanted = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{name}: expected {wanted}, got {number!r}")
    return number


def as_shape(shape: int | tuple[int, ...], name: str) -> Size:
    """Return ``shape`` as a ``torch.Size``, so that ``8`` and ``(8,)`` mean the same.

    Args:
        shape: an event shape: a positive integer or a tuple of positive integers.
        name: the argument's name, used in the error.

    Returns:
        The shape as ``torch.Size``.

    Raises:
        ValueError: if the shape is empty or has an entry that is not a positive integer.
    """
    sizes = tuple(shape) if isinstance(shape, tuple | list | Size) else (shape,)
    if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(
            f"{name}: expected a positive integer or a tuple of positive integers, got {shape!r}"
        )
    return Size(sizes)


def as_weight(weight: float, name: str, *, finite: bool = False) -> float:
    """Return ``weight`` if it is a number of zero or more.

    Args:
        weight: how much a term of an objective counts.
        name: the argument's name, used in the error.
        finite: whether infinity, "this term alone", is refused as well.

    Raises:
        ValueError: if it is negative, NaN, no number, or infinite where it may not be.
    """
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not is_number or not weight >= 0 or (finite and math.isinf(weight)):
        wanted = "a finite number >= 0" if finite else "a number >= 0 (math.inf included)"
        raise ValueError(f"{name}: expected {wanted}, got {weight!r}")
    return float(weight)


def as_floats(value: Any, name: str, like: Tensor | None = None) -> Tensor:
    """Return ``value`` if it is a floating-point tensor.

    Args:
        value: an argument.
        name: the argument's name, used in the error.
        like: a parameter that meets ``value``; None where precision does not matter.

    Raises:
        TypeError: if it is anything else, or of another precision than ``like``.
    """
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = f"a tensor of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name}: expected a floating-point tensor, got {kind}")
    if like is not None and like.dtype != value.dtype:
        raise TypeError(f"{name}: expected {like.dtype} as the parameters have, got {value.dtype}")
    return value
