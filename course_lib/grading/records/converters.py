"""nbgrader's converters for one submission at a time, with the student's id taken literally.

nbgrader treats a student's id as a glob and logs to the terminal. Here an id may contain anything
that a folder's name may, any of nbgrader's folders can be replaced by another, and the log goes to
``.grading/grading.log``.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from traitlets import Dict, Unicode

from course_lib.grading.course import Course

__all__ = ["Errors", "SingleSubmission", "SubmissionDirectory", "quiet"]

LOG = "grading.log"
STUDENT, ASSIGNMENT = "\0student\0", "\0assignment\0"  # characters that no path contains


class SubmissionDirectory(CourseDirectory):
    """nbgrader's view of a course for one student, or for none: ``.``, as in nbgrader.

    Attributes:
        student: the id, taken literally.
        places: folders to use instead of the course's, by the course's names for them.
    """

    student = Unicode(".")
    places = Dict()

    @classmethod
    def of(
        cls, course: Course, assignment: str, student: str = ".", **places: Path
    ) -> SubmissionDirectory:
        """Return the view of a course.

        Args:
            course: the course.
            assignment: the assignment's name.
            student: the student's id.
            places: the folders to use instead, by nbgrader's name for them, such as "submitted".
        """
        view = cls(
            config=deepcopy(course.config),
            root=str(course.root),
            assignment_id=assignment,
            student=student,
            notebook_id="*",
            student_id_exclude="",
        )
        named = {getattr(view, f"{kind}_directory"): str(at) for kind, at in places.items()}
        view.places = named
        return view

    def format_path(
        self, nbgrader_step: str, student_id: str, assignment_id: str, escape: bool = False
    ) -> str:
        """Return a folder of the course or, if ``escape``, a pattern for only this student."""
        if not escape:
            return self._path(nbgrader_step, student_id, assignment_id)
        pattern = re.escape(self._path(nbgrader_step, STUDENT, ASSIGNMENT))
        student, assignment = re.escape(self.student), re.escape(self.assignment_id)
        pattern = pattern.replace(STUDENT, f"(?P<student_id>{student})")
        return pattern.replace(ASSIGNMENT, f"(?P<assignment_id>{assignment})")

    def _path(self, step: str, student: str, assignment: str) -> str:
        if step in self.places:
            return os.path.join(self.places[step], student, assignment)
        return super().format_path(step, student, assignment)


class SingleSubmission(BaseConverter):
    """A mixin for nbgrader's converters: only this one submission is converted."""

    def init_notebooks(self) -> None:
        """Find the submission's notebooks."""
        view = self.coursedir
        folder = view.format_path(self._input_directory, view.student, view.assignment_id)
        found = sorted(glob.glob(os.path.join(glob.escape(folder), "*.ipynb")))
        self.assignments, self.notebooks = {folder: found}, []


class Errors(logging.Handler):
    """Keep nbgrader's log of the last exception that it caught.

    Attributes:
        text: the full log message.
    """

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a traceback."""
        message = record.getMessage()
        if record.levelno >= logging.ERROR and "Traceback" in message:
            self.text = message

    @property
    def last(self) -> str:
        """The beginning of the traceback's line that names the exception."""
        lines = [line for line in self.text.splitlines() if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
        return lines[-1][:300] if lines else ""


@contextmanager
def quiet(course: Course) -> Iterator[Errors]:
    """Let nbgrader find its tools, and send its messages to the course's log.

    nbgrader starts ``alembic`` by name, which is otherwise found only in an activated environment.

    Args:
        course: the course.

    Yields:
        The handler that keeps nbgrader's exceptions.
    """
    course.store.mkdir(exist_ok=True)
    errors = Errors()
    file = logging.FileHandler(course.store / LOG, encoding="utf-8", errors="backslashreplace")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger, path = logging.getLogger("traitlets"), os.environ.get("PATH", "")
    before = logger.level, logger.propagate, logger.handlers
    logger.handlers, logger.propagate = [file, errors], False
    logger.setLevel(logging.INFO)
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), path])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield errors
    finally:
        os.environ["PATH"] = path
        logger.level, logger.propagate, logger.handlers = before
        file.close()
