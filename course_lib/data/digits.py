"""The 8x8 handwritten digits included in scikit-learn: the course's default data.

1,797 images of 17 grey levels, the test part of Alpaydin and Kaynak's "Optical Recognition of
Handwritten Digits" (UCI Machine Learning Repository, 1998). An image is 64 numbers, so every model
of the course learns it in seconds on one core.
"""

from __future__ import annotations

import numpy as np
import torch

from course_lib.data.files import packaged_file, read_table
from course_lib.data.pixels import Pixels, as_images, check_pixels, dequantise
from course_lib.data.splits import Splits, split

__all__ = ["dequantise", "load"]

SIZE, THRESHOLD = 8, 8
VALIDATION, TEST = 200, 300


def load(pixels: Pixels = "binary") -> Splits:
    """Return the digits: 1,297 to train, 200 to validate, 300 to test.

    The images are binarised by a threshold, not by sampling each pixel with its grey value as the
    probability: on images this small, that noise would dominate the likelihood and hide the
    differences between models.

    No grey image occurs twice. Of the binary ones, 14 of the test set also occur in the
    training set.

    Args:
        pixels: ``"binary"``: 1 where the grey level is above 8, else 0; ``"grey"``: the levels
            0..16 themselves (make them continuous with ``dequantise``).

    Returns:
        Splits of ``x`` (n, 1, 8, 8) float32 and ``label`` (n,) int64, the same on every machine.

    Raises:
        ValueError: if ``pixels`` is neither name.
        FileNotFoundError: if scikit-learn, which brings the file, is not installed.

    Example:
        >>> digits = load()
        >>> len(digits.train), len(digits.validation), len(digits.test)
        (1297, 200, 300)
        >>> digits.train.x.shape[1:], digits.train.x.unique()
        (torch.Size([1, 8, 8]), tensor([0., 1.]))
    """
    check_pixels(pixels)
    levels, label = _read()
    images = as_images(levels, pixels, THRESHOLD)
    return split(images, torch.from_numpy(label), validation=VALIDATION, test=TEST)


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 8, 8) uint8 grey levels and (n,) int64 labels, in the file's order."""
    # Reading the file takes about ten milliseconds; importing scikit-learn takes a second or more.
    path = packaged_file("sklearn", "datasets/data/digits.csv.gz")
    if path is None:
        return _read_by_package()
    table = read_table(path, SIZE * SIZE + 1)
    return table[:, :-1].reshape(-1, SIZE, SIZE), table[:, -1].astype(np.int64)


def _read_by_package() -> tuple[np.ndarray, np.ndarray]:
    """Return the same by scikit-learn's own function, wherever that version keeps its file."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise FileNotFoundError(
            "digits: the images come inside scikit-learn, which cannot be imported;"
            " run `pip install scikit-learn`"
        ) from error
    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.int64)
