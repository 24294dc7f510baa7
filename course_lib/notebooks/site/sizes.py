"""How much a reader loads for a page: its text and the pictures that only it shows."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["MAX_COMPRESSED", "MAX_RAW", "Size", "page_sizes", "too_big"]

MAX_RAW, MAX_COMPRESSED = 3_000_000, 600_000
PICTURE = re.compile(r'<img[^>]* src="([^":]*)"')


class Size(NamedTuple):
    """Bytes of a page with its pictures.

    Attributes:
        raw: as stored on disk.
        compressed: as a server sends them, text by gzip and pictures as they are.
    """

    raw: int
    compressed: int


def page_sizes(folder: Path) -> dict[str, Size]:
    """Return the size of every page, in bytes, by its path.

    The theme's own files and MathJax, which a browser loads once for all pages, do not count.

    Args:
        folder: the site.
    """
    return {
        path.relative_to(folder).as_posix(): _size(path) for path in sorted(folder.rglob("*.html"))
    }


def too_big(folder: Path) -> list[str]:
    """Return one sentence for each page above a size limit.

    Args:
        folder: the site.
    """
    return [
        f"{name}: expected at most {limit / 1e6:.1f} MB {how}, got {got / 1e6:.2f} MB"
        for name, size in page_sizes(folder).items()
        for how, got, limit in (
            ("in all", size.raw, MAX_RAW),
            ("compressed", size.compressed, MAX_COMPRESSED),
        )
        if got > limit
    ]


def _size(path: Path) -> Size:
    page = path.read_bytes()
    pictures = sum(file.stat().st_size for file in _pictures(path, page.decode()))
    return Size(len(page) + pictures, len(gzip.compress(page)) + pictures)


def _pictures(path: Path, page: str) -> Iterator[Path]:
    for target in dict.fromkeys(PICTURE.findall(page)):
        file = path.parent / target
        if "_static" not in file.parts and file.is_file():
            yield file
