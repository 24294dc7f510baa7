"""Answers that lost their mark: found by what they define, or by where they stand.

Some tools drop the metadata of cells, nbgrader's marks among them, and some students write into a
cell of their own.
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
    """Where the answers of a submission may be that no mark, id or text tells.

    Args:
        source: the instructor's notebook.
        released: what was given out, by place in the source.
        theirs: the submitted cells.
        places: of each submitted cell its place in the source, if it has one.
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
        """Return the cell that defines most of the functions and classes that an answer should.

        Args:
            place: the answer's in the source.
        """
        names = self._wanted(place)
        ranked = [(len(names & self._definitions[at]), at) for at in self._definitions]
        best, at = max(ranked, default=(0, None))
        return at if best else None

    def between(self, place: int, there: Mapping[int, int], own: set[int]) -> list[int]:
        """Return the student's own cells between the neighbours of an answer that defines nothing.

        If another answer is missing there, it has to share them: the first takes one cell.

        Args:
            place: the answer's in the source.
            there: for each cell of the source that was handed in, where.
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
        """Whether a cell holds text of a kind, and does not look like the answer to a question."""
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
