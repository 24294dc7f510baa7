"""Which cell of a submitted notebook is which cell of the instructor's.

nbgrader's grade id decides; where it is lost, the cell's id, then its text, then its place between
two cells that are known. What stays unknown is the student's own.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from nbformat import NotebookNode

from course_lib.grading.cells import grade_id

__all__ = ["SPARE", "match", "same_text"]

SPARE = -1


def same_text(text: str) -> str:
    """Return the text without what editors change automatically: space at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def match(source: NotebookNode, release: NotebookNode, submitted: NotebookNode) -> list[int | None]:
    """Return for each submitted cell its place in the source.

    Args:
        source: the instructor's notebook.
        release: what the students got.
        submitted: what one of them handed in.

    Returns:
        The place; ``None`` for the student's own cell; ``SPARE`` for one more cell with the text of
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
    """Where in the source a cell stands, by everything that may tell."""

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
        """The place by nbgrader's mark or, without a known one, by the cell's id."""
        mark = grade_id(cell)
        return self.by_mark[mark] if mark in self.by_mark else self.by_id.get(cell.get("id"))

    def by_content(self, cell: NotebookNode, used: set[int]) -> int | None:
        """The first free place with this text; SPARE if they are all taken."""
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
    """Between two known neighbours, as many unknown cells of the same kinds are the same cells."""
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
