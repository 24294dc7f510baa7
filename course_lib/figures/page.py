"""A live figure as a web page that needs neither kernel nor network.

The unchanging part is one SVG. For every state of the controls only the dynamic artists are drawn,
and their text is kept, equal texts once; a short script puts the right text in its place. So a
figure of 1,700 states takes a megabyte or two, and a step of a slider about a millisecond.
"""

from __future__ import annotations

import hashlib
import html
import io
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

from course_lib.figures.controls import Control, Slider
from course_lib.figures.palette import shrink_embedded

__all__ = ["MAX_STATES", "still_svg", "to_html"]

MAX_STATES = 2000
SVG_DPI = 72
MARKERS = re.compile(r'<use [^<>]*? style="([^"]*)"/>(?:<use [^<>]*? style="\1"/>)+')
DEFINITION = re.compile("<clipPath.*?</clipPath>|<pattern.*?</pattern>")

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font-family:sans-serif;margin:1rem;background:#fff;color:#000}}</style></head>
<body>
{figure}
</body></html>
"""

FRAGMENT = """<figure id="{id}" style="margin:0;max-width:{width}px">
<style>
#{id} svg *{{stroke-linejoin:round;stroke-linecap:butt}}
#{id}{{color-scheme:light}}
#{id} .picture{{overflow-x:auto}}
#{id} svg{{display:block;width:100%;min-width:30em;height:auto;background:#fff}}
#{id} label{{display:flex;gap:1em;align-items:center;margin:.3em 0}}
#{id} label>span:first-child{{flex:0 0 9em;text-align:right}}
#{id} input{{flex:0 1 20em}}
#{id} label>.value,#{id} figcaption{{font-family:monospace;white-space:pre-wrap}}
#{id} figcaption{{line-height:1.4;min-height:2.8em}}
</style>
{controls}
<div class="picture" role="group" aria-label="Picture">{svg}</div>
<figcaption><div role="status">{readout}</div></figcaption>
<script type="application/json">{table}</script>
</figure>
<script>
(() => {{
  const figure = document.getElementById("{id}");
  const table = JSON.parse(figure.querySelector("script").textContent);
  const inputs = [...figure.querySelectorAll("input,select")];
  const places = table.parts.map((part, k) => document.getElementById("{id}-" + k));
  const readout = figure.querySelector("[role=status]");
  const picture = figure.querySelector(".picture");
  function draw() {{
    let state = 0;
    inputs.forEach((input, i) => {{
      const at = +input.value, text = table.texts[i][at];
      state = state * table.texts[i].length + at;
      if (input.type === "range") {{
        input.setAttribute("aria-valuetext", text);
        input.nextElementSibling.textContent = text;
      }}
    }});
    table.parts.forEach((part, k) => {{
      if (places[k].shown !== part.at[state]) {{
        places[k].shown = part.at[state];
        places[k].innerHTML = part.unique[part.at[state]];
      }}
    }});
    readout.textContent = table.readouts.unique[table.readouts.at[state]];
  }}
  inputs.forEach(input => {{
    input.addEventListener("input", draw);
    input.addEventListener("keydown", event => event.stopPropagation());
  }});
  // Where the picture is wider than the window, the arrow keys scroll it.
  new ResizeObserver(() => {{
    if (picture.scrollWidth > picture.clientWidth) picture.tabIndex = 0;
    else picture.removeAttribute("tabindex");
  }}).observe(picture);
  draw();
}})();
</script>"""

# Letters stay readable on a telephone, where the picture scrolls.
STILL = "display:block;width:100%;min-width:30em;height:auto;background:#fff;stroke-linejoin:round"


class Redrawn(Protocol):
    """What a page needs of a live figure: ``LiveFigure`` has it, and imports this module."""

    figure: Figure
    controls: tuple[Control, ...]
    dynamic: tuple[Artist, ...]
    update: Callable[..., str]
    alt: str
    width: int

    def restore(self) -> None:
        """Draw the state on the screen again."""


def to_html(live: Redrawn, *, whole_page: bool = True) -> str:
    """Return the figure and all its states as HTML, the same bytes for the same figure.

    Args:
        live: the figure; afterwards it is in the state in which it was.
        whole_page: False for a fragment to set into another page.

    Returns:
        A page, or a ``<figure>`` with its script.

    Raises:
        ValueError: if the controls have more than 2,000 states.
    """
    grids = [control.grid() for control in live.controls]
    _check_count(live.controls, grids)
    name = "live-" + hashlib.sha256(live.alt.encode()).hexdigest()[:8]
    start = {control.name: control.value for control in live.controls}
    try:
        with _vector_drawing(live.figure, name):
            table, definitions = _tabulate(live, grids)
            readout = live.update(**start)
            svg = _draw_base(live.figure, live.dynamic, name, definitions)
    finally:
        live.restore()
    svg = f'<svg role="img" aria-label="{html.escape(live.alt, quote=True)}" {svg}'
    figure = FRAGMENT.format(
        id=name,
        width=live.width,
        controls="\n".join(map(_input, live.controls, grids)),
        svg=svg,
        readout=html.escape(readout),
        table=json.dumps(table, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/"),
    )
    return PAGE.format(title=html.escape(live.alt), figure=figure) if whole_page else figure


def still_svg(figure: Figure, alt: str, width: int) -> str:
    """Return a figure that does not move as an SVG element, the same bytes for the same figure.

    Args:
        figure: the figure; its resolution is left as it is.
        alt: what a reader who cannot see the picture must know.
        width: pixels on the screen, if there is room.
    """
    name = "still-" + hashlib.sha256(alt.encode()).hexdigest()[:8]
    with _vector_drawing(figure, name):
        svg = _draw_base(figure, (), name, ())
    style = f"{STILL};max-width:{width}px"
    return f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" style="{style}" {svg}'


def _check_count(controls: Sequence[Control], grids: Sequence[Sequence[Any]]) -> None:
    count = math.prod(map(len, grids))
    if count > MAX_STATES:
        sizes = ", ".join(f"{c.name} {len(grid)}" for c, grid in zip(controls, grids, strict=True))
        raise ValueError(
            f"controls: {count} states are too many for a page (at most {MAX_STATES}): {sizes};"
            " give the sliders a coarser page_step"
        )


@contextmanager
def _vector_drawing(figure: Figure, salt: str) -> Iterator[None]:
    """Draw at the resolution of SVG, text as text, and names that are the same in every run."""
    dpi = figure.dpi
    settings = {"svg.fonttype": "none", "svg.hashsalt": salt, "image.composite_image": False}
    figure.set_dpi(SVG_DPI)
    try:
        with mpl.rc_context(settings | {"path.simplify_threshold": 0.2}):
            yield
    finally:
        figure.set_dpi(dpi)


def _tabulate(
    live: Redrawn, grids: Sequence[Sequence[Any]]
) -> tuple[dict[str, Any], dict[str, None]]:
    """Return the table of all states, and the clip paths and hatches that they use."""
    readouts: list[str] = []
    fragments: list[list[str]] = [[] for _ in live.dynamic]
    definitions: dict[str, None] = {}
    names = [control.name for control in live.controls]
    for values in itertools.product(*grids):
        readouts.append(live.update(**dict(zip(names, values, strict=True))))
        for artist, drawn in zip(live.dynamic, fragments, strict=True):
            body, used = _render(live.figure, artist.draw)
            drawn.append(body)
            definitions |= dict.fromkeys(used)
    texts = [
        [control.text(value) for value in grid]
        for control, grid in zip(live.controls, grids, strict=True)
    ]
    parts = [_share(drawn) for drawn in fragments]
    return {"texts": texts, "readouts": _share(readouts), "parts": parts}, definitions


def _share(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Return each different text once, and for every state which it is."""
    place: dict[str, int] = {}
    at = [place.setdefault(text, len(place)) for text in texts]
    return {"unique": list(place), "at": at}


def _draw_base(
    figure: Figure, dynamic: Sequence[Artist], name: str, definitions: Iterable[str]
) -> str:
    """Return the SVG, from its viewBox on, with a named group around each dynamic artist."""
    for k, artist in enumerate(dynamic):
        # An attribute of the instance goes before the method: the group stands where it is drawn.
        artist.draw = _in_group(artist.draw, f"{name}-{k}")
    try:
        body, used = _render(figure, figure.draw)
    finally:
        for artist in dynamic:
            del artist.draw
    width, height = (inches * SVG_DPI for inches in figure.get_size_inches())
    shared = "".join(dict.fromkeys(itertools.chain(used, definitions)))
    return f'viewBox="0 0 {width:g} {height:g}"><defs>{shared}</defs>{body}</svg>'


def _in_group(draw: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    def grouped(renderer: RendererSVG) -> None:
        renderer.open_group("live", gid=name)
        draw(renderer)
        renderer.close_group("live")

    return grouped


def _render(figure: Figure, draw: Callable[[Any], None]) -> tuple[str, list[str]]:
    """Return what ``draw`` writes as SVG, and the clip paths and hatches that it refers to."""
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


def _shorten(svg: str) -> str:
    """Drop what a browser does not need: unused names, name spaces, line ends, far decimals."""
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(?<= d=")[^"]*', _shorten_path, svg)
    svg = re.sub(r'(?<= [xy]=")-?\d+\.\d{3,}', lambda number: f"{float(number[0]):.2f}", svg)
    svg = re.sub(r'(?<= style=")[^"]*', _shorten_style, svg)
    return MARKERS.sub(_share_style, re.sub(r">\s+<", "><", svg)).strip()


def _shorten_style(match: re.Match[str]) -> str:
    style = match[0].replace(": ", ":").replace("; ", ";")
    return re.sub(r"'Bitstream Vera Sans.*?(?=sans-serif)", "Verdana, ", style)


def _share_style(match: re.Match[str]) -> str:
    """Return markers of one look in a group that has it."""
    style = f' style="{match[1]}"'
    return f"<g{style}>{match[0].replace(style, '')}</g>"


def _shorten_path(match: re.Match[str]) -> str:
    path = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}", match[0])
    path = re.sub(r"\.0(?!\d)", "", " ".join(path.split()))
    path = re.sub(r" ?([A-Za-z]) ?", r"\1", path)
    # After a move, pairs of numbers are lines by default.
    return path if re.search("[CQz]", path) else path.replace("L", " ")


def _input(control: Control, grid: Sequence[Any]) -> str:
    """Return the labelled control; its value is the place in the grid."""
    label, at = html.escape(control.label or control.name), grid.index(control.value)
    if isinstance(control, Slider):
        text = control.text(control.value)
        made = (
            f'<input type="range" min="0" max="{len(grid) - 1}" value="{at}"'
            f' aria-valuetext="{text}"><span class="value" aria-hidden="true">{text}</span>'
        )
    else:
        options = (
            f'<option value="{i}"{" selected" if i == at else ""}>'
            f"{html.escape(control.text(value))}</option>"
            for i, value in enumerate(grid)
        )
        made = f"<select>{''.join(options)}</select>"
    return f"<label><span>{label}</span>{made}</label>"
