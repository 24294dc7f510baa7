"""Take the pictures of the README's tour from a built web site.

Run ``make tour``, or ``python tests/benchmarks/take_tour.py build/site``, with names to take only
these. What each picture shows is written next to the pictures; a test compares it with what the
course shows now.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from browsing import chromium, opened  # noqa: E402
from notebook_runs import ROOT  # noqa: E402
from tour import FOLDER, MOST_BYTES, TAKEN, TOUR, Picture  # noqa: E402

WIDTH = 1100
COLOURS = 64
SET = """
(input, at) => { input.value = at; input.dispatchEvent(new Event("input", {bubbles: true})); }
"""


def main(site: Path, *names: str) -> int:
    """Return 0 if each picture is small, else 1."""
    (ROOT / FOLDER).mkdir(parents=True, exist_ok=True)
    shown = json.loads((ROOT / TAKEN).read_text()) if (ROOT / TAKEN).is_file() else {}
    too_big = []
    with chromium() as browser:
        for picture in [p for p in TOUR if not names or p.name in names]:
            with opened(browser, site / picture.page, width=WIDTH) as (page, _):
                content = _smaller(_screenshot(page, picture))
            (ROOT / picture.file).write_bytes(content)
            shown[picture.name] = picture.shows()
            print(f"{picture.file}: {len(content) / 1e3:.0f} kB")
            if len(content) > MOST_BYTES:
                too_big.append(picture.name)
    (ROOT / TAKEN).write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
    print(f"above {MOST_BYTES} bytes: {', '.join(too_big) or 'none'}")
    return min(len(too_big), 1)


def _screenshot(page: Any, picture: Picture) -> bytes:
    live = picture.live()
    if live is None:
        cell = page.locator("div.cell").filter(has_text=picture.code.strip())
        return cell.last.screenshot()
    figure = page.locator("figure").filter(has=page.get_by_label(live.alt)).first
    inputs = figure.locator("input, select")
    for place, control in enumerate(live.controls):
        at = control.grid().index(picture.state.get(control.name, control.value))
        inputs.nth(place).evaluate(SET, str(at))
    return figure.screenshot()


def _smaller(png: bytes) -> bytes:
    """Return the picture with few colours, which is enough for lines and letters."""
    out = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS)
    image.save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
