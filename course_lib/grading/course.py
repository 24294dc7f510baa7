"""The folder of a course: its configuration, its assignments and its submissions.

Any nbgrader course has this layout; folders with other names are read from its own
``nbgrader_config.py``.
"""

from __future__ import annotations

import difflib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_lib.notebooks.release import load_config

__all__ = ["Course", "CourseProblem", "Submission"]

CONFIG, STORE = "nbgrader_config.py", ".grading"


class CourseProblem(ValueError):
    """Grading cannot start because part of the course or of the submissions is missing."""


@dataclass(frozen=True)
class Submission:
    """One student's folder for one assignment.

    Attributes:
        student: the student's id, which is the name of the parent folder.
        folder: the folder of the submitted files.
    """

    student: str
    folder: Path


@dataclass(frozen=True)
class Course:
    """A course's folder and its configuration.

    Attributes:
        root: the folder, absolute.
        config: the settings in ``nbgrader_config.py``.
    """

    root: Path
    config: Config

    @classmethod
    def open(cls, root: Path) -> Course:
        """Return the course in a folder.

        Args:
            root: the folder of the course.

        Raises:
            CourseProblem: if it contains no ``nbgrader_config.py``.
        """
        root = root.resolve()
        if not (root / CONFIG).is_file():
            raise CourseProblem(f"no {CONFIG} in {root}: run this in the folder of the course")
        return cls(root, load_config(root))

    @property
    def store(self) -> Path:
        """The folder of the grader's own files: results, backups and the log."""
        return self.root / STORE

    def directory(self, assignment: str) -> CourseDirectory:
        """Return nbgrader's own view of the course, for one assignment."""
        config: Config = deepcopy(self.config)
        return CourseDirectory(config=config, root=str(self.root), assignment_id=assignment)

    def folder(self, kind: str) -> Path:
        """Return one of the course's folders.

        Args:
            kind: "source", "release", "submitted", "autograded" or "feedback", nbgrader's words.
        """
        return self.root / getattr(self.directory(""), f"{kind}_directory")

    def notebooks(self, assignment: str) -> dict[str, Path]:
        """Return the source notebooks of an assignment, by file name.

        Args:
            assignment: the assignment's name.

        Raises:
            CourseProblem: if the course has no such assignment.
        """
        source = self.folder("source")
        found = {path.name: path for path in sorted((source / assignment).glob("*.ipynb"))}
        if not found or Path(assignment).name != assignment:
            known = sorted({path.parent.name for path in source.glob("*/*.ipynb")})
            close = difflib.get_close_matches(assignment, known, n=1, cutoff=0.4)
            there = ", ".join(known) or "none"
            hint = f"did you mean {close[0]}?" if close else f"there are: {there}"
            raise CourseProblem(f"no assignment {assignment!r} in {source.name}/; {hint}")
        return found

    def submissions(self, assignment: str) -> list[Submission]:
        """Return the submissions for an assignment, sorted by student.

        Args:
            assignment: the assignment's name.

        Raises:
            CourseProblem: if nothing was handed in.
        """
        submitted = self.folder("submitted")
        where = f"{submitted.name}/STUDENT/{assignment}/"
        if not submitted.is_dir():
            raise CourseProblem(f"no folder {submitted.name}/: put each notebook into {where}")
        found = [
            Submission(folder.name, folder / assignment)
            for folder in sorted(submitted.iterdir())
            if (folder / assignment).is_dir() and not folder.name.startswith(".")
        ]
        if not found:
            raise CourseProblem(f"nothing was handed in for {assignment}: expected it in {where}")
        return found
