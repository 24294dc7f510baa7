"""Recording results in ``gradebook.db`` and ``autograded/`` with nbgrader's own ``Autograde``.

The notebooks already contain the outputs, made by our judge; nbgrader reads them as if it had run
the cells. So it remains in charge of points, late penalties, formgrader, export and manual grades.
Only one process at a time may record.
"""

from __future__ import annotations

import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.utils import parse_utc

from course_lib.grading.course import CONFIG, Course, CourseProblem
from course_lib.grading.preprocessors import leave_to_person, replay_chain
from course_lib.grading.records.converters import SingleSubmission, SubmissionDirectory
from course_lib.grading.records.export import grades
from course_lib.grading.records.gradebook import (
    NotRecorded,
    Score,
    back_up,
    database,
    open_gradebook,
    patiently,
)
from course_lib.grading.records.results import Result, Results, digest
from course_lib.whole_file import write_whole

__all__ = ["Recorder"]

GRADES = "grades.csv"
TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,9})? ?([A-Za-z0-9+-][\w+:/-]{0,39})?"
)


class Register(SingleSubmission, GenerateAssignment):
    """nbgrader's release of an assignment, which adds it to the gradebook."""


class Replay(SingleSubmission, Autograde):
    """nbgrader's autograding in one pass, since there is nothing to clear or to run."""

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Convert a notebook that already has its outputs."""
        super(Autograde, self).convert_single_notebook(notebook_filename)


class Recorder:
    """The only writer of a course's gradebook, which is backed up before the first write.

    Args:
        course: the course.
        assignment: the assignment's name.
        patience: seconds to wait for a locked gradebook.
    """

    def __init__(self, course: Course, assignment: str, patience: float = 60.0) -> None:
        self.course, self.assignment, self.patience = course, assignment, patience
        self.results = Results(course.store / "results")
        self.unjudged: Mapping[str, Mapping[str, str]] = {}  # tests left to a person, and why
        self._backed_up = False

    def register(self) -> None:
        """Add the assignment to the gradebook, unless it is there unchanged.

        Raises:
            CourseProblem: if nbgrader refuses the assignment, or the gradebook is locked for too
                long.
        """
        try:
            patiently(self.course, self.patience, self._register)
        except NotRecorded as error:
            raise CourseProblem(f"the gradebook refused {self.assignment}: {error}") from error

    def record(self, result: Result) -> Score | None:
        """Write a result to the gradebook and to ``autograded/``; repeating this is harmless.

        Args:
            result: the result.

        Returns:
            The score, or None if nothing was run: the gradebook is then unchanged.

        Raises:
            NotRecorded: if the gradebook is locked for too long, or nbgrader fails.
        """
        score = None
        if result.notebooks:
            score = patiently(self.course, self.patience, lambda: self._record(result))
        self.results.mark_recorded(result)
        return score

    def holds(self, result: Result) -> bool:
        """Return whether the graded notebooks of a result are in ``autograded/``.

        Args:
            result: the result.
        """
        folder = self.course.folder("autograded") / result.student / result.assignment
        return all((folder / name).is_file() for name in result.notebooks)

    def export(self) -> list[str]:
        """Write the grades of all assignments to ``grades.csv``.

        Returns:
            The students whose grade in it, if any, is not that of their latest submission.

        Raises:
            NotRecorded: if the gradebook is locked for too long.
        """
        patiently(self.course, self.patience, self._export)
        latest = self.results.latest(self.assignment)
        recorded = self.results.recorded(self.assignment)
        graded = {s for s, result in latest.items() if result.notebooks and s in recorded}
        there = [submission.student for submission in self.course.submissions(self.assignment)]
        return [student for student in there if student not in graded]

    def _register(self) -> None:
        mark = self.course.store / f"{self.assignment}.source"
        now = self._source_digest()
        if self._registered() and mark.is_file() and mark.read_text() == now:
            return
        self._before_writing()
        with tempfile.TemporaryDirectory() as folder:
            view = SubmissionDirectory.of(self.course, self.assignment, release=Path(folder))
            Register(coursedir=view, config=view.config, force=True).start()
        write_whole(mark, now.encode())

    def _record(self, result: Result) -> Score:
        self._before_writing()
        with tempfile.TemporaryDirectory() as folder:
            stage = Path(folder)
            self._stage(result, stage / result.student / result.assignment)
            view = SubmissionDirectory.of(
                self.course, result.assignment, result.student, submitted=stage
            )
            chain = replay_chain(view.config)
            Replay(coursedir=view, config=view.config, force=True, preprocessors=chain).start()
        with open_gradebook(self.course) as gradebook:
            return Score.of(gradebook.find_submission(result.assignment, result.student))

    def _export(self) -> None:
        with open_gradebook(self.course) as gradebook:
            text = grades(gradebook)
        write_whole(self.course.root / GRADES, text.encode("utf-8", "surrogateescape"))

    def _before_writing(self) -> None:
        if not self._backed_up:
            back_up(self.course)
        self._backed_up = True

    def _stage(self, result: Result, folder: Path) -> None:
        """Write a result as a submission: its notebooks and its time stamp."""
        folder.mkdir(parents=True)
        for name, notebook in result.notebooks.items():
            made = leave_to_person(nbformat.from_dict(notebook), self.unjudged.get(name, {}))
            nbformat.write(made, folder / name)
        handed_in = self.course.folder("submitted") / result.student / result.assignment
        when = _timestamp(handed_in / "timestamp.txt")
        if when:
            (folder / "timestamp.txt").write_text(when)

    def _registered(self) -> bool:
        """Return whether the assignment's notebooks are in the gradebook."""
        file = database(self.course)
        if file and not file.is_file():
            return False
        with open_gradebook(self.course) as gradebook:
            try:
                found = gradebook.find_assignment(self.assignment)
            except MissingEntry:
                return False
            names = {f"{notebook.name}.ipynb" for notebook in found.notebooks}
        return names == set(self.course.notebooks(self.assignment))

    def _source_digest(self) -> str:
        notebooks = self.course.notebooks(self.assignment)
        parts = [part for n, p in notebooks.items() for part in (n.encode(), p.read_bytes())]
        return digest([(self.course.root / CONFIG).read_bytes(), *parts])


def _timestamp(path: Path) -> str | None:
    """Return the time of a submission, if a plain file gives it in a format that nbgrader reads."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open(encoding="utf-8") as file:
            text = file.read(100).strip()
        return text if TIMESTAMP.fullmatch(text) and parse_utc(text) else None
    except (OSError, ValueError, OverflowError, TypeError):
        return None
