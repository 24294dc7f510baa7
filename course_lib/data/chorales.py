"""Bach's chorales as piano rolls: which of 88 keys sound at each step (slide 9).

There are two sets, and their nats are not comparable. Nothing is ever downloaded or made up.

- ``load``: the standard set of papers ("JSB chorales": 229 / 76 / 77 pieces, one step a quarter
  note) has no licence that would let the course include it. Point the environment variable
  ``COURSE_CHORALES`` (or the argument ``path``) at a copy.
- ``corpus``: the four-part chorales that the package music21 carries, an optional extra:
  ``pip install -r requirements-music.txt``. Its licence allows no commercial use of some of its
  encodings, so the course reads them where pip has put them and copies none.

Allan, Williams: Harmonising chorales by probabilistic inference (2005). Boulanger-Lewandowski,
Bengio, Vincent: Modeling temporal dependencies in high-dimensional sequences (2012),
arXiv:1206.6392, whose split this is.
"""

from __future__ import annotations

import functools
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import as_count
from course_lib.data.files import packaged_file
from course_lib.data.musicxml import KEYS, LOWEST_NOTE, piano_roll, read_score
from course_lib.data.sequences import SequenceSplits, crop, pad

__all__ = ["KEYS", "LOWEST_NOTE", "corpus", "crop", "load"]

VOICES, OPENING = 4, 8
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
            f"chorales: no file; set {VARIABLE} to an .npz file with the arrays {wanted}, as the"
            " docstring of load describes; corpus() reads other chorales, from a package"
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


def corpus(
    steps_per_quarter: int = 1, folder: str | os.PathLike[str] | None = None
) -> SequenceSplits:
    """Return the four-part chorales of music21 as piano rolls, transposed to no sharps or flats.

    A key is on at a step if it sounds when the step begins. Of equal pieces only the first counts.
    About a tenth of the pieces each are for validation and for test; the opening of the melody
    decides, so that settings of one tune are all in one part.

    Args:
        steps_per_quarter: 1 for steps of a quarter note, 2 for eighths.
        folder: a folder of .mxl files, or None for music21's.

    Returns:
        The three parts, in the form of ``load``. The files are read once in a process.

    Raises:
        FileNotFoundError: if music21 is not installed (it says what to run), or the folder holds no
            score of four parts.
        ValueError: if a file is damaged; it names the file.

    Paper: Cuthbert, Ariza (2010), music21: a toolkit for computer-aided musicology.
    """
    if folder is None:
        known = packaged_file("music21", "corpus/bach/bwv1.6.mxl")
        if known is None:
            raise FileNotFoundError(
                "chorales: music21 is not installed; run: pip install -r requirements-music.txt"
            )
        folder = known.parent
    parts: tuple[list[Tensor], ...] = ([], [], [])
    rolls = _rolls(Path(folder).resolve(), as_count(steps_per_quarter, "steps_per_quarter"))
    for place, roll in rolls:
        parts[place].append(torch.from_numpy(roll).float())
    if not all(parts):
        raise FileNotFoundError(
            f"folder: expected .mxl files of four-part chorales for three parts, got {folder},"
            f" which has {' / '.join(str(len(part)) for part in parts)}"
        )
    return SequenceSplits(*map(pad, parts))


@functools.cache
def _rolls(folder: Path, steps_per_quarter: int) -> tuple[tuple[int, np.ndarray], ...]:
    """Return the part (0, 1, 2) and the roll of each piece, in the order of the files' names."""
    found: dict[bytes, tuple[int, np.ndarray]] = {}
    for path in sorted(folder.glob("*.mxl")):
        score = read_score(path)
        if score.parts == VOICES:
            up = (5 * score.fifths + 5) % 12 - 5  # to a signature of none, by -5..6 semitones
            quarters = piano_roll(score, 1, up)
            found.setdefault(
                quarters.tobytes(), (_part(quarters), piano_roll(score, steps_per_quarter, up))
            )
    return tuple(found.values())


def _part(roll: np.ndarray) -> int:
    """Return 0, 1 or 2 (train, validation, test) by how the highest voice moves at first."""
    sounding = roll[roll.any(1)][:OPENING]
    melody = KEYS - 1 - sounding[:, ::-1].argmax(1)
    place = zlib.crc32(np.diff(melody).astype(np.int8).tobytes()) % 10
    return place - 7 if place > 7 else 0


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
