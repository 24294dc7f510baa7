"""Bach's chorales as piano rolls: which of 88 keys sound at each step (slide 9).

The standard set of papers ("JSB chorales": 229 / 76 / 77 pieces, one step a quarter note) has no
licence that would let the course include it. Point the environment variable
``COURSE_CHORALES`` (or the argument ``path``) at a copy. Nothing is ever downloaded or made up.

Allan, Williams: Harmonising chorales by probabilistic inference (2005). Boulanger-Lewandowski,
Bengio, Vincent: Modeling temporal dependencies in high-dimensional sequences (2012),
arXiv:1206.6392, whose split this is.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib.data.sequences import SequenceSplits, crop, pad

__all__ = ["KEYS", "LOWEST_NOTE", "crop", "load"]

KEYS, LOWEST_NOTE = 88, 21  # key k is the MIDI note 21 + k, from A0 to C8
VARIABLE = "COURSE_CHORALES"
PARTS = ("train", "valid", "test")


def load(path: str | os.PathLike[str] | None = None) -> SequenceSplits:
    """Return the piano rolls in an .npz file: ``path``, or else ``$COURSE_CHORALES``.

    For each part (``train``, ``valid``, ``test``) the file holds two arrays: ``train_roll``, the
    steps of all pieces concatenated, 88 keys per step, either (steps, 88) zeros and ones or
    (steps, 11) uint8, packed by ``numpy.packbits``; and ``train_lengths``, the steps of each piece.

    Args:
        path: the file, or None to use the variable. If it is given but unusable, that is an error;
            no other place is tried.

    Returns:
        The three parts, each ``{"x": (n, longest, 88) float32 zeros and ones, "length": (n,)}``,
        with zeros after the end of a piece.

    Raises:
        FileNotFoundError: if neither names a file; it says what to do.
        ValueError: if the file or its arrays have another form; it names the file.

    Example:
        >>> load("nowhere.npz")
        Traceback (most recent call last):
        FileNotFoundError: path: expected an .npz file of piano rolls, got nowhere.npz
    """
    name, file = ("path", path) if path is not None else (VARIABLE, os.environ.get(VARIABLE))
    if not file:
        wanted = ", ".join(f"{part}_roll and {part}_lengths" for part in PARTS)
        raise FileNotFoundError(
            f"chorales: no file; set {VARIABLE} to an .npz file with the arrays {wanted},"
            " as the docstring of load describes"
        )
    if not Path(file).is_file():
        raise FileNotFoundError(f"{name}: expected an .npz file of piano rolls, got {file}")
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = [(archive[f"{part}_roll"], archive[f"{part}_lengths"]) for part in PARTS]
    except (KeyError, TypeError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file}: expected an .npz file of piano rolls, got: {error}") from error
    parts = zip(PARTS, arrays, strict=True)
    return SequenceSplits(*(_pieces(*pair, f"{file}, {part}") for part, pair in parts))


def _pieces(roll: np.ndarray, lengths: np.ndarray, name: str) -> dict[str, Tensor]:
    """Return one part as a padded batch."""
    if roll.ndim == 2 and roll.dtype == np.uint8 and roll.shape[1] * 8 == KEYS:
        roll = np.unpackbits(roll, axis=1)
    if roll.ndim != 2 or roll.shape[1] != KEYS or not np.isin(roll, (0, 1)).all():
        raise ValueError(f"{name}_roll: expected (steps, {KEYS}) zeros and ones, got {roll.shape}")
    whole = lengths.ndim == 1 and np.issubdtype(lengths.dtype, np.integer)
    if not whole or len(lengths) == 0 or lengths.min() < 1 or lengths.sum() != len(roll):
        raise ValueError(
            f"{name}_lengths: expected positive whole numbers that add up to the roll's"
            f" {len(roll)} steps, got {lengths.dtype} {lengths.shape}, sum {lengths.sum()}"
        )
    return pad(torch.from_numpy(roll.astype(np.float32)).split(lengths.tolist()))
