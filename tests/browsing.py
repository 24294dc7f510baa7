"""What a browser meets on a page of the web site: errors, requests, controls, accessibility."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

SLOW = 300_000  # milliseconds that a browser may take
WIDE, NARROW = 1280, 390
HERE = ("file:", "data:", "blob:")
REFERENCE = re.compile(r'<[a-z]+\b[^>]*? (?:href|src)="([^"]+)"')
NAMED = re.compile(r' (?:id|name)="([^"]+)"')
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SETTLED = "window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => 1) : 1"
# What is within an SVG is one picture, with the words of its label.
AXE = """
axe.run({include: document, exclude: ["svg > *"]}, {resultTypes: ["violations"], preload: false})
  .then(found => found.violations)
"""
# For each control of each live figure: from the first state, then from others, whether the picture
# and the words below it follow, and how long it takes until a changed picture is painted.
MOVE = """
async () => {
  const painted = () => new Promise(done => requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = done;
    after.port2.postMessage(0);
  }));
  const count = input => input.tagName === "SELECT" ? input.options.length : +input.max + 1;
  const set = (input, at) => {
    input.value = at;
    input.dispatchEvent(new Event("input", {bubbles: true}));
  };
  const report = [];
  for (const figure of document.querySelectorAll("figure[id^=live-]")) {
    figure.scrollIntoView({block: "center"});
    const picture = figure.querySelector("svg"), caption = figure.querySelector("figcaption");
    const inputs = [...figure.querySelectorAll("input,select")];
    const start = inputs.map(input => +input.value);
    const bases = [start, inputs.map(() => 0), inputs.map(input => count(input) - 1)];
    inputs.forEach((input, i) => {
      for (let at = 0; at < count(input) && input.tagName === "SELECT"; at++)
        bases.push(start.map((value, j) => i === j ? at : value));
    });
    for (const input of inputs) {
      const times = [];
      let moved = false, read = false;
      for (const base of bases) {
        if (moved && read) break;
        inputs.forEach((other, j) => set(other, base[j]));
        await painted();
        const steps = Math.max(1, Math.ceil(count(input) / 24));
        for (let at = 0; at < count(input); at += steps) {
          const before = picture.innerHTML, words = caption.textContent;
          const began = performance.now();
          set(input, at);
          await painted();
          const took = performance.now() - began;
          if (picture.innerHTML !== before) { moved = true; times.push(took); }
          read ||= caption.textContent !== words;
        }
      }
      const label = input.closest("label").querySelector("span").textContent;
      report.push({figure: figure.id, label, moved, read, times});
      inputs.forEach((other, j) => set(other, start[j]));
    }
  }
  return report;
}
"""


@dataclass
class Seen:
    """What a browser met on one page."""

    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    overflow: int = 0
    pictures_without_words: int = 0
    violations: list[str] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def foreign(self) -> list[str]:
        """What was asked of another host."""
        return [url for url in self.asked if not url.startswith(HERE)]

    @property
    def still(self) -> list[str]:
        """Controls that move neither the picture nor the words below it."""
        return [
            f"{control['figure']}: {control['label']} moves nothing"
            for control in self.controls
            if not control["moved"] and not control["read"]
        ]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test that asks for it is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or pytest.skip("no chromium")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=SLOW
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(
    browser: Any, path: Path, scheme: str = "light", width: int = WIDE
) -> Iterator[tuple[Any, Seen]]:
    """A page with its formulas set, and what was met so far."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page, seen = context.new_page(), Seen()
    page.set_default_timeout(SLOW)
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and seen.errors.append(said.text))
    page.goto(path.resolve().as_uri())
    page.evaluate(SETTLED)
    seen.overflow = page.evaluate(OVERFLOW)
    yield page, seen
    context.close()


def violations(page: Any) -> list[str]:
    """What axe-core finds wrong on an open page, one sentence for each rule."""
    script = Path(pytest.importorskip("axe_playwright_python").__file__).with_name("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8"))
    return [
        f"{found['id']} ({len(found['nodes'])}): {found['help']}:"
        f" {' '.join(found['nodes'][0]['html'].split())[:200]}"
        for found in page.evaluate(AXE)
    ]


def controls(page: Any) -> list[dict[str, Any]]:
    """What each control of each live figure moves, and the milliseconds of each step."""
    return page.evaluate(f"({MOVE})()")


def dead_links(folder: Path) -> list[str]:
    """Every link and file of a page that leads nowhere, places within pages included."""
    texts = {path.resolve(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    known = {path: {unescape(name) for name in NAMED.findall(t)} for path, t in texts.items()}
    dead = []
    for path, text in texts.items():
        for target in dict.fromkeys(map(unescape, REFERENCE.findall(text))):
            if re.match("[a-z]+:", target):
                continue
            name, _, place = unquote(target).partition("#")
            file = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not file.exists() or (place and file in known and place not in known[file]):
                dead.append(f"{path.relative_to(folder.resolve())}: {target}")
    return dead
