"""The table of all grades, in the columns of nbgrader's own export, and quoted where it must be.

An id may hold a comma, a quote or a line break; in nbgrader's table it would break the line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

__all__ = ["grades"]

COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


def grades(gradebook: Gradebook) -> str:
    """Return every student's grades in every assignment, as CSV; nothing handed in counts zero.

    Args:
        gradebook: where they stand.
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
