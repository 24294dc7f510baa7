"""One line a submission: points, state, reason. Every folder that was handed in is in it once.

The points are the gradebook's, everything else is what the grader found. What students chose, their
names for example, can neither steer a terminal nor become a formula in a spreadsheet.
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
    """What is known of one student's submission.

    Attributes:
        student: the student's id.
        state: the result's, or why there is none that counts.
        points: the gradebook's, if it has some.
        max_points: what the assignment can give.
        waits: whether a written answer awaits a reader.
        reason: what can be told to the student.
        notes: what was found and mended, and what the instructor alone is told.
        seconds: wall time.
        isolation: how far the student's code was shut in.
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
    """Return what is known of each submission, by student.

    Args:
        course: the course.
        assignment: the assignment's name.
        digest_of: what digest a submission's result would have, as it lies there now.

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
        lines: those of the report.
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
        lines: those of the report.

    Example:
        >>> summary([Line("ada", "graded"), Line("bob", "missing"), Line("eve", "graded")])
        '2 graded, 1 missing'
    """
    states = Counter(line.state for line in lines)
    return ", ".join(f"{number} {state}" for state, number in states.most_common())


def write_csv(lines: list[Line], path: Path) -> None:
    """Write the lines into a file for a spreadsheet.

    Args:
        lines: those of the report.
        path: the file.
    """
    write_whole(path, as_csv([line.cells() for line in lines], Line("", "").cells()))


def as_csv(rows: Sequence[Mapping[str, str]], columns: Iterable[str] | None = None) -> bytes:
    """Return a table as CSV in which no cell is a formula to a spreadsheet.

    Args:
        rows: by column what stands in it.
        columns: those of the table; the first row's if not given.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns or rows[0])
    writer.writerows([_harmless(cell) for cell in row.values()] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _scores(course: Course, assignment: str) -> tuple[dict[str, Score], set[str]]:
    """The gradebook's scores of an assignment by student, and all students that it knows."""
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
    """The text in one line, without anything that a terminal obeys."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _harmless(text: str) -> str:
    """The text as a spreadsheet shows it, not as it computes it."""
    return f"'{text}" if text.startswith(FORMULA) else text
