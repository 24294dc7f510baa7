"""One assignment through stock nbgrader: autograde, feedback, export; one line a submission.

Each submission goes through nbgrader by itself, so one that breaks stops nobody else's. Student
code runs with the rights of whoever calls this.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from traitlets.config import Config

from course_lib.grading.submissions import Submission, find_submissions, source_notebooks
from course_lib.notebooks.release import load_config

__all__ = ["Verdict", "grade"]

AUTOGRADED, STATE, LOG, GRADES = "autograded", "graded.json", "grading.log", "grades.csv"


@dataclass(frozen=True)
class Verdict:
    """What became of one submission.

    Attributes:
        student: the student's id.
        status: "graded", "unchanged" since it was last graded, or "failed".
        score: points so far, manual ones included.
        max_score: points the assignment can give.
        awaits: whether a written answer awaits a reader.
        seconds: wall time.
        reason: why it failed.
    """

    student: str
    status: str
    score: float = 0.0
    max_score: float = 0.0
    awaits: bool = False
    seconds: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        """Return the line of the report."""
        if self.status == "failed":
            return f"{self.student}: FAILED: {self.reason}"
        waits = ", a written answer awaits you" if self.awaits else ""
        points = f"{self.score:g} of {self.max_score:g}{waits}"
        return f"{self.student}: {self.status}, {points} ({self.seconds:.1f} s)"


def grade(
    root: Path, assignment: str, again: bool = False, report: Callable[[str], None] = print
) -> list[Verdict]:
    """Grade what lies in ``submitted/`` for an assignment, write feedback and ``grades.csv``.

    What has not changed since it was graded is not run again; its feedback is rewritten, since
    manual grades may have come in.

    Args:
        root: the folder of the course.
        assignment: the assignment's name.
        again: run every submission, changed or not.
        report: receives one line a submission, as soon as it is known.

    Returns:
        One verdict a submission, by student.

    Raises:
        CourseProblem: if there is no such assignment or nothing was handed in.
    """
    root = root.resolve()
    notebooks = source_notebooks(root, assignment)
    submissions = find_submissions(root, assignment)
    course = _Course(root, assignment)
    verdicts = []
    with _quiet(root / AUTOGRADED / LOG):
        course.register()
        for number, submission in enumerate(submissions, 1):
            verdict = course.verdict(submission, notebooks, again)
            report(f"[{number}/{len(submissions)}] {verdict}")
            verdicts.append(verdict)
        course.export()
    return verdicts


class _Course:
    """A course's folder and configuration, for one assignment."""

    def __init__(self, root: Path, assignment: str) -> None:
        self.root, self.assignment = root, assignment
        self.config = load_config(root)
        self.state = root / AUTOGRADED / STATE

    def register(self) -> None:
        """Tell the gradebook about the assignment; its release goes nowhere."""
        with tempfile.TemporaryDirectory() as folder:
            directory = self._directory()
            directory.release_directory = folder
            GenerateAssignment(coursedir=directory, config=self.config, force=True).start()

    def verdict(self, submission: Submission, notebooks: list[str], again: bool) -> Verdict:
        """Return what becomes of one submission."""
        student = submission.student
        began = time.monotonic()
        errors = _Errors()
        with errors.listening():
            try:
                problem = submission.problem(notebooks)
                if problem:
                    return Verdict(student, "failed", reason=problem)
                digest = submission.digest(self.root, self.assignment)
                known = not again and self._graded(student) == digest
                if not known:
                    self._remember(student, None)
                    self._convert(Autograde, student)
                    self._remember(student, digest)
                self._convert(GenerateFeedback, student)
                seconds = time.monotonic() - began
                return self._score(student, "unchanged" if known else "graded", seconds)
            except Exception as error:  # of any kind: nobody else may suffer from it
                return Verdict(student, "failed", reason=errors.last or repr(error))

    def export(self) -> None:
        """Write the grades of all assignments to ``grades.csv``."""
        directory = self._directory()
        with Gradebook(directory.db_url, directory.course_id) as gradebook:
            CsvExportPlugin(to=str(self.root / GRADES)).export(gradebook)

    def _convert(self, converter: type, student: str) -> None:
        directory = self._directory()
        directory.student_id = student
        converter(coursedir=directory, config=self.config, force=True).start()

    def _score(self, student: str, status: str, seconds: float) -> Verdict:
        directory = self._directory()
        with Gradebook(directory.db_url, directory.course_id) as gradebook:
            found = gradebook.find_submission(self.assignment, student)
            points = found.score, found.max_score, found.needs_manual_grade
        return Verdict(student, status, *points, seconds=seconds)

    def _directory(self) -> CourseDirectory:
        config: Config = deepcopy(self.config)
        return CourseDirectory(config=config, root=str(self.root), assignment_id=self.assignment)

    def _states(self) -> dict[str, str]:
        try:
            return json.loads(self.state.read_text())
        except (FileNotFoundError, ValueError):  # without it everything is graded anew
            return {}

    def _graded(self, student: str) -> str | None:
        """The fingerprint of what was last graded, if its result is still there."""
        folder = self.root / AUTOGRADED / student / self.assignment
        key = f"{student}/{self.assignment}"
        return self._states().get(key) if folder.is_dir() else None

    def _remember(self, student: str, digest: str | None) -> None:
        states = self._states()
        states.pop(f"{student}/{self.assignment}", None)
        if digest:
            states[f"{student}/{self.assignment}"] = digest
        unfinished = self.state.with_suffix(".new")
        unfinished.write_text(json.dumps(states, indent=1, sort_keys=True))
        unfinished.replace(self.state)


class _Errors(logging.Handler):
    """Keep the last error that nbgrader logs, in one line."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the last line of an error; of a traceback, that is the error itself."""
        message = record.getMessage().strip()
        if record.levelno >= logging.ERROR and "Traceback" in message:
            self.last = message.splitlines()[-1]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to nbgrader for the duration of a with statement."""
        logger = logging.getLogger("traitlets")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)


@contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Send what nbgrader says to a log file."""
    path.parent.mkdir(exist_ok=True)
    logger, handler = (
        logging.getLogger("traitlets"),
        logging.FileHandler(path, errors="backslashreplace"),
    )
    before = logger.level, logger.propagate, logger.handlers
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.level, logger.propagate, logger.handlers = before
        handler.close()
