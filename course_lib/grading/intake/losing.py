"""Answers that lost their nbgrader metadata: found by what they define, or by their place.

Some tools drop the metadata of cells, including nbgrader's, and some students write their answers
into new cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from nbformat import NotebookNode

from course_lib.grading.cells import is_solution

__all__ = ["Lost"]

DEFINED = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)


class Lost:
    """The places of answers that can be found neither by metadata nor by id or text.

    Args:
        source: the instructor's notebook.
        released: the released cells, by place in the source.
        theirs: the submitted cells.
        places: for each submitted cell, its place in the source, or None.
    """

    def __init__(
        self,
        source: NotebookNode,
        released: Mapping[int, NotebookNode],
        theirs: list[NotebookNode],
        places: list[int | None],
    ) -> None:
        self.cells, self.released, self.theirs = source.cells, released, theirs
        answers = {place for place, cell in enumerate(self.cells) if is_solution(cell)}
        self.authored = [at for at, place in enumerate(places) if place is None or place in answers]

    def defining(self, place: int) -> int | None:
        """Return the cell that defines the most of the functions and classes that an answer should.

        Args:
            place: the answer's place in the source.
        """
        names = self._wanted(place)
        ranked = [(len(names & self._definitions[at]), at) for at in self._definitions]
        best, at = max(ranked, default=(0, None))
        return at if best else None

    def between(self, place: int, there: Mapping[int, int], own: set[int]) -> list[int]:
        """Return the student's own cells between the neighbours of an answer that defines nothing.

        If another answer is missing there, it has to share them: the first takes one cell.

        Args:
            place: the answer's place in the source.
            there: for each cell of the source that was found in the submission, its place there.
            own: which of the submitted cells are the student's own.
        """
        if self._wanted(place):
            return []
        before = max((p for p in there if p < place), default=-1)
        after = min((p for p in there if p > place), default=len(self.cells))
        between = range(there.get(before, -1) + 1, there.get(after, len(self.theirs)))
        kind = self.cells[place].cell_type
        free = [at for at in between if at in own and self._may_be(at, kind)]
        others = [c for c in self.cells[place + 1 : after] if is_solution(c)]
        return free[: 1 if kind in {cell.cell_type for cell in others} else None]

    def _may_be(self, at: int, kind: str) -> bool:
        """Return whether a cell has text, is of this type, and is not another question's answer."""
        cell = self.theirs[at]
        sound = cell.cell_type == kind and bool(cell.source.strip())
        return sound and not self._definitions.get(at, set()) & self._all_wanted

    def _wanted(self, place: int) -> set[str]:
        if self.cells[place].cell_type != "code":
            return set()
        stub = self.released[place].source if place in self.released else ""
        return set(DEFINED.findall(f"{self.cells[place].source}\n{stub}"))

    @cached_property
    def _all_wanted(self) -> set[str]:
        answers = [place for place, cell in enumerate(self.cells) if is_solution(cell)]
        return set().union(*map(self._wanted, answers))

    @cached_property
    def _definitions(self) -> dict[int, set[str]]:
        code = [at for at in self.authored if self.theirs[at].cell_type == "code"]
        return {at: set(DEFINED.findall(self.theirs[at].source)) for at in code}
