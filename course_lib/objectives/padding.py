"""Sequences of different lengths in one batch: reading them, and sums that ignore padding."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.distributions import DiagonalGaussian

__all__ = ["Batch", "read_sequences", "stack_over_time", "sum_over_time", "valid_steps"]

Batch = Tensor | tuple[Tensor, Tensor] | dict[str, Tensor]


def read_sequences(batch: Batch) -> tuple[Tensor, ...]:
    """Return a batch of sequences as ``(x, length)``, whichever form it has.

    Args:
        batch: x alone, (batch, time, dim), every step of it valid; or ``(x, length)``; or
            ``{"x": x, "length": length}`` with ``length`` (batch,) whole numbers in 1..time.

    Returns:
        x, (batch, longest, dim), cut after the longest sequence, and the lengths, (batch,).

    Raises:
        TypeError: if the batch has another form, or ``length`` is not a tensor of integers.
        ValueError: if x is not (batch, time, dim) or empty, or a length is out of range.

    Example:
        >>> x, length = read_sequences((torch.zeros(2, 5, 3), torch.tensor([4, 1])))
        >>> x.shape, length
        (torch.Size([2, 4, 3]), tensor([4, 1]))
    """
    x, length = _parts(batch)
    if x.dim() != 3 or 0 in x.shape:
        raise ValueError(f"x: expected shape (batch, time, dim), none zero, got {tuple(x.shape)}")
    if length is None:
        return x, torch.full((len(x),), x.shape[1], device=x.device)
    if not isinstance(length, Tensor) or length.is_floating_point() or length.dtype == torch.bool:
        kind = length.dtype if isinstance(length, Tensor) else type(length).__name__
        raise TypeError(f"length: expected a tensor of integers, got {kind}")
    if length.shape != x.shape[:1]:
        raise ValueError(f"length: expected shape ({len(x)},), got {tuple(length.shape)}")
    low, high = length.min().item(), length.max().item()
    if low < 1 or high > x.shape[1]:
        raise ValueError(f"length: expected values in 1..{x.shape[1]}, got {low}..{high}")
    return x[:, :high], length


def _parts(batch: Batch) -> tuple:
    if isinstance(batch, dict) and set(batch) == {"x", "length"}:
        batch = batch["x"], batch["length"]
    x, length = batch if isinstance(batch, tuple) and len(batch) == 2 else (batch, None)
    if not isinstance(x, Tensor):
        raise TypeError(
            'x: expected a tensor, a pair (x, length), or a dict of "x" and "length",'
            f" got {type(x).__name__}"
        )
    return x, length


def valid_steps(length: Tensor, steps: int) -> Tensor:
    """Return which steps are part of their sequence: (time, batch) of True and False.

    Args:
        length: (batch,) lengths.
        steps: time, the length with padding.

    Example:
        >>> valid_steps(torch.tensor([3, 1]), 3).int().T
        tensor([[1, 1, 1],
                [1, 0, 0]], dtype=torch.int32)
    """
    return torch.arange(steps, device=length.device)[:, None] < length


def sum_over_time(terms: Tensor, valid: Tensor) -> Tensor:
    """Return the sum over the valid steps; padding contributes exactly zero, whatever it holds.

    Args:
        terms: (time, ..., batch) one number per step.
        valid: (time, batch) as from ``valid_steps``.

    Returns:
        (..., batch) sums.
    """
    middle = [1] * (terms.dim() - 2)
    return terms.where(valid.view(len(valid), *middle, -1), 0.0).sum(0)


def stack_over_time(steps: list[DiagonalGaussian]) -> DiagonalGaussian:
    """Return one Gaussian with batch shape (time, *batch), from one Gaussian per step.

    Raises:
        TypeError: if one of them is not a ``DiagonalGaussian``.
    """
    for step in steps:
        if not isinstance(step, DiagonalGaussian):
            raise TypeError(f"inference: expected a DiagonalGaussian, got {type(step).__name__}")
    mu, log_scale = (torch.stack([getattr(q, part) for q in steps]) for part in ("mu", "log_scale"))
    return DiagonalGaussian(mu, log_scale)
