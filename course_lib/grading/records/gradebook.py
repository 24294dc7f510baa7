"""The gradebook's file: opening it, waiting while it is locked, and backing it up.

Formgrader, a backup program or another command may lock it for a while. nbgrader then gives up
after a few seconds; here a write is retried.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy.engine import make_url

from course_lib.grading.course import Course
from course_lib.grading.records.converters import Errors, quiet
from course_lib.whole_file import replacing

__all__ = [
    "Mark",
    "NotRecorded",
    "Score",
    "back_up",
    "database",
    "marks",
    "open_gradebook",
    "patiently",
    "score_of",
]

BACKUPS, KEPT = "backups", 10
LOCKED = "database is locked"

T = TypeVar("T")


class NotRecorded(RuntimeError):
    """A write to the gradebook failed; results are kept, and the next run records them."""


@dataclass(frozen=True)
class Score:
    """The gradebook's score of one submission.

    Attributes:
        points: given so far, by tests and by hand, minus late penalties.
        max_points: the maximum points of the assignment.
        needs_manual: whether something is still to be marked by hand.
    """

    points: float
    max_points: float
    needs_manual: bool

    @classmethod
    def of(cls, submission: Any) -> Score:
        """Return the score of one of the gradebook's submissions."""
        points = max(0.0, submission.score - (submission.late_submission_penalty or 0.0))
        return cls(points, submission.max_score, bool(submission.needs_manual_grade))


def database(course: Course) -> Path | None:
    """Return the gradebook's path, existing or not, or None if it is on a database server.

    Args:
        course: the course.
    """
    url = make_url(course.directory("").db_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def open_gradebook(course: Course) -> Gradebook:
    """Return the gradebook of a course; it is created if needed.

    Args:
        course: the course.
    """
    directory = course.directory("")
    return Gradebook(directory.db_url, directory.course_id)


def score_of(course: Course, assignment: str, student: str) -> Score | None:
    """Return a submission's score, or None if the gradebook has no such submission.

    Args:
        course: the course.
        assignment: the assignment's name.
        student: the student's id.
    """
    with open_gradebook(course) as gradebook:
        try:
            return Score.of(gradebook.find_submission(assignment, student))
        except MissingEntry:
            return None


@dataclass(frozen=True)
class Mark:
    """The gradebook's entry for one graded cell.

    Attributes:
        points: given so far.
        waits: whether it is still to be marked by hand.
    """

    points: float
    waits: bool


def marks(course: Course, assignment: str) -> dict[str, dict[str, dict[str, Mark]]]:
    """Return the marks of all students' cells, by student, notebook and grade id.

    Args:
        course: the course.
        assignment: the assignment's name.
    """
    file = database(course)
    if file and not file.is_file():
        return {}
    with quiet(course), open_gradebook(course) as gradebook:
        try:
            found = gradebook.assignment_submissions(assignment)
        except MissingEntry:
            return {}
        return {
            submission.student_id: {
                f"{notebook.name}.ipynb": {
                    grade.name: Mark(grade.score or 0.0, bool(grade.needs_manual_grade))
                    for grade in notebook.grades
                }
                for notebook in submission.notebooks
            }
            for submission in found
        }


def back_up(course: Course) -> Path | None:
    """Copy the gradebook into ``.grading/backups/``, where the last ten are kept.

    Args:
        course: the course.

    Returns:
        The path of the copy, or None if there is no file to copy.
    """
    source = database(course)
    if source is None or not source.is_file():
        return None
    folder = course.store / BACKUPS
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.stem}-{datetime.now():%Y%m%d-%H%M%S}.db"
    if not target.exists():
        with (
            replacing(target) as partial,
            closing(sqlite3.connect(source)) as old,
            closing(sqlite3.connect(partial)) as new,
        ):
            old.backup(new)
    for expendable in sorted(folder.glob("*.db"))[:-KEPT]:
        expendable.unlink()
    return target


def patiently(course: Course, patience: float, action: Callable[[], T]) -> T:
    """Return the result of an action on the gradebook, retried while the gradebook is locked.

    Args:
        course: the course.
        patience: seconds after which to give up on a locked gradebook.
        action: the action; it is restarted each time.

    Raises:
        NotRecorded: if the gradebook stays locked, or the action fails for another reason.
    """
    deadline, pause = time.monotonic() + patience, 0.1
    while True:
        with quiet(course) as errors:
            try:
                return action()
            except Exception as error:  # of any type: other submissions must not be affected
                late = time.monotonic() + pause > deadline
                if late or not _locked(error, errors):
                    raise NotRecorded(errors.last or repr(error)) from error
        time.sleep(pause)
        pause = min(2 * pause, 10.0)


def _locked(error: BaseException | None, errors: Errors) -> bool:
    """Return whether the gradebook was locked; nbgrader hides this in its own exceptions."""
    while error is not None and LOCKED not in str(error):
        error = error.__cause__ or error.__context__
    return error is not None or LOCKED in errors.text
