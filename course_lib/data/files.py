"""Reading data files that are already on this machine; nothing here opens a connection."""

from __future__ import annotations

import gzip
import importlib.util
import math
import os
import zlib
from pathlib import Path

import numpy as np

__all__ = ["packaged_file", "read_idx", "read_table"]

GZIP_START = b"\x1f\x8b"
IDX_UINT8 = 0x08


def packaged_file(package: str, inside: str) -> Path | None:
    """Return where an installed package keeps a file, without importing the package.

    Args:
        package: the import name of the package.
        inside: the file's path inside the package.

    Returns:
        The path, or None if there is no such package or no such file in it.

    Example:
        >>> packaged_file("json", "decoder.py").name, packaged_file("json", "nothing.csv")
        ('decoder.py', None)
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / inside
        if path.is_file():
            return path
    return None


def read_table(path: str | os.PathLike[str], columns: int) -> np.ndarray:
    """Return a comma-separated table of whole numbers 0..255.

    Args:
        path: a text file, gzipped or not.
        columns: how many numbers each row must have.

    Returns:
        (rows, columns) uint8.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, empty, or not such a table; it names the file.
    """
    text = _read_bytes(Path(path)).decode("ascii", errors="replace")
    lines = text.splitlines()
    if not lines:
        raise ValueError(f"{path}: expected rows of {columns} numbers, got an empty file")
    try:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: expected whole numbers 0..255, got: {error}") from error
    if table.shape[1] != columns:
        raise ValueError(f"{path}: expected {columns} numbers in a row, got {table.shape[1]}")
    return table


def read_idx(path: str | os.PathLike[str], dimensions: int) -> np.ndarray:
    """Return the array of bytes that an idx file holds, the format in which MNIST is published.

    The format: two zero bytes, the type (8 is unsigned byte), the number of dimensions; each size
    as four bytes, most significant first; then the entries, last index fastest.

    Args:
        path: the file, gzipped or not; its content decides, whatever its name.
        dimensions: how many dimensions it must have: 3 for images, 1 for labels.

    Returns:
        uint8 array with ``dimensions`` dimensions.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the first bytes are not those of such a file, or the file is shorter or
            longer than its header says; it names the file.
    """
    data = _read_bytes(Path(path))
    magic = bytes([0, 0, IDX_UINT8, dimensions])
    if data[:4] != magic:
        raise ValueError(
            f"{path}: expected an idx file of bytes with {dimensions} dimensions, which starts"
            f" with {magic.hex()}; got {data[:4].hex() or 'an empty file'}"
        )
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise ValueError(f"{path}: truncated: {len(data)} bytes, the header alone has {start}")
    shape = tuple(np.frombuffer(data, ">u4", dimensions, offset=4).tolist())
    if len(data) - start != math.prod(shape):
        problem = "truncated" if len(data) - start < math.prod(shape) else "too long"
        raise ValueError(
            f"{path}: {problem}: the header promises {shape}, that is {math.prod(shape)} bytes"
            f" after it; got {len(data) - start}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(GZIP_START):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: truncated or damaged gzip file: {error}") from error
