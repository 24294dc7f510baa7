"""What must not reach a student: lines of answers, hidden tests and mark schemes.

The rules search the source for what would leak; ``leaks`` searches the release for what did.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from course_lib.notebooks.percent import grade_of, where

__all__ = ["leaks", "lines_of", "near_markers", "secrets", "told_answers"]

KINDS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
MARKERS = tuple(f"{end} {kind}" for kind in KINDS for end in ("BEGIN", "END"))
MARKER = re.compile(rf"\s*### ({'|'.join(MARKERS)})\s*")
HEADING = re.compile(r"\s*#+\s*(.*)")
TOLD = re.compile(r"\b(?:model|sample) (?:answer|solution)|\bmark(?:ing)? scheme", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]")  # a table's separator line has none
SHORTEST = 13  # shorter lines, such as "return total", may occur anywhere


def near_markers(cell: NotebookNode) -> Iterator[str]:
    """Yield a complaint for each line that resembles a marker but would clear nothing.

    Example:
        >>> print(*near_markers(nbformat.v4.new_code_cell("### BEGIN HIDEN TESTS")))
        a marker that clears nothing: ### BEGIN HIDEN TESTS (did you mean ### BEGIN HIDDEN TESTS?)
    """
    for line in cell.source.splitlines():
        heading = HEADING.fullmatch(line)
        if heading is None or MARKER.fullmatch(line):
            continue
        words = re.sub(r"[\W_]+", " ", heading[1]).strip().upper()
        close = difflib.get_close_matches(words, MARKERS, n=1, cutoff=0.75)
        if close:
            yield f"a marker that clears nothing: {line.strip()} (did you mean ### {close[0]}?)"


def told_answers(cell: NotebookNode) -> Iterator[str]:
    """Yield a complaint about words in a released text that announce an answer."""
    kept = cell.source if grade_of(cell) != "written" else ""
    for line in _outside(kept):
        found = TOLD.search(line)
        if found and not MARKER.fullmatch(line):
            yield f"students would see what follows {found[0]!r}: move it into a written cell"


def leaks(notebook: NotebookNode, released: bytes) -> list[str]:
    """Return one sentence for each secret line of a notebook that its release still contains.

    The lines between markers and the text of written cells are secret. They are searched for in
    every released cell, and in metadata, outputs and attachments.

    Args:
        notebook: the solution, from ``from_percent``.
        released: the notebook that students get.
    """
    given = nbformat.reads(released.decode(), as_version=4)
    lines = {line for cell in given.cells for line in lines_of(cell.source)}
    rest = json.dumps([{k: v for k, v in c.items() if k != "source"} for c in given.cells])
    rest += json.dumps(given.metadata)
    return [
        f"{where(cell)}: the release contains this line of it: {line}"
        for cell, line in secrets(notebook)
        if line in lines or json.dumps(line)[1:-1] in rest
    ]


def secrets(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, str]]:
    """Yield each secret line of a notebook, as ``lines_of`` gives it, with its cell; once per cell.

    Args:
        notebook: the solution, from ``from_percent``.
    """
    for cell in notebook.cells:
        for line in dict.fromkeys(_secrets(cell)):
            yield cell, line


def lines_of(text: str) -> set[str]:
    r"""Return the lines of a text without indentation and comment marks.

    Example:
        >>> sorted(lines_of("    # total = 1\n  total = 2"))
        ['total = 1', 'total = 2']
    """
    return {_bare(line) for line in text.splitlines()}


def _secrets(cell: NotebookNode) -> Iterator[str]:
    outside = list(_outside(cell.source)) if grade_of(cell) != "written" else []
    for line in cell.source.splitlines():
        bare = _bare(line)
        if line in outside:
            outside.remove(line)
        elif len(bare) >= SHORTEST and WORD.search(bare) and not MARKER.fullmatch(line):
            yield bare


def _outside(source: str) -> Iterator[str]:
    """Yield the lines that are not between markers."""
    inside = False
    for line in source.splitlines():
        if MARKER.fullmatch(line):
            inside = "BEGIN" in line
        elif not inside:
            yield line


def _bare(line: str) -> str:
    return line.strip("# \t")
