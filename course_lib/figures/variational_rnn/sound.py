"""Piano rolls as sound: every key is a tone with a few overtones; a player below the picture."""

from __future__ import annotations

import html

import numpy as np
from IPython.display import Audio
from numpy.typing import ArrayLike, NDArray

from course_lib.data.chorales import KEYS, LOWEST_NOTE
from course_lib.figures.images import Picture, image_element, tile

__all__ = ["RATE", "Recording", "waveform"]

RATE = 16_000  # samples per second: above twice the first overtone of all keys but one
OVERTONES = 4
ATTACK, RELEASE, HALF_LIFE = 0.01, 0.04, 0.7  # seconds
LOUDEST = 0.9
WIDE, HIGH = 4, 4  # the pixels of one step of one key are HIGH high and WIDE times as wide


class Recording:
    """A piano roll that can be heard; as the last value of a cell it shows a player.

    Args:
        roll: (steps, 88) zeros and ones, a tensor or an array.
        label: what one hears, shown above the player.
        seconds: how long a step sounds.

    Raises:
        ValueError: if the label is empty, or ``waveform`` refuses the roll.

    Example:
        >>> Recording(np.eye(88)[40:44], "four keys upwards")
        four keys upwards, 2 s
    """

    def __init__(self, roll: ArrayLike, label: str, seconds: float = 0.5) -> None:
        if not label.strip():
            raise ValueError("label: expected a description of the sound, got an empty string")
        self.label, self.samples = label, waveform(roll, seconds)
        self.picture = _picture(np.asarray(roll), label)

    def __repr__(self) -> str:
        return f"{self.label}, {len(self.samples) / RATE:.0f} s"

    def _repr_html_(self) -> str:
        player = Audio(self.samples, rate=RATE, normalize=False)._repr_html_().strip()
        said = html.escape(self.label)
        player = player.replace("<audio ", f'<audio aria-label="{said}" ', 1)
        drawn = image_element(self.picture.png, self.picture.alt, self.picture.width)
        return f"<figure><figcaption>{said}</figcaption>{drawn}<br>{player}</figure>"


def waveform(roll: ArrayLike, seconds: float = 0.5) -> NDArray[np.float32]:
    """Return the sound of a piano roll at 16,000 samples per second, with a peak of 0.9.

    A key that stays on from step to step is one fading tone: a roll does not mark repeated notes.

    Args:
        roll: (steps, 88) zeros and ones; key k is the MIDI note 21 + k.
        seconds: how long a step sounds.

    Returns:
        (steps * seconds * 16,000,) in [-1, 1]; silence if no key is on.

    Raises:
        ValueError: if the roll has a wrong shape or wrong values, or ``seconds`` is not positive.

    Example:
        >>> len(waveform(np.eye(88)[48:49], seconds=0.25))  # A4, 440 Hz
        4000
    """
    roll = np.asarray(roll)
    shaped = roll.ndim == 2 and len(roll) and roll.shape[1] == KEYS
    if not shaped or not np.isin(roll, (0, 1)).all():
        raise ValueError(f"roll: expected (steps, {KEYS}) zeros and ones, got {roll.shape}")
    if not 0 < seconds < np.inf:
        raise ValueError(f"seconds: expected a positive number, got {seconds!r}")
    edges = np.rint(np.arange(len(roll) + 1) * seconds * RATE).astype(int)
    sound = np.zeros(edges[-1])
    held = np.pad(roll.astype(int), ((1, 1), (0, 0)))  # silence before and after
    for key in np.flatnonzero(roll.any(0)):
        change = np.diff(held[:, key])
        for first, after in zip(
            (change == 1).nonzero()[0], (change == -1).nonzero()[0], strict=True
        ):
            begin, end = edges[first], edges[after]
            sound[begin:end] += _tone(key, end - begin)
    loudest = np.abs(sound).max(initial=0.0)
    return (sound * (LOUDEST / loudest if loudest else 0.0)).astype(np.float32)


def _picture(roll: NDArray, label: str) -> Picture:
    """Return the roll as an image: time to the right, high keys on top, dark where a key is on."""
    used = np.flatnonzero(roll.any(0)) if roll.any() else np.array([0, KEYS - 1])
    keys = roll[:, used[0] : used[-1] + 1]
    dark = 1 - keys.T[::-1].repeat(WIDE, 1)
    alt = f"piano roll of {label}: {len(roll)} steps, {roll.sum(1).mean():.1f} keys on at a time"
    return tile(dark[None].astype(float), zoom=HIGH, alt=alt)


def _tone(key: int, samples: int) -> NDArray[np.float64]:
    """Return one tone with a fast attack that fades and ends without a click."""
    time = np.arange(samples) / RATE
    frequency = 440 * 2 ** ((key + LOWEST_NOTE - 69) / 12)
    parts = [n for n in range(1, OVERTONES + 1) if n * frequency < RATE / 2]
    wave = sum(np.sin(2 * np.pi * n * frequency * time) / n**2 for n in parts)
    left = (samples - 1) / RATE - time
    envelope = np.minimum(time / ATTACK, 1) * np.minimum(left / RELEASE, 1)
    return wave * envelope * 0.5 ** (time / HALF_LIFE)
