"""The rows of the 8x8 digits as sequences: eight steps of eight bits, top to bottom (slide 9).

The nats of such a sequence are the nats of the image, so that a sequence model can be compared
with every model of the whole image.
"""

from __future__ import annotations

import torch

from course_lib.data import digits
from course_lib.data.sequences import SequenceSplits
from course_lib.data.splits import Examples

__all__ = ["load"]


def load() -> SequenceSplits:
    """Return the digits of ``digits.load()`` as sequences of rows: 1,297 / 200 / 300 of them.

    Returns:
        The three parts, each ``{"x": (n, 8, 8) float32 zeros and ones, "length": (n,)}``, every
        length 8.

    Raises:
        FileNotFoundError: if scikit-learn, which brings the file, is not installed.

    Example:
        >>> test = load().test
        >>> test["x"].shape, test["length"].unique()
        (torch.Size([300, 8, 8]), tensor([8]))
    """
    images = digits.load()
    parts = (images.train, images.validation, images.test)
    return SequenceSplits(*(_rows(part) for part in parts))


def _rows(examples: Examples) -> dict[str, torch.Tensor]:
    x = examples.x.squeeze(1)
    return {"x": x, "length": torch.full((len(x),), x.shape[1])}
