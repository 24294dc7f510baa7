"""Scores in compressed MusicXML (.mxl): which notes sound, read without a music library.

A score is a list of parts, a part a list of measures, a measure a list of notes, rests and jumps in
time. That is little enough to be read directly, in a few milliseconds a score.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np

__all__ = ["KEYS", "LOWEST_NOTE", "Score", "piano_roll", "read_score"]

KEYS, LOWEST_NOTE = 88, 21  # key k is the MIDI note 21 + k, from A0 to C8
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ROUNDING = 1e-6  # quarter notes; triplets are no finite binary fractions
DAMAGED = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, EOFError, KeyError, ValueError)


@dataclass(frozen=True)
class Score:
    """What sounds when in one piece.

    Attributes:
        parts: how many parts (voices) it has.
        fifths: its key signature, the number of sharps or minus that of flats; 0 if none is given.
        notes: (start, end, MIDI note), times in quarter notes from the beginning.
    """

    parts: int
    fifths: int
    notes: tuple[tuple[float, float, int], ...]


def read_score(path: str | os.PathLike[str]) -> Score:
    """Return the notes of an .mxl file, as written: repeats and grace notes are not played.

    Args:
        path: a zip archive with one score in it, an XML file whose root is ``score-partwise``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or no such score; it names the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if _is_score(name)]
            root = ElementTree.fromstring(archive.read(names[0] if names else "score.xml"))
        parts = root.findall("part")
        if root.tag != "score-partwise" or not parts:
            raise ValueError(f"a root {root.tag!r} with {len(parts)} parts")
        notes = tuple(note for part in parts for note in _notes(part))
        return Score(len(parts), int(root.findtext(".//key/fifths", "0")), notes)
    except (*DAMAGED, ZeroDivisionError, TypeError) as error:
        raise ValueError(f"{path}: expected a compressed MusicXML score, got: {error}") from error


def piano_roll(score: Score, steps_per_quarter: int = 1, transpose: int = 0) -> np.ndarray:
    """Return which keys sound at the beginning of each step: (steps, 88) uint8 zeros and ones.

    A key that is held and one that is struck again look alike. Silence at the end is cut off.

    Args:
        score: the piece.
        steps_per_quarter: 1 for steps of a quarter note, 2 for eighths.
        transpose: semitones up, or down if negative.

    Raises:
        ValueError: if a note is not among the 88 keys of a piano, or nothing sounds.
    """
    first = [(_ceil(start * steps_per_quarter), note) for start, _, note in score.notes]
    after = [_ceil(end * steps_per_quarter) for _, end, _ in score.notes]
    roll = np.zeros((max(after, default=0), KEYS), np.uint8)
    for (begin, note), end in zip(first, after, strict=True):
        key = note + transpose - LOWEST_NOTE
        if not 0 <= key < KEYS:
            raise ValueError(f"score: expected notes 21..108, got {note + transpose}")
        roll[begin:end, key] = 1
    sounding = roll.any(1).nonzero()[0]
    if not len(sounding):
        raise ValueError("score: expected at least one note that sounds at a step, got none")
    return roll[: sounding[-1] + 1]


def _is_score(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0] != "META-INF" and path.suffix in (".xml", ".musicxml")


def _notes(part: ElementTree.Element) -> Iterator[tuple[float, float, int]]:
    """Yield the notes of one part; the unit of a duration may change from measure to measure."""
    now, start, unit = 0.0, 0.0, 1
    for element in part.iterfind("measure/*"):
        if element.tag == "attributes":
            unit = int(element.findtext("divisions", str(unit)))
        if element.tag not in ("note", "backup", "forward") or element.find("grace") is not None:
            continue
        length = float(element.findtext("duration", "")) / unit
        if element.find("chord") is None:  # a note of a chord begins with the note before it
            start = now
            now += -length if element.tag == "backup" else length
        pitch = element.find("pitch")
        if pitch is not None:
            yield start, start + length, _midi(pitch)


def _midi(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "")), float(pitch.findtext("alter", "0"))
    return 12 * (octave + 1) + SEMITONES[pitch.findtext("step", "")] + round(alter)


def _ceil(steps: float) -> int:
    return math.ceil(steps - ROUNDING)
