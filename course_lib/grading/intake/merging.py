"""The notebook that is graded: the instructor's with the student's answers.

Tests, points, order and locked cells always come from the source, so there is nothing to tamper
with. Cells that are neither graded nor locked may be changed: the student's version counts, since
it may contain an import or a helper function.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from course_lib.grading.cells import grade_id, is_solution
from course_lib.grading.intake.assembling import NEW_CELL, assemble, own_cell, without_outputs
from course_lib.grading.intake.losing import Lost
from course_lib.grading.intake.matching import SPARE, match, same_text
from course_lib.grading.intake.meaning import same_meaning
from course_lib.grading.intake.written import sanitise_markdown

__all__ = ["Merged", "merge"]

MAX_SOURCE, MAX_OWN_CELLS = 1_000_000, 500  # characters per cell; extra cells per notebook
MARKS = {
    "points": "points",
    "grade": "settings",
    "solution": "settings",
    "locked": "settings",
    "task": "settings",
}
READ = (
    "*(This answer had lost its nbgrader metadata and was not found. Look at the cells around it.)*"
)


@dataclass(frozen=True)
class Merged:
    """A notebook to grade, and how it differs from what was handed in.

    Attributes:
        notebook: the source's cells with the student's answers, and the student's own cells, which
            carry ``{"grading": {"extra": True}}``; every cell has a unique id, none has outputs.
        changes: what was restored or is missing, one sentence each, fit for the student to read.
        tampered: whether the behaviour of a test or locked cell, points or settings had been
            edited; deleting, copying or moving a cell, or adding a comment or a print, is not
            tampering.
        answers: the source of each code answer by grade id; the stub where there is none.
    """

    notebook: NotebookNode
    changes: list[str]
    tampered: bool
    answers: dict[str, str]


def merge(source: NotebookNode, release: NotebookNode, submitted: NotebookNode) -> Merged:
    """Return the source with the student's answers in it.

    Edits of cells that are neither graded nor locked are allowed and count. Of a student's cell
    only the text is kept, in markdown without raw HTML.

    Args:
        source: the instructor's notebook, with solutions and hidden tests.
        release: the released notebook, with stubs.
        submitted: a student's notebook, vetted.
    """
    work = _Merge(source, release, submitted)
    for place, cell in enumerate(source.cells):
        work.settle(place, cell)
    cells = work.assembled()
    notebook = new_notebook(cells=cells, metadata=deepcopy(source.metadata))
    return Merged(notebook, work.changes, work.tampered, work.answers)


class _Merge:
    """The work of one merge: first each cell of the source is settled, then all are assembled.

    A copy is a submitted cell that matches a cell of the source; there may be several.
    """

    def __init__(
        self, source: NotebookNode, release: NotebookNode, submitted: NotebookNode
    ) -> None:
        self.theirs: list[NotebookNode] = submitted.cells
        self.places = match(source, release, submitted)
        released = zip(match(source, release, release), release.cells, strict=True)
        self.released = {place: cell for place, cell in released if place not in (None, SPARE)}
        self.copies: dict[int, list[int]] = {}
        for at, place in enumerate(self.places):
            if place not in (None, SPARE):
                self.copies.setdefault(place, []).append(at)
        self.own = {at for at, place in enumerate(self.places) if place is None}
        self.lost = Lost(source, self.released, self.theirs, self.places)
        self.settled: list[NotebookNode] = []
        self.counting: dict[int, int] = {}  # for each place the copy that counts
        self.changes: list[str] = []
        self.guessed = False  # whether an answer was found only by its place
        self.tampered = False
        self.answers: dict[str, str] = {}

    def settle(self, place: int, cell: NotebookNode) -> None:
        """Decide what one cell of the source becomes."""
        new, copies = without_outputs(cell), self.copies.get(place, [])
        if copies:
            self.counting[place] = copies[0]
        if is_solution(cell):
            new.source = self._answer(place, cell, copies)
            if cell.cell_type == "code":
                self.answers[grade_id(cell)] = new.source
        elif grade_id(cell) is not None:
            self._check_locked(place, cell, copies)
        elif cell.cell_type != "raw":
            new.source = self._open(place, cell, copies)
        self._check_marks(place, cell, copies)
        self.settled.append(new)

    def assembled(self) -> list[NotebookNode]:
        """Return the settled cells, each own cell after its neighbour; all ids are unique."""
        own: dict[int, list[NotebookNode]] = {}
        neighbour, kept = -1, self._kept()
        for at, place in enumerate(self.places):
            if place is not None and self.counting.get(place) == at:
                neighbour = place
            if at in kept:
                cell = own_cell(self.theirs[at], self._text(at, self.theirs[at]))
                own.setdefault(neighbour, []).append(cell)
        return assemble(self.settled, own)

    def _edited(self, copies: list[int], *texts: str) -> list[int]:
        known = {same_text(text) for text in texts}
        return [at for at in copies if same_text(self.theirs[at].source) not in known]

    def _stub(self, place: int) -> str:
        """Return the released text; never the source's, which is the solution."""
        return self.released[place].source if place in self.released else ""

    def _answer(self, place: int, cell: NotebookNode, copies: list[int]) -> str:
        """Return the last copy that differs from the stub; earlier ones become extra cells."""
        name, edited = grade_id(cell), self._edited(copies, self._stub(place))
        if len(edited) > 1:
            self._say(f"The answer {name} occurs {len(edited)} times; the last one counts.")
            self.own.update(edited[:-1])
        at = (edited or copies or [self.lost.defining(place)])[-1]
        if at is None:
            return self._unmarked(place, cell)
        if not copies:
            self._say(f"The answer {name} had lost its metadata; it was found by what it defines.")
            self.own.discard(at)
            self.places[at] = place if self.places[at] is None else self.places[at]
        elif self.theirs[at].cell_type != cell.cell_type:
            kind = self.theirs[at].cell_type
            self._say(f"The answer {name} had become a {kind} cell; its text still counts.")
        self.counting[place] = at
        if not self._edited([at], self._stub(place), cell.source):
            text = self.theirs[at].source  # the instructor's own words, HTML included
        else:
            text = self._text(at, cell)
        return text

    def _unmarked(self, place: int, cell: NotebookNode) -> str:
        """Return the text at an answer's place; without one, a note to the grader or the stub."""
        there = {p: copies[0] for p, copies in self.copies.items()} | self.counting
        found, name = self.lost.between(place, there, self.own), grade_id(cell)
        if found:
            self._say(f"The answer {name} had lost its metadata; the text at its place counts.")
            self.own.difference_update(found)
            self.places[found[0]], self.counting[place] = place, found[0]
            self.guessed = True
            return "\n\n".join(self._text(at, cell) for at in found)
        self._say(f"The answer {name} is missing.")
        kinds = {self.theirs[at].cell_type for at in self.own if self.theirs[at].source.strip()}
        asks = cell.cell_type == "markdown" and (self.guessed or "markdown" in kinds)
        return READ if asks else self._stub(place)

    def _open(self, place: int, cell: NotebookNode, copies: list[int]) -> str:
        """Return the student's version of a cell that students may change."""
        edited = self._edited(copies, self._stub(place), cell.source)
        fitting = [at for at in edited if self.theirs[at].cell_type == cell.cell_type]
        self.own.update(set(edited) - set(fitting[-1:]))
        if not fitting:
            return cell.source
        self.counting[place] = fitting[-1]
        return self._text(fitting[-1], cell)

    def _check_locked(self, place: int, cell: NotebookNode, copies: list[int]) -> None:
        mark, name = cell.metadata.nbgrader, grade_id(cell)
        what = f"The {'test' if mark.get('grade') else 'read-only'} cell {name}"
        edited = self._edited(copies, self._stub(place), cell.source)
        retyped = [at for at in copies if self.theirs[at].cell_type != cell.cell_type]
        if not copies:
            self._say(f"{what} was missing; it was put back.")
        elif mark.get("task"):  # an answer may have been written into it
            self.own.update(edited)
        elif len(edited) == len(copies) and self._harmless(place, cell, edited):
            self._say(f"{what} had been edited, but still does the same; the original counts.")
        elif len(edited) == len(copies):
            self._tampered(f"{what} had been edited; the original counts.")
        elif len(retyped) == len(copies):
            self._tampered(f"{what} had been turned into another cell type; the original counts.")
        elif edited:
            self._say(f"{what} had been copied and edited; the original counts.")
            self.own.update(edited)

    def _harmless(self, place: int, cell: NotebookNode, edited: list[int]) -> bool:
        """Return whether a copy of a locked cell still does what the original does."""
        known = [text for text in (self._stub(place), cell.source) if text]
        return cell.cell_type != "code" or any(
            self.theirs[at].cell_type == "code" and same_meaning(self.theirs[at].source, text)
            for at in edited
            for text in known
        )

    def _check_marks(self, place: int, cell: NotebookNode, copies: list[int]) -> None:
        name = grade_id(cell)
        known = [one.metadata.get("nbgrader", {}) for one in (cell, self.released.get(place, cell))]
        marks = [self.theirs[at].metadata.nbgrader for at in copies if self._is(at, name)]
        for key, word in MARKS.items():
            right = [mark.get(key) or 0 for mark in known]
            if any(key in mark and (mark[key] or 0) not in right for mark in marks):
                self._tampered(f"The {word} of {name} had been edited; the original counts.")

    def _is(self, at: int, name: str | None) -> bool:
        return name is not None and grade_id(self.theirs[at]) == name

    def _kept(self) -> set[int]:
        """Return the student's own cells that are not empty, up to the maximum number."""
        kept = [
            at
            for at in sorted(self.own)
            if self.theirs[at].cell_type in NEW_CELL and self.theirs[at].source.strip()
        ]
        if len(kept) > MAX_OWN_CELLS:
            self._say(f"Of {len(kept)} extra cells, the first {MAX_OWN_CELLS} were kept.")
        return set(kept[:MAX_OWN_CELLS])

    def _text(self, at: int, cell: NotebookNode) -> str:
        """Return a student's text for a cell of the source, with markdown sanitised."""
        text = self.theirs[at].source
        if len(text) > MAX_SOURCE:
            self._say(f"A cell of {len(text)} characters was cut to {MAX_SOURCE}.")
            text = text[:MAX_SOURCE]
        return sanitise_markdown(text) if cell.cell_type == "markdown" else text

    def _say(self, change: str) -> None:
        if change not in self.changes:
            self.changes.append(change)

    def _tampered(self, change: str) -> None:
        self.tampered = True
        self._say(change)
