"""Classes observed for only some examples: int64 labels, with -1 where there is none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_lib.distributions.base import known_true

__all__ = ["UNLABELLED", "check_labels", "one_hot_or_zeros"]

UNLABELLED = -1
"""The label of an example whose class was not observed."""


def one_hot_or_zeros(label: Tensor, like: Tensor, classes: int) -> Tensor:
    """Return one-hot rows, with zeros where there is no label.

    Args:
        label: (batch,) int64 classes, or ``UNLABELLED``.
        like: a tensor of the wanted dtype and device.
        classes: the length of a row.

    Returns:
        (batch, classes) zeros and ones.

    Example:
        >>> one_hot_or_zeros(torch.tensor([1, UNLABELLED]), torch.zeros(1), 3)
        tensor([[0., 1., 0.],
                [0., 0., 0.]])
    """
    return (label[:, None] == torch.arange(classes, device=like.device)).to(like)


def check_labels(label: Any, batch: int, classes: int) -> None:
    """Raise unless ``label`` is one class, or ``UNLABELLED``, for each of ``batch`` examples.

    Raises:
        TypeError: if it is not a tensor of torch.int64.
        ValueError: if its shape is not (batch,), or an entry is neither a class nor -1.
    """
    if not isinstance(label, Tensor) or label.dtype != torch.int64:
        kind = label.dtype if isinstance(label, Tensor) else type(label).__name__
        raise TypeError(f"label: expected a tensor of torch.int64, got {kind}")
    if label.shape != (batch,):
        raise ValueError(f"label: expected shape ({batch},), got {tuple(label.shape)}")
    if known_true(((label < UNLABELLED) | (label >= classes)).any()):
        raise ValueError(
            f"label: expected classes 0 to {classes - 1}, or {UNLABELLED} where there is none,"
            f" got {label.min()} to {label.max()}"
        )
