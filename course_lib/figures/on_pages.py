"""Figures that need no kernel: how a notebook shows them when the web site is built."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from typing import Any

from course_lib.figures.images import Picture, image_element
from course_lib.figures.live import LiveFigure
from course_lib.figures.svg import still_svg

__all__ = ["show_without_kernel"]

NAME = re.compile(r'<figure id="([\w-]+)"')
IDENTIFIER = re.compile(r' id="([\w-]+)"')


def show_without_kernel() -> None:
    """Let every live figure of this process show itself as HTML with all its states.

    A figure that is shown again gets new names, since one page may hold both. A still figure is
    shown as SVG where that takes fewer bytes than its pixels.
    """
    shown: Counter[str] = Counter()

    def bundle(live: LiveFigure, **kwargs: Any) -> tuple[dict[str, str], dict[str, Any]]:
        text = live.to_html(whole_page=False)
        name = NAME.match(text)[1]
        shown[name] += 1
        if shown[name] > 1:
            text = _renamed(text, name, f"again{shown[name] - 1}")
        return {"text/html": text, "text/plain": live.alt}, {}

    LiveFigure._repr_mimebundle_ = bundle
    Picture._repr_mimebundle_ = _still


def _still(picture: Picture, **kwargs: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Return only the smaller of the two representations of a picture: a page needs just one."""
    text = image_element(picture.png, picture.alt, picture.width)
    if picture.figure is not None:
        drawn = still_svg(picture.figure, picture.alt, picture.width)
        text = min(text, drawn, key=lambda way: len(gzip.compress(way.encode())))
    return {"text/html": text, "text/plain": picture.alt}, {}


def _renamed(text: str, name: str, suffix: str) -> str:
    """Return a figure whose names, including those of its clip paths, end in a suffix."""
    text = text.replace(name, f"{name}-{suffix}")
    for other in {found for found in IDENTIFIER.findall(text) if not found.startswith(name)}:
        text = re.sub(rf"\b{re.escape(other)}\b", f"{other}-{suffix}", text)
    return text
