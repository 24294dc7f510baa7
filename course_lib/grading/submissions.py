"""What was handed in: ``submitted/STUDENT/ASSIGNMENT/``, looked at before anything is run."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CourseProblem", "Submission", "find_submissions", "source_notebooks"]

CONFIG, SOURCE, SUBMITTED = "nbgrader_config.py", "solutions", "submitted"


class CourseProblem(ValueError):
    """Grading cannot start: something of the course or of what was handed in is missing."""


@dataclass(frozen=True)
class Submission:
    """One student's folder for one assignment.

    Attributes:
        student: the student's id, the name of the folder above.
        folder: where the files lie.
    """

    student: str
    folder: Path

    def problem(self, notebooks: list[str]) -> str | None:
        """Return why this cannot be graded, or None.

        Args:
            notebooks: the file names that the assignment consists of.
        """
        if set("[]*?") & set(self.student):
            return "nbgrader cannot take [ ] * ? in a name: rename the folder"
        for path in (self.folder, *sorted(self.folder.rglob("*"))):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                return f"{path.name} is a link or no plain file"
        missing = [name for name in notebooks if not (self.folder / name).is_file()]
        if not missing:
            return None
        others = sorted(path.name for path in self.folder.glob("*.ipynb"))
        found = f"; found {', '.join(others)}: rename it" if others else ""
        return f"no {missing[0]} in it{found}"

    def digest(self, root: Path, assignment: str) -> str:
        """Return a fingerprint of the submission and of the assignment it is graded by."""
        state = hashlib.sha256((root / CONFIG).read_bytes())
        for folder in (self.folder, root / SOURCE / assignment):
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                name = os.fsencode(path.relative_to(folder))
                state.update(name + b"\0" + path.read_bytes())
        return state.hexdigest()


def source_notebooks(root: Path, assignment: str) -> list[str]:
    """Return the file names of an assignment's notebooks.

    Args:
        root: the folder of the course.
        assignment: the assignment's name.

    Raises:
        CourseProblem: if the course has no such assignment.
    """
    if not (root / CONFIG).is_file():
        raise CourseProblem(f"no {CONFIG} in {root}: run this in the folder of the course")
    found = sorted(path.name for path in (root / SOURCE / assignment).glob("*.ipynb"))
    if not assignment or not found:
        known = sorted({path.parent.name for path in (root / SOURCE).glob("*/*.ipynb")})
        close = difflib.get_close_matches(assignment, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}"
        raise CourseProblem(f"no assignment {assignment!r} in {SOURCE}/; {hint}")
    return found


def find_submissions(root: Path, assignment: str) -> list[Submission]:
    """Return what was handed in for an assignment, by student.

    Args:
        root: the folder of the course.
        assignment: the assignment's name.

    Raises:
        CourseProblem: if nothing was handed in.
    """
    where = f"{SUBMITTED}/STUDENT/{assignment}/"
    if not (root / SUBMITTED).is_dir():
        raise CourseProblem(f"no folder {SUBMITTED}/: put each notebook into {where}")
    found = list(_folders(root / SUBMITTED, assignment))
    if not found:
        raise CourseProblem(f"nothing was handed in for {assignment}: expected it in {where}")
    return found


def _folders(submitted: Path, assignment: str) -> Iterator[Submission]:
    for folder in sorted(submitted.iterdir()):
        if (folder / assignment).is_dir() and not folder.name.startswith("."):
            yield Submission(folder.name, folder / assignment)
