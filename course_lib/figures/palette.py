"""The same pixels in fewer bytes: most pictures of a figure have few colours."""

from __future__ import annotations

import base64
import functools
import io
import re

import numpy as np
from PIL import Image

__all__ = ["shrink_embedded", "shrink_png"]

EMBEDDED = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
MOST_COLOURS = 256


def shrink_png(png: bytes) -> bytes:
    """Return a PNG of the same pixels, without full opacity, and with a palette if that is smaller.

    A colour map has at most 256 colours, so one byte per pixel is enough.

    Args:
        png: a PNG of any mode.
    """
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    pixels = np.asarray(image)
    if (pixels[..., 3] < 255).any():
        return png
    ways = [image.convert("RGB")]
    colours, places = np.unique(pixels[..., :3].reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) <= MOST_COLOURS:
        ways.append(Image.fromarray(places.reshape(pixels.shape[:2]).astype(np.uint8)))
        ways[-1].putpalette(colours.astype(np.uint8).tobytes())
    return min(png, *map(_optimised, ways), key=len)


def shrink_embedded(svg: str) -> str:
    """Return an SVG whose embedded pictures have the same pixels in fewer bytes."""
    return EMBEDDED.sub(_shrunk, svg)


def _shrunk(match: re.Match[str]) -> str:
    return f"data:image/png;base64,{_shrink_text(match[1])}"


@functools.lru_cache(maxsize=4096)
def _shrink_text(text: str) -> str:
    return base64.b64encode(shrink_png(base64.b64decode(text))).decode()


def _optimised(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "png", optimize=True)
    return out.getvalue()
