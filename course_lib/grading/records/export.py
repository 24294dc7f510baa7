"""The table of all grades, with the columns of nbgrader's own export, and properly quoted.

An id may hold a comma, a quote or a line break; in nbgrader's table it would break the line. One
assignment's grades also come as the files that Canvas and Moodle import: Canvas matches students by
"SIS Login ID", Moodle by the column that the instructor picks there, "ID number" or "Email
address". Students without points in the gradebook get an empty cell, not zero.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

__all__ = ["FORMATS", "grades"]

COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


def grades(gradebook: Gradebook) -> str:
    """Return every student's grades in every assignment, as CSV; nothing handed in counts zero.

    Args:
        gradebook: the gradebook.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(gradebook))
    return text.getvalue()


def _rows(gradebook: Gradebook) -> Iterator[dict[str, Any]]:
    for assignment in gradebook.assignments:
        for student in gradebook.students:
            yield {
                "assignment": assignment.name,
                "duedate": assignment.duedate,
                "student_id": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
                "max_score": assignment.max_score,
                **_score(gradebook, assignment.name, student.id),
            }


def _score(gradebook: Gradebook, assignment: str, student: str) -> dict[str, Any]:
    try:
        found = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return {"timestamp": "", "raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
    penalty = found.late_submission_penalty
    return {
        "timestamp": found.timestamp,
        "raw_score": found.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, found.score - penalty),
    }


def canvas(gradebook: Gradebook, assignment: str, title: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a file for Canvas: Grades > Import.

    Args:
        gradebook: the gradebook.
        assignment: the assignment's name.
        title: its title in Canvas; ``Title (id)`` for an existing assignment.
    """
    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
    most = gradebook.find_assignment(assignment).max_score
    yield {**dict.fromkeys(columns, ""), "Student": "    Points Possible", title: f"{most:g}"}
    for student in gradebook.students:
        names = [name for name in (student.last_name, student.first_name) if name]
        known = {"Student": ", ".join(names) or student.id, "SIS Login ID": student.id}
        score = _points(gradebook, assignment, student.id)
        yield {**dict.fromkeys(columns, ""), **known, title: score}


def moodle(gradebook: Gradebook, assignment: str, title: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a file for Moodle: Grades > Import > CSV file.

    Args:
        gradebook: the gradebook.
        assignment: the assignment's name.
        title: the title of the column, which is mapped to a grade item in Moodle.
    """
    for student in gradebook.students:
        yield {
            "First name": student.first_name or "",
            "Last name": student.last_name or "",
            "ID number": student.id,
            "Email address": student.email or "",
            title: _points(gradebook, assignment, student.id),
        }


FORMATS: dict[str, Callable[[Gradebook, str, str], Iterator[dict[str, str]]]] = {
    "canvas": canvas,
    "moodle": moodle,
}


def _points(gradebook: Gradebook, assignment: str, student: str) -> str:
    try:
        gradebook.find_submission(assignment, student)
    except MissingEntry:
        return ""
    return f"{_score(gradebook, assignment, student)['score']:.10g}"
