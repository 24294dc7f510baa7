"""Redraw only the artists that change, and those above them; the pixels equal a full draw's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures.images import encode_png

__all__ = ["Blit"]


class Blit:
    """A figure whose static part is drawn once and cached.

    An artist drawn after the changing ones must be drawn again above them, or it would be covered:
    the legend, the spines. ``draw`` leaves on the canvas exactly the pixels of ``canvas.draw()``,
    as long as axis limits, ticks and everything else that is not ``dynamic`` stay as they are.

    The layout engine runs once, here, and is then switched off: it costs as much as the drawing.

    Args:
        figure: the figure.
        dynamic: the artists that change.
        scale: device pixels per figure pixel: 2 for high-density screens.

    Raises:
        ValueError: if an artist of ``dynamic`` is not in the figure.
    """

    def __init__(self, figure: Figure, dynamic: Collection[Artist], scale: float = 1) -> None:
        lost = [artist for artist in dynamic if artist.get_figure() is not figure]
        if lost:
            raise ValueError(f"dynamic: expected artists of the figure, got {lost[0]}")
        figure.set_dpi(figure.dpi * scale)
        self.figure, self.canvas = figure, FigureCanvasAgg(figure)
        self.canvas.draw()
        figure.set_layout_engine("none")
        self.redrawn = list(_from_first(figure, dynamic))
        self.background = self._draw_background()
        self.draw_all()

    def draw(self) -> None:
        """Bring the canvas up to date."""
        renderer = self.canvas.get_renderer()
        self.canvas.restore_region(self.background)
        for artist in self.redrawn:
            artist.draw(renderer)

    def draw_all(self) -> None:
        """Draw everything, which also places titles for the current resolution."""
        self.canvas.draw()

    def pixels(self) -> np.ndarray:
        """Return what is on the canvas, (height, width, 3) bytes."""
        return np.asarray(self.canvas.buffer_rgba())[..., :3]

    def png(self) -> bytes:
        """Return what is on the canvas as PNG."""
        return encode_png(Image.fromarray(self.pixels()))

    def _draw_background(self) -> object:
        shown = [artist.get_visible() for artist in self.redrawn]
        for artist in self.redrawn:
            artist.set_visible(False)
        self.canvas.draw()
        for artist, visible in zip(self.redrawn, shown, strict=True):
            artist.set_visible(visible)
        return self.canvas.copy_from_bbox(self.figure.bbox)


def _from_first(figure: Figure, dynamic: Collection[Artist]) -> Iterator[Artist]:
    """Yield, in drawing order, the dynamic artists and the others drawn after one of them."""
    touched: list[Axes] = []
    for child in _in_order(figure):
        if not isinstance(child, Axes):
            if touched or _holds(child, dynamic):
                yield child
        elif any(child.bbox.overlaps(axes.bbox) for axes in touched):
            yield child
        elif _holds(child, dynamic):
            touched.append(child)
            inside = _in_order(child)
            first = next(i for i, artist in enumerate(inside) if _holds(artist, dynamic))
            yield from inside[first:]


def _in_order(parent: Figure | Axes) -> Sequence[Artist]:
    """Return what ``parent`` draws, from the bottom to the top."""
    children = [child for child in parent.get_children() if child is not parent.patch]
    if isinstance(parent, Axes) and not parent.axison:
        hidden = {parent.xaxis, parent.yaxis, *parent.spines.values()}
        children = [child for child in children if child not in hidden]
    return sorted(children, key=attrgetter("zorder"))


def _holds(artist: Artist, dynamic: Collection[Artist]) -> bool:
    return artist in dynamic or any(_holds(child, dynamic) for child in artist.get_children())
