r"""Pairs of a binary digit and a small picture of it in one of ten colours (slide 8).

The information that one picture gives about the other is known exactly. The hue follows the class
with probability ``stay`` and is otherwise one of the nine others, so the grey digit gives at most

.. math:: I = H(\text{hue}) - H(\text{hue}\,|\,\text{class}), \qquad
          H(\text{hue}\,|\,\text{class}) = -s \log s - (1-s) \log \tfrac{1-s}{9}

nats about it: 1.033 of 2.303 at s = 0.7. At s = 0.1 the hue is independent of the digit: a
control in which a good q(z|grey) must stay uncertain between all ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from course_lib.data import digits
from course_lib.data.splits import Examples

__all__ = [
    "HUES",
    "NOISE",
    "PairSplits",
    "Pairs",
    "hue_entropy_given_class",
    "hue_information",
    "hue_of",
    "load",
    "palette",
]

HUES = 10
NOISE = 0.05
"""Standard deviation of the noise on each colour value, so that a density of it is bounded."""

LUMA = (0.299, 0.587, 0.114)
TOP_LEVEL = 16


@dataclass(frozen=True, eq=False)
class Pairs:
    """Draws of (grey, colour), with what they were drawn from.

    Attributes:
        x: ``"grey"``: (n, 1, 8, 8) bits; ``"colour"``: (n, 3, 4, 4) red, green, blue, about 0..1.
        label: (n,) int64 classes of the digits.
        hue: (n,) int64 rows of ``palette()``.
    """

    x: dict[str, Tensor]
    label: Tensor
    hue: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: str | torch.device) -> Pairs:
        """Return the same pairs on ``device``."""
        x = {name: value.to(device) for name, value in self.x.items()}
        return Pairs(x, self.label.to(device), self.hue.to(device))


@dataclass(frozen=True, eq=False)
class PairSplits:
    """One set of pairs in its three parts, with the split of the digits."""

    train: Pairs
    validation: Pairs
    test: Pairs

    def to(self, device: str | torch.device) -> PairSplits:
        """Return the same three parts on ``device``."""
        return PairSplits(self.train.to(device), self.validation.to(device), self.test.to(device))


def load(stay: float = 0.7) -> PairSplits:
    """Return the digits with their coloured thumbnails: 1,297 / 200 / 300, always the same.

    A thumbnail is the 4x4 mean of the grey levels, 0..1, times its hue's colour, plus Gaussian
    noise of standard deviation ``NOISE``. The colours have equal luma, so the grey version of a
    thumbnail says nothing about its hue.

    Args:
        stay: the probability that the hue is the class's own.

    Raises:
        ValueError: if ``stay`` is not a probability.

    Example:
        >>> test = load().test
        >>> test.x["grey"].shape, test.x["colour"].shape
        (torch.Size([300, 1, 8, 8]), torch.Size([300, 3, 4, 4]))
    """
    _check_probability(stay)
    grey, binary = digits.load("grey"), digits.load()
    # numpy promises that this old generator's stream never changes; the newer ones may
    source = np.random.RandomState(0)
    parts = [
        _pairs(levels, bits.x, stay, source)
        for levels, bits in (
            (grey.train, binary.train),
            (grey.validation, binary.validation),
            (grey.test, binary.test),
        )
    ]
    return PairSplits(*parts)


def palette() -> Tensor:
    """Return the ten colours: (10, 3) red, green, blue in [0, 1], all of luma one half.

    Example:
        >>> torch.allclose(palette() @ torch.tensor(LUMA), torch.tensor(0.5))
        True
    """
    angle = 2 * math.pi * torch.arange(HUES, dtype=torch.float64) / HUES
    blue, red = 0.28 * angle.cos(), 0.28 * angle.sin()
    chroma = torch.stack([1.402 * red, -0.344136 * blue - 0.714136 * red, 1.772 * blue], 1)
    return (0.5 + chroma).float()


def hue_of(colour: Tensor) -> Tensor:
    """Return the hue whose colour, times some thumbnail, is closest; no training is involved.

    Args:
        colour: (..., 3, height, width) coloured thumbnails, with noise.

    Returns:
        (...) int64 rows of ``palette()``.

    Example:
        >>> hue_of(palette()[:, :, None, None] * torch.rand(10, 1, 4, 4)).tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    directions = torch.nn.functional.normalize(palette().to(colour), dim=1)
    brightness = torch.einsum("...chw,kc->...khw", colour, directions).clamp(min=0)
    return brightness.square().sum((-2, -1)).argmax(-1)


def hue_entropy_given_class(stay: float) -> float:
    """Return H(hue | class) in nats: the uncertainty that remains once the digit is known.

    Example:
        >>> round(hue_entropy_given_class(0.7), 3), hue_entropy_given_class(1.0)
        (1.27, 0.0)
    """
    _check_probability(stay)
    shares = [stay, *[(1 - stay) / (HUES - 1)] * (HUES - 1)]
    return sum(-p * math.log(p) for p in shares if p > 0) + 0.0


def hue_information(stay: float) -> float:
    """Return the most information, in nats, that a digit can give about its hue (uniform classes).

    Example:
        >>> round(hue_information(0.7), 3)
        1.033
        >>> abs(hue_information(0.1)) < 1e-12
        True
    """
    return math.log(HUES) - hue_entropy_given_class(stay)


def _pairs(grey: Examples, bits: Tensor, stay: float, source: np.random.RandomState) -> Pairs:
    n = len(grey)
    other = torch.from_numpy(source.randint(1, HUES, n))
    strays = torch.from_numpy(source.random_sample(n) >= stay)
    noise = torch.from_numpy(source.standard_normal((n, 3, 4, 4))).float()
    hue = (grey.label + other * strays) % HUES
    thumbnail = avg_pool2d(grey.x / TOP_LEVEL, 2)
    colour = palette()[hue][:, :, None, None] * thumbnail + NOISE * noise
    return Pairs({"grey": bits, "colour": colour}, grey.label, hue)


def _check_probability(stay: float) -> None:
    if isinstance(stay, bool) or not isinstance(stay, int | float) or not 0 <= stay <= 1:
        raise ValueError(f"stay: expected a probability, got {stay!r}")
