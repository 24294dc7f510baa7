"""Every page of a built web site in a browser: its size, its figures, their latency, its faults.

Run ``make site-check``, or ``python tests/benchmarks/site_pages.py build/site``, with words to look
only at the pages whose name has one of them. Each page is opened wide in the light and narrow in
the dark, and with ``--every-view`` the other way round as well.

Faults are console errors, requests to another host, dead links, pages wider than a telephone,
controls that move nothing, and whatever axe-core finds; the exit status is 1 if there is one.
Latency, from the event to the painted picture, is reported and is no fault: it depends on what else
the machine does.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from browsing import (  # noqa: E402
    NARROW,
    WIDE,
    Seen,
    chromium,
    controls,
    dead_links,
    opened,
    violations,
)

from course_lib.notebooks.site.sizes import Size, page_sizes, too_big  # noqa: E402

VIEWS = [("light", WIDE), ("dark", NARROW)]
REST = [("dark", WIDE), ("light", NARROW)]
HEADER = (
    f"{'page':34s} {'MB':>6s} {'kB sent':>8s} {'figures':>8s} {'controls':>9s} {'ms median':>10s}"
    f" {'ms worst':>9s} {'axe':>4s} {'requests':>9s} {'foreign':>8s} {'faults':>7s}"
)


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if no page has a fault, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("words", nargs="*", help="only pages whose name has one of these")
    parser.add_argument("--every-view", action="store_true")
    parser.add_argument("--shots", type=Path, help="a folder for screenshots of every view")
    options = parser.parse_args(arguments)
    if shutil.which("chromium") is None:
        parser.error("no chromium on this machine")
    views = [*VIEWS, *REST] if options.every_view else VIEWS
    faults = [*dead_links(options.folder), *too_big(options.folder)]
    print(HEADER)
    with chromium() as browser:
        for name, size in page_sizes(options.folder).items():
            if not options.words or any(word in name for word in options.words):
                looks = list(_looks(browser, options.folder, name, views, options.shots))
                found = [f"{name}, {view}: {fault}" for view, s in looks for fault in _faults(s)]
                print(_row(name, size, [seen for _, seen in looks], len(found)), flush=True)
                faults += found
    print(*faults, sep="\n")
    print(f"{len(faults)} faults")
    return min(len(faults), 1)


def _looks(
    browser: Any, folder: Path, name: str, views: list[tuple[str, int]], shots: Path | None
) -> Iterator[tuple[str, Seen]]:
    for scheme, width in views:
        with opened(browser, folder / name, scheme, width) as (page, seen):
            seen.violations = violations(page)
            if shots is not None:
                shots.mkdir(parents=True, exist_ok=True)
                stem = name.removesuffix(".html").replace("/", "-")
                page.screenshot(path=shots / f"{stem}-{scheme}-{width}.png", full_page=True)
            if (scheme, width) == VIEWS[0]:
                seen.controls = controls(page)
            yield f"{scheme}, {width} px", seen


def _faults(seen: Seen) -> list[str]:
    wide = [f"wider than the window by {seen.overflow} px"] if seen.overflow > 0 else []
    foreign = [f"asked {url}" for url in seen.foreign]
    return [*seen.errors, *foreign, *wide, *seen.still, *(f"axe: {v}" for v in seen.violations)]


def _row(name: str, size: Size, looks: list[Seen], faults: int) -> str:
    moved = looks[0].controls
    times = [time for control in moved for time in control["times"]]
    middle, worst = (f"{f(times):.0f}" if times else "" for f in (median, max))
    return (
        f"{name:34s} {size.raw / 1e6:6.2f} {size.compressed / 1e3:8.0f}"
        f" {len({control['figure'] for control in moved}):8d} {len(moved):9d}"
        f" {middle:>10s} {worst:>9s} {sum(len(s.violations) for s in looks):4d}"
        f" {len(looks[0].asked):9d} {sum(len(s.foreign) for s in looks):8d} {faults:7d}"
    )


if __name__ == "__main__":
    sys.exit(main())
