"""One line per submission: points, state, reason. Every submitted folder occurs once.

The points are the gradebook's, everything else is the grader's. Text that students chose, such as
names, can neither control a terminal nor become a formula in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import MissingEntry

from course_lib.grading.course import Course, Submission
from course_lib.grading.records.converters import quiet
from course_lib.grading.records.gradebook import Score, database, open_gradebook
from course_lib.grading.records.results import Result, Results
from course_lib.whole_file import write_whole

__all__ = ["Line", "as_csv", "report", "summary", "table", "write_csv"]

NOT_GRADED, AGAIN, NOTHING = "not graded yet", "handed in again since", "nothing handed in"
NOT_RECORDED = "not recorded yet"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Line:
    """The report on one student's submission.

    Attributes:
        student: the student's id.
        state: the result's state, or why there is no valid result.
        points: the points in the gradebook, or None.
        max_points: the maximum points of the assignment.
        waits: whether a written answer is still to be marked.
        reason: the explanation for the student.
        notes: what was found and repaired, and notes for the instructor only.
        seconds: wall time.
        isolation: the isolation of the student's code.
    """

    student: str
    state: str
    points: float | None = None
    max_points: float | None = None
    waits: bool = False
    reason: str = ""
    notes: str = ""
    seconds: float | None = None
    isolation: str = ""

    def cells(self) -> dict[str, str]:
        """Return the line as text, by column."""
        return {
            "student": self.student,
            "points": _number(self.points),
            "of": _number(self.max_points),
            "state": self.state,
            "written answer": "waits" if self.waits else "",
            "seconds": "" if self.seconds is None else f"{self.seconds:.1f}",
            "isolation": self.isolation,
            "reason": self.reason,
            "notes": self.notes,
        }


def report(course: Course, assignment: str, digest_of: Callable[[Submission], str]) -> list[Line]:
    """Return the report on each submission, sorted by student.

    Args:
        course: the course.
        assignment: the assignment's name.
        digest_of: the digest that the result of a submission would have in its present state.

    Raises:
        CourseProblem: if nothing was handed in.
    """
    handed_in = {submission.student: submission for submission in course.submissions(assignment)}
    results = Results(course.store / "results")
    latest, recorded = results.latest(assignment), results.recorded(assignment)
    scores, enrolled = _scores(course, assignment)
    lines = []
    for student in sorted(handed_in.keys() | enrolled):
        result = latest.get(student)
        state = NOTHING
        if student in handed_in:
            now = digest_of(handed_in[student])
            state = _state(result, now, student in recorded)
        lines.append(_line(student, state, scores.get(student), result))
    return lines


def table(lines: list[Line]) -> str:
    """Return the lines as a table for a terminal.

    Args:
        lines: the lines of the report.
    """
    rows = [[_printable(cell) for cell in line.cells().values()] for line in lines]
    rows.insert(0, list(Line("", "").cells()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def summary(lines: list[Line]) -> str:
    """Return how many submissions are in each state, the most frequent first.

    Args:
        lines: the lines of the report.

    Example:
        >>> summary([Line("ada", "graded"), Line("bob", "missing"), Line("eve", "graded")])
        '2 graded, 1 missing'
    """
    states = Counter(line.state for line in lines)
    return ", ".join(f"{number} {state}" for state, number in states.most_common())


def write_csv(lines: list[Line], path: Path) -> None:
    """Write the lines to a CSV file for a spreadsheet.

    Args:
        lines: the lines of the report.
        path: the file.
    """
    write_whole(path, as_csv([line.cells() for line in lines], Line("", "").cells()))


def as_csv(rows: Sequence[Mapping[str, str]], columns: Iterable[str] | None = None) -> bytes:
    """Return a table as CSV in which a spreadsheet finds no formula.

    Args:
        rows: for each row its cells, by column.
        columns: the columns of the table; those of the first row if not given.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns or rows[0])
    writer.writerows([_harmless(cell) for cell in row.values()] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _scores(course: Course, assignment: str) -> tuple[dict[str, Score], set[str]]:
    """Return the gradebook's scores for an assignment by student, and all students in it."""
    file = database(course)
    if file and not file.is_file():
        return {}, set()
    with quiet(course), open_gradebook(course) as gradebook:
        enrolled = {student.id for student in gradebook.students}
        try:
            found = gradebook.assignment_submissions(assignment)
        except MissingEntry:
            found = []
        return {submission.student_id: Score.of(submission) for submission in found}, enrolled


def _state(result: Result | None, now: str, recorded: bool) -> str:
    if result is None:
        return NOT_GRADED
    if result.digest != now:
        return AGAIN
    return result.state if recorded else NOT_RECORDED


def _line(student: str, state: str, score: Score | None, result: Result | None) -> Line:
    found = Result(student, "", "", state) if result is None else result
    return Line(
        student,
        state,
        points=score.points if score else None,
        max_points=score.max_points if score else None,
        waits=bool(score and score.needs_manual),
        reason=found.reason,
        notes="; ".join([*found.notes, *([found.private] if found.private else [])]),
        seconds=found.seconds if result else None,
        isolation=found.isolation,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _printable(text: str) -> str:
    """Return the text on one line, without terminal escape sequences."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _harmless(text: str) -> str:
    """Return the text in a form that a spreadsheet shows and does not evaluate."""
    return f"'{text}" if text.startswith(FORMULA) else text
