"""Sequences of different lengths as one padded tensor with their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import as_count

__all__ = ["SequenceSplits", "crop", "pad"]


@dataclass(frozen=True, eq=False)
class SequenceSplits:
    """One data set of sequences in its three parts, each ``{"x": ..., "length": ...}``.

    ``x`` is (n, time, dim) with zeros after the end of a sequence, ``length`` (n,) int64.

    Attributes:
        train: for fitting.
        validation: for choosing settings and when to stop.
        test: for the reported numbers, used once.
    """

    train: dict[str, Tensor]
    validation: dict[str, Tensor]
    test: dict[str, Tensor]


def pad(sequences: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return sequences as one batch, with the shorter ones padded with zeros.

    Args:
        sequences: tensors (time, dim) of at least one step each.

    Returns:
        ``{"x": (n, longest, dim), "length": (n,)}``.

    Raises:
        ValueError: if there is no sequence, one is empty, or they differ in dim.

    Example:
        >>> pad([torch.ones(3, 2), torch.ones(1, 2)])["x"].sum((1, 2))
        tensor([6., 2.])
    """
    shapes = [tuple(sequence.shape) for sequence in sequences]
    if not shapes or any(len(s) != 2 or 0 in s or s[1] != shapes[0][1] for s in shapes):
        raise ValueError(
            f"sequences: expected shapes (time, dim) with one dim, none empty, got {shapes[:9]}"
        )
    return {
        "x": torch.nn.utils.rnn.pad_sequence(list(sequences), batch_first=True),
        "length": torch.tensor([steps for steps, _ in shapes]),
    }


def crop(sequences: dict[str, Tensor], steps: int) -> dict[str, Tensor]:
    """Return every sequence cut into pieces of nearly equal length, at most ``steps`` each.

    The cost of a training step then depends on ``steps``, not on the longest sequence.

    Args:
        sequences: as from ``pad``.
        steps: the longest piece, a positive integer.

    Raises:
        ValueError: if ``steps`` is not a positive integer.

    Example:
        >>> crop(pad([torch.ones(7, 2), torch.ones(2, 2)]), 3)["length"]
        tensor([3, 2, 2, 2])
    """
    as_count(steps, "steps")
    pieces: list[Tensor] = []
    for x, length in zip(sequences["x"], sequences["length"].tolist(), strict=True):
        pieces += x[:length].tensor_split(-(-length // steps))
    return pad(pieces)
