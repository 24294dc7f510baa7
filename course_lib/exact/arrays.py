"""Convert plain inputs to float64 tensors, or raise an error that names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["as_float64", "check_shape", "expectation"]


def as_float64(value: Any, name: str) -> Tensor:
    """Return ``value`` as a float64 tensor; gradients flow through the conversion.

    Args:
        value: a tensor, array, number or nested list of real numbers.
        name: the argument's name, used in the error.

    Raises:
        TypeError: if ``value`` is not made of real numbers.
        ValueError: if it is empty or holds a NaN.
    """
    try:
        if isinstance(value, Tensor) and value.is_complex():
            raise TypeError
        # directly to float64: a list would otherwise pass through float32 and lose half its digits
        tensor = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name}: expected real numbers, got {type(value).__name__}") from None
    if tensor.numel() == 0:
        raise ValueError(f"{name}: expected at least one number, got shape {tuple(tensor.shape)}")
    if torch.isnan(tensor).any():
        raise ValueError(f"{name}: expected numbers, got NaN")
    return tensor


def check_shape(value: Tensor, shape: Sequence[int | str], name: str) -> Tensor:
    """Return ``value`` if it has this shape; a word in ``shape`` stands for any length.

    Args:
        value: the tensor.
        shape: wanted lengths, e.g. ``("batch", 3)``.
        name: the argument's name, used in the error.

    Raises:
        ValueError: if the shape is another.
    """
    same = value.dim() == len(shape) and all(
        isinstance(want, str) or want == got for want, got in zip(shape, value.shape, strict=True)
    )
    if not same:
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name}: expected shape ({wanted}), got {tuple(value.shape)}")
    return value


def expectation(weight: Tensor, value: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Return the sum of weight * value in which weight zero silences even an infinite value.

    Args:
        weight: non-negative weights.
        value: values, broadcast against the weights.
        dim: summed over; all dimensions if None.
    """
    silent = weight == 0
    product = torch.where(silent, 0.0, weight * torch.where(silent, 0.0, value))
    return product.sum() if dim is None else product.sum(dim)
