"""Matching the cells of a submitted notebook to those of the instructor's notebook.

nbgrader's grade id decides; if it is lost, the cell's id, then its text, then its place between two
matched cells. Cells without a match are the student's own.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from nbformat import NotebookNode

from course_lib.grading.cells import grade_id

__all__ = ["SPARE", "match", "same_text"]

SPARE = -1


def same_text(text: str) -> str:
    """Return the text without trailing whitespace, which editors change automatically."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def match(source: NotebookNode, release: NotebookNode, submitted: NotebookNode) -> list[int | None]:
    """Return the place in the source of each submitted cell.

    Args:
        source: the instructor's notebook.
        release: the released notebook.
        submitted: a student's notebook.

    Returns:
        For each cell the place; ``None`` for a student's own cell; ``SPARE`` for a further copy of
        a source cell.
    """
    places = _Places(source, release)
    found = [places.by_name(cell) for cell in submitted.cells]
    used = {place for place in found if place is not None}
    for at, cell in enumerate(submitted.cells):
        if found[at] is None:
            found[at] = places.by_content(cell, used)
            used.add(found[at])
    _fill_gaps(source, submitted, found)
    return found


class _Places:
    """Lookup of a cell's place in the source by grade id, cell id or text."""

    def __init__(self, source: NotebookNode, release: NotebookNode) -> None:
        self.by_mark: dict[str, int] = {}
        self.by_id: dict[str, int] = {}
        self.by_text: dict[str, list[int]] = defaultdict(list)
        for place, cell in enumerate(source.cells):
            self._learn(cell, place)
        for cell in release.cells:
            place = self.by_name(cell)
            if place is not None:
                self._learn(cell, place)

    def by_name(self, cell: NotebookNode) -> int | None:
        """Return the place by grade id or, without a known one, by cell id."""
        mark = grade_id(cell)
        return self.by_mark[mark] if mark in self.by_mark else self.by_id.get(cell.get("id"))

    def by_content(self, cell: NotebookNode, used: set[int]) -> int | None:
        """Return the first free place with this text, or SPARE if all are taken."""
        places = self.by_text.get(same_text(cell.source))
        return places and next((place for place in places if place not in used), SPARE)

    def _learn(self, cell: NotebookNode, place: int) -> None:
        mark, text = grade_id(cell), same_text(cell.source)
        if mark is not None:
            self.by_mark[mark] = place
        if cell.get("id"):
            self.by_id.setdefault(cell.id, place)
        if text and place not in self.by_text[text]:
            self.by_text[text].append(place)


def _fill_gaps(source: NotebookNode, submitted: NotebookNode, found: list[int | None]) -> None:
    """Match the cells between two matched neighbours if number and types agree on both sides."""
    known = [(at, place) for at, place in enumerate(found) if place not in (None, SPARE)]
    taken = {place for _, place in known}
    for before, after in pairwise([(-1, -1), *known, (len(found), len(source.cells))]):
        theirs, ours = range(before[0] + 1, after[0]), range(before[1] + 1, after[1])
        if len(theirs) == len(ours) and not taken.intersection(ours):
            pairs = zip(theirs, ours, strict=True)
            if all(_both_plain(submitted.cells[i], source.cells[j]) for i, j in pairs):
                found[theirs.start : theirs.stop] = ours


def _both_plain(one: NotebookNode, other: NotebookNode) -> bool:
    marked = "nbgrader" in one.metadata or "nbgrader" in other.metadata
    return not marked and one.cell_type == other.cell_type
