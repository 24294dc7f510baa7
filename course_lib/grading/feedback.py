"""The feedback for students: one page per notebook, made by nbgrader's ``GenerateFeedback``.

A page shows the answers with their output, points, comments and the messages of failed tests, but
no hidden test, no file, and nothing that runs. A box at the top gives the state of the submission.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config

from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.exercises import Exercise, exercises, progress
from course_lib.grading.formulas import MarkedFormulas
from course_lib.grading.pages import (
    HiddenTestsCleared,
    PlainContent,
    contents,
    page,
    safe_body,
    what_became,
)
from course_lib.grading.preprocessors import MessagesOnly
from course_lib.grading.records.converters import SingleSubmission, SubmissionDirectory
from course_lib.grading.records.gradebook import Mark, NotRecorded, marks, patiently, score_of
from course_lib.grading.records.results import Result, Results
from course_lib.grading.sandbox.limits import GIB, MIB
from course_lib.whole_file import write_whole

__all__ = ["feedback"]

CHAIN = [GetGrades, HiddenTestsCleared, MessagesOnly, PlainContent]
UNREAD = "A written answer has not been marked yet; the score does not include its points."
UNSHOWN = "The graded notebook cannot be shown here."
PATIENCE = 60.0  # seconds to wait for a locked gradebook
SECONDS = PATIENCE + 60.0  # for the pages of one submission
MEMORY, LARGEST = 4 * GIB, 20 * MIB  # bytes: memory of their process, size of the pages


class Pages(SingleSubmission, GenerateFeedback):
    """nbgrader's feedback without the files next to a notebook, and with marked formulas."""

    def _exporter_class_default(self) -> type[MarkedFormulas]:
        return MarkedFormulas

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing."""


def feedback(
    course: Course, assignment: str, students: Collection[str] | None = None
) -> list[Path]:
    """Write the pages of an assignment's submissions into ``feedback/STUDENT/ASSIGNMENT/``.

    A submission that has not been graded, or whose result is not in the gradebook yet, gets no
    page.

    Args:
        course: the course.
        assignment: the assignment's name.
        students: the ids of the students; everyone if not given.

    Returns:
        The pages.

    Raises:
        CourseProblem: if nothing was handed in at all, or by one of the named students.
    """
    there = [submission.student for submission in course.submissions(assignment)]
    wanted = there if students is None else list(students)
    unknown = sorted(set(wanted) - set(there))
    if unknown:
        raise CourseProblem(f"nothing was handed in for {assignment} by {', '.join(unknown)}")
    results = Results(course.store / "results")
    latest, recorded = results.latest(assignment), results.recorded(assignment)
    tasks, given = exercises(Assignment.read(course, assignment)), marks(course, assignment)
    written: list[Path] = []
    for student in wanted:
        if student in latest and student in recorded:
            written += _pages(course, latest[student], tasks, given.get(student, {}))
    return written


def _pages(
    course: Course, result: Result, tasks: list[Exercise], given: dict[str, dict[str, Mark]]
) -> list[Path]:
    """Write the pages of one submission."""
    made = _made(course, result) if result.notebooks else {}
    told = [UNSHOWN] if result.notebooks and not made else []
    score = score_of(course, result.assignment, result.student) if made else None
    told += [UNREAD] if score is not None and score.needs_manual else []
    box = what_became(result.state, result.reason, [*result.notes, *told])
    view = SubmissionDirectory.of(course, result.assignment, result.student)
    folder = Path(view.format_path(view.feedback_directory, result.student, result.assignment))
    written = [folder / f"{Path(name).stem}.html" for name in course.notebooks(result.assignment)]
    for path in written:
        file = f"{path.stem}.ipynb"
        lines = [
            (task.graded[0], task.title, one.points, task.points, one.state)
            for task in tasks
            if task.file == file
            for one in [progress(task, result, given.get(file, {}))]
        ]
        body = contents(made.get(path.name, ""), lines)
        text = page(body, f"{path.stem}, {result.student}", box)
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    return written


def _made(course: Course, result: Result) -> dict[str, str]:
    """Return the safe bodies of nbgrader's pages, by file name; empty if nbgrader fails.

    A hostile notebook can keep the renderer busy for hours, so rendering runs in a separate process
    with a time limit.
    """
    with tempfile.TemporaryDirectory() as place:
        work = multiprocessing.get_context("fork").Process(
            target=_make, args=(course, result, Path(place)), daemon=True
        )
        work.start()
        work.join(SECONDS)
        if work.exitcode != 0:
            work.kill()
            work.join()
            return {}
        pages = list(Path(place).rglob("*.html"))
        if sum(path.stat().st_size for path in pages) > LARGEST:
            return {}
        return {path.name: path.read_text("utf-8", "surrogateescape") for path in pages}


def _make(course: Course, result: Result, place: Path) -> None:
    """Write the safe bodies of the pages into a folder; exit with status 1 on failure."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    view = SubmissionDirectory.of(course, result.assignment, result.student, feedback=place)
    config = view.config
    config.HTMLExporter = Config(embed_images=False)
    pages = Pages(coursedir=view, config=config, preprocessors=CHAIN, force=True)
    try:
        patiently(course, PATIENCE, pages.start)
    except NotRecorded:  # the reason is in the log; all others get their pages
        sys.exit(1)
    for path in place.rglob("*.html"):
        body = safe_body(path.read_text("utf-8"))
        path.write_text(body, "utf-8", "surrogateescape")
