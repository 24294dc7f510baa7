"""Still pictures that carry their alternative text, and grids of small images."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

__all__ = ["Picture", "encode_png", "image_bundle", "image_element", "tile"]

# Device pixels per figure pixel, for high-density screens.
DENSITY = 2
GAP = 2
GAP_GREY = 160


class Picture:
    r"""A still picture with alternative text; as the last value of a cell it shows itself.

    Args:
        source: a matplotlib figure, or a PIL image.
        alt: the alternative text, for a reader who cannot see the picture.

    Raises:
        ValueError: if ``alt`` is empty.

    Example:
        >>> from course_lib.figures.style import new_figure
        >>> Picture(new_figure()[0], "empty axes").png[:4]
        b'\x89PNG'
    """

    def __init__(self, source: Figure | Image.Image, alt: str) -> None:
        if not alt.strip():
            raise ValueError("alt: expected a description of the picture, got an empty string")
        self.alt = alt
        self.figure = source if isinstance(source, Figure) else None
        self.image = _rasterise(source) if isinstance(source, Figure) else source
        self.width = self.image.width // (DENSITY if isinstance(source, Figure) else 1)
        self.png = encode_png(self.image)

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, str], dict[str, Any]]:
        data, metadata = image_bundle(self.png, self.alt, self.width)
        # JupyterLab drops the alternative text of an image/png, but not that of an element.
        return data | {"text/html": image_element(self.png, self.alt, self.width)}, metadata


def tile(images: ArrayLike, columns: int = 8, zoom: int = 4, *, alt: str) -> Picture:
    """Return a grid of small images, each pixel drawn as a sharp square of ``zoom`` by ``zoom``.

    Args:
        images: (n, h, w), (n, 1, h, w) or (n, 3, h, w): floats in [0, 1] (values outside are
            clipped) or bytes; an array or a tensor without gradient.
        columns: images in a row.
        zoom: pixels on the screen per pixel of an image.
        alt: the alternative text, for a reader who cannot see the grid.

    Returns:
        The picture, ceil(n / columns) rows high.

    Raises:
        ValueError: if the shape is wrong, a value is not finite, or ``columns`` or ``zoom`` is
            below 1.

    Example:
        >>> tile(np.zeros((5, 8, 6)), columns=3, zoom=2, alt="black").image.size
        (40, 34)
    """
    pixels = _as_bytes(np.asarray(images))
    if columns < 1 or zoom < 1:
        raise ValueError(f"columns, zoom: expected at least 1, got {columns} and {zoom}")
    pixels = pixels.repeat(zoom, 1).repeat(zoom, 2)
    n, height, width, channels = pixels.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    step_y, step_x = height + GAP, width + GAP
    sheet = np.full((rows * step_y - GAP, columns * step_x - GAP, channels), GAP_GREY, np.uint8)
    for i, image in enumerate(pixels):
        y, x = i // columns * step_y, i % columns * step_x
        sheet[y : y + height, x : x + width] = image
    return Picture(Image.fromarray(sheet[..., 0] if channels == 1 else sheet), alt)


def _as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (n, h, w, c) bytes."""
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"images: expected shape (n, h, w), (n, 1, h, w) or (n, 3, h, w), got {images.shape}"
        )
    images = images.transpose(0, 2, 3, 1)
    if images.dtype == np.uint8:
        return images
    if not np.isfinite(images).all():
        raise ValueError("images: expected finite values, got NaN or infinity")
    return np.rint(images.clip(0, 1) * 255).astype(np.uint8)


def encode_png(image: Image.Image) -> bytes:
    """Return the image as PNG, at compression level 1: speed matters more than a few bytes."""
    out = io.BytesIO()
    image.save(out, "png", compress_level=1)
    return out.getvalue()


def image_bundle(png: bytes, alt: str, width: int) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the data and metadata with which a notebook stores a picture and its text."""
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width}}


def image_element(png: bytes, alt: str, width: int) -> str:
    """Return an HTML image ``width`` pixels wide, or narrower if there is no room."""
    source = base64.b64encode(png).decode()
    return (
        f'<img alt="{html.escape(alt, quote=True)}" width="{width}"'
        f' style="max-width: 100%; height: auto" src="data:image/png;base64,{source}">'
    )


def _rasterise(figure: Figure) -> Image.Image:
    dpi = figure.dpi
    figure.set_dpi(DENSITY * dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.array(canvas.buffer_rgba())[..., :3]
    figure.set_dpi(dpi)
    return Image.fromarray(pixels)
