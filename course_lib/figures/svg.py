"""A matplotlib figure as short SVG: text stays text, and what a browser does not need is dropped.

``still_svg`` draws a figure that does not move. With the other functions, ``page`` draws the
changing artists of a live figure separately from the rest.
"""

from __future__ import annotations

import hashlib
import html
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from course_lib.figures.palette import shrink_embedded

__all__ = ["draw_base", "render", "still_svg", "vector_drawing"]

SVG_DPI = 72
MARKERS = re.compile(r'<use [^<>]*? style="([^"]*)"/>(?:<use [^<>]*? style="\1"/>)+')
DEFINITION = re.compile("<clipPath.*?</clipPath>|<pattern.*?</pattern>")
# Letters stay readable on a telephone, where the picture scrolls.
STILL = "display:block;width:100%;min-width:30em;height:auto;background:#fff;stroke-linejoin:round"


def still_svg(figure: Figure, alt: str, width: int) -> str:
    """Return a figure that does not move as an SVG element, the same bytes for the same figure.

    Args:
        figure: the figure; its resolution is unchanged afterwards.
        alt: the alternative text, for a reader who cannot see the picture.
        width: the width on the screen in pixels, if there is room.
    """
    name = "still-" + hashlib.sha256(alt.encode()).hexdigest()[:8]
    with vector_drawing(figure, name):
        svg = draw_base(figure, (), name, ())
    style = f"{STILL};max-width:{width}px"
    return f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" style="{style}" {svg}'


@contextmanager
def vector_drawing(figure: Figure, salt: str) -> Iterator[None]:
    """Set up drawing as SVG: its resolution, text as text, and the same names in every run.

    Args:
        figure: the figure; its resolution is restored afterwards.
        salt: the names of clip paths and hatches are hashes with this salt.
    """
    dpi = figure.dpi
    settings = {"svg.fonttype": "none", "svg.hashsalt": salt, "image.composite_image": False}
    figure.set_dpi(SVG_DPI)
    try:
        with mpl.rc_context(settings | {"path.simplify_threshold": 0.2}):
            yield
    finally:
        figure.set_dpi(dpi)


def draw_base(
    figure: Figure, dynamic: Sequence[Artist], name: str, definitions: Iterable[str]
) -> str:
    """Return the SVG of a figure, from its viewBox on.

    Args:
        figure: the figure.
        dynamic: the artists that change; artist k is drawn in a group with the id ``name-k``.
        name: the name of the figure in its page.
        definitions: clip paths and hatches to include, in addition to those used here.
    """
    for k, artist in enumerate(dynamic):
        # The attribute hides the method, so the group appears where the artist is drawn.
        artist.draw = _in_group(artist.draw, f"{name}-{k}")
    try:
        body, used = render(figure, figure.draw)
    finally:
        for artist in dynamic:
            del artist.draw
    width, height = (inches * SVG_DPI for inches in figure.get_size_inches())
    shared = "".join(dict.fromkeys(itertools.chain(used, definitions)))
    return f'viewBox="0 0 {width:g} {height:g}"><defs>{shared}</defs>{body}</svg>'


def render(figure: Figure, draw: Callable[[Any], None]) -> tuple[str, list[str]]:
    """Return what ``draw`` writes as SVG, and the clip paths and hatches that it refers to.

    Args:
        figure: the figure, whose size is that of the SVG.
        draw: draws with a renderer: the ``draw`` of the figure or of one of its artists.
    """
    out = io.StringIO()
    width, height = (inches * SVG_DPI for inches in figure.get_size_inches())
    renderer = RendererSVG(width, height, out, image_dpi=SVG_DPI)
    renderer.writer.flush()
    start = out.tell()
    draw(renderer)
    renderer.writer.flush()
    end = out.tell()
    renderer.finalize()
    text = out.getvalue()
    return shrink_embedded(_shorten(text[start:end])), DEFINITION.findall(_shorten(text[end:]))


def _in_group(draw: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    def grouped(renderer: RendererSVG) -> None:
        renderer.open_group("live", gid=name)
        draw(renderer)
        renderer.close_group("live")

    return grouped


def _shorten(svg: str) -> str:
    """Drop what a browser does not need: unused names, namespaces, line breaks, extra decimals."""
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(?<= d=")[^"]*', _shorten_path, svg)
    svg = re.sub(r'(?<= [xy]=")-?\d+\.\d{3,}', lambda number: f"{float(number[0]):.2f}", svg)
    svg = re.sub(r'(?<= style=")[^"]*', _shorten_style, svg)
    return MARKERS.sub(_share_style, re.sub(r">\s+<", "><", svg)).strip()


def _shorten_style(match: re.Match[str]) -> str:
    style = match[0].replace(": ", ":").replace("; ", ";")
    return re.sub(r"'Bitstream Vera Sans.*?(?=sans-serif)", "Verdana, ", style)


def _share_style(match: re.Match[str]) -> str:
    """Return markers with the same style as a group that has this style."""
    style = f' style="{match[1]}"'
    return f"<g{style}>{match[0].replace(style, '')}</g>"


def _shorten_path(match: re.Match[str]) -> str:
    path = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}", match[0])
    path = re.sub(r"\.0(?!\d)", "", " ".join(path.split()))
    path = re.sub(r" ?([A-Za-z]) ?", r"\1", path)
    # After a move, pairs of numbers are lines by default.
    return path if re.search("[CQz]", path) else path.replace("L", " ")
