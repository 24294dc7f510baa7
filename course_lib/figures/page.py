"""A live figure as a web page that needs neither kernel nor network.

The static part is one SVG. For every state of the controls, only the dynamic artists are drawn.
Their SVG texts are stored, equal ones once, and a short script puts the right text in its place. So
a figure with 1,700 states takes a megabyte or two, and a step of a slider about a millisecond.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from course_lib.figures.controls import Control, Slider
from course_lib.figures.svg import draw_base, render, vector_drawing

__all__ = ["MAX_STATES", "to_html"]

MAX_STATES = 2000

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
#{id} .picture[tabindex]+figcaption::before{{content:"The picture scrolls to the right.\\A"}}
#{id} svg{{display:block;width:100%;min-width:30em;height:auto;background:#fff}}
#{id} label{{display:flex;gap:1em;align-items:center;margin:.3em 0}}
#{id} label>span:first-child{{flex:0 0 9em;text-align:right}}
#{id} input{{flex:0 1 20em;min-width:0}}
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


class Redrawn(Protocol):
    """What a page needs of a live figure: ``LiveFigure`` satisfies it, and imports this module."""

    figure: Figure
    controls: tuple[Control, ...]
    dynamic: tuple[Artist, ...]
    update: Callable[..., str]
    alt: str
    width: int

    def restore(self) -> None:
        """Redraw the state on the screen."""


def to_html(live: Redrawn, *, whole_page: bool = True) -> str:
    """Return the figure and all its states as HTML, the same bytes for the same figure.

    Args:
        live: the figure; its state is restored afterwards.
        whole_page: False for a fragment to insert into another page.

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
        with vector_drawing(live.figure, name):
            table, definitions = _tabulate(live, grids)
            readout = live.update(**start)
            svg = draw_base(live.figure, live.dynamic, name, definitions)
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


def _check_count(controls: Sequence[Control], grids: Sequence[Sequence[Any]]) -> None:
    count = math.prod(map(len, grids))
    if count > MAX_STATES:
        sizes = ", ".join(f"{c.name} {len(grid)}" for c, grid in zip(controls, grids, strict=True))
        raise ValueError(
            f"controls: {count} states are too many for a page (at most {MAX_STATES}): {sizes};"
            " give the sliders a coarser page_step"
        )


def _tabulate(
    live: Redrawn, grids: Sequence[Sequence[Any]]
) -> tuple[dict[str, Any], dict[str, None]]:
    """Return the table of all states, and the clip paths and hatches used in them."""
    readouts: list[str] = []
    fragments: list[list[str]] = [[] for _ in live.dynamic]
    definitions: dict[str, None] = {}
    names = [control.name for control in live.controls]
    for values in itertools.product(*grids):
        readouts.append(live.update(**dict(zip(names, values, strict=True))))
        for artist, drawn in zip(live.dynamic, fragments, strict=True):
            body, used = render(live.figure, artist.draw)
            drawn.append(body)
            definitions |= dict.fromkeys(used)
    texts = [
        [control.text(value) for value in grid]
        for control, grid in zip(live.controls, grids, strict=True)
    ]
    parts = [_share(drawn) for drawn in fragments]
    return {"texts": texts, "readouts": _share(readouts), "parts": parts}, definitions


def _share(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Return each distinct text once, and for every state the index of its text."""
    place: dict[str, int] = {}
    at = [place.setdefault(text, len(place)) for text in texts]
    return {"unique": list(place), "at": at}


def _input(control: Control, grid: Sequence[Any]) -> str:
    """Return the labelled control; its value is an index into the grid."""
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
