"""Tensors in messages: a few entries, with enough digits to tell two apart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "describe_kind",
    "show_dtype",
    "show_inputs",
    "show_numbers",
    "show_pair",
    "show_shape",
]

SHOWN, COLUMN = 2, 22


def show_pair(got: Tensor, expected: Tensor, tolerance: float) -> tuple[str, str]:
    """Return the ``got`` and ``expected`` lines of a message, from the first wrong entry on.

    Args:
        got: what the answer returned.
        expected: what it should be, of the same shape and dtype.
        tolerance: the absolute and the relative tolerance of the comparison.

    Example:
        >>> for line in show_pair(torch.tensor([-0.5]), torch.tensor([0.5]), 1e-6): print(line)
        [-0.50]               shape (1,)
        [+0.50]               within 1e-06, float32
    """
    wrong = ~torch.isclose(got, expected, rtol=tolerance, atol=tolerance).flatten()
    first = int(wrong.nonzero()[0]) if wrong.any() else 0
    start = max(0, min(first, got.numel() - SHOWN))
    a, b = got.flatten()[start:].tolist(), expected.flatten()[start:].tolist()
    digits = next((d for d in range(2, 9) if _row(a, d) != _row(b, d)), 9)
    place = f", from entry {start}" if start else ""
    return (
        f"{_row(a, digits)} shape {show_shape(got)}{place}",
        f"{_row(b, digits)} within {tolerance:.0e}, {show_dtype(expected)}",
    )


def show_numbers(text: str, got: float, expected: float) -> tuple[str, str]:
    """Return the ``got`` and ``expected`` lines for one number that is not a tensor.

    Args:
        text: a description of the number, with ``{}`` in its place.
        got: the number that came.
        expected: the number it should be.

    Example:
        >>> show_numbers("mass {}", 1.00002, 1.0)
        ('mass +1.00002', 'mass +1.00000')
    """
    digits = next((d for d in range(2, 9) if _number(got, d) != _number(expected, d)), 9)
    return text.format(_number(got, digits)), text.format(_number(expected, digits))


def show_inputs(names: Sequence[str], inputs: Sequence[Tensor]) -> str:
    """Return the shapes of the inputs, and their dtype.

    Example:
        >>> show_inputs(("mu", "log_scale"), (torch.zeros(7, 3), torch.zeros(7, 3)))
        'mu (7, 3), log_scale (7, 3); float32'
    """
    shapes = [f"{name} {show_shape(value)}" for name, value in zip(names, inputs, strict=False)]
    kinds = dict.fromkeys(show_dtype(value) for value in inputs)
    return ", ".join(shapes) + "; " + ", ".join(kinds) if shapes else ""


def _row(values: list[float], digits: int) -> str:
    more = ", ..." if len(values) > SHOWN else ""
    text = ", ".join(_number(value, digits) for value in values[:SHOWN])
    return f"[{text}{more}]".ljust(COLUMN - 1)


def _number(value: float, digits: int) -> str:
    plain = 1e-3 <= abs(value) < 1e5 or value == 0
    return f"{value:+.{digits}f}" if plain else f"{value:+.{digits}e}"


def show_shape(value: Tensor) -> str:
    """Return the shape as Python writes a tuple."""
    return str(tuple(value.shape))


def show_dtype(value: Tensor) -> str:
    """Return the dtype without its module: ``float32``."""
    return str(value.dtype).removeprefix("torch.")


def describe_kind(value: object) -> str:
    """Return a short description of a value: ``None``, ``a float``, ``a tensor of float32``."""
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, Tensor):
        return f"a tensor of {show_dtype(value)}, shape {show_shape(value)}"
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeio" else "a"
    return f"{article} {name}" + (f" of {len(value)}" if isinstance(value, tuple | list) else "")
