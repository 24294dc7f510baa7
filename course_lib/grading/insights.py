"""How a class did: the progress with each exercise, and the most frequent mistakes.

A mistake is the message of a failed test. The checks of this course name the usual mistakes, so
equal mistakes have equal first lines; for other tests, lines that differ only in numbers count as
equal. Students' names are left out unless requested.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.exercises import NOT_STARTED, STATES, Exercise, exercises, progress
from course_lib.grading.records.gradebook import marks
from course_lib.grading.records.results import Results

__all__ = ["Insight", "Insights", "Mistake", "insights", "rows"]

LONGEST = 120  # characters of a mistake
NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?")
BY_A_TEST = {"CheckFailed", "AssertionError"}  # errors whose messages need no type in front
ADVICE = re.compile(r"^  try +(.+(?:\n {12}.+)*)", re.MULTILINE)


@dataclass
class Mistake:
    """A message that failed tests of one or more students have in common.

    Attributes:
        text: its first line.
        advice: the check's advice, if it is one of the named mistakes.
        students: their ids.
    """

    text: str
    advice: str = ""
    students: list[str] = field(default_factory=list)


@dataclass
class Insight:
    """How a class did in one exercise.

    Attributes:
        exercise: the exercise.
        students: the ids of the students in each state.
        points: the points of each student.
        seconds: the running time of each student's code.
        mistakes: the most frequent first.
    """

    exercise: Exercise
    students: dict[str, list[str]]
    points: list[float]
    seconds: list[float]
    mistakes: list[Mistake]


@dataclass
class Insights:
    """How a class did in an assignment.

    Attributes:
        name: the assignment's name.
        graded: how many submissions were run and recorded; all numbers refer to these.
        others: how many were not, by state.
        totals: the total points of each student.
        most: the maximum points of the assignment.
        exercises: one insight each, in order.
    """

    name: str
    graded: int
    others: Counter[str]
    totals: list[float]
    most: float
    exercises: list[Insight]

    def topics(self, most: int = 5) -> list[tuple[int, Insight, Mistake]]:
        """Return the mistakes of two or more students by frequency: how many, where, what."""
        found = [(len(m.students), i, m) for i in self.exercises for m in i.mistakes]
        return sorted((f for f in found if f[0] > 1), key=lambda f: -f[0])[:most]


def insights(course: Course, name: str) -> Insights:
    """Return how a class did in an assignment, from what has been graded and recorded so far.

    Args:
        course: the course.
        name: the assignment's name.

    Raises:
        CourseProblem: if there is no such assignment, or no submission for it was graded.
    """
    assignment, results = Assignment.read(course, name), Results(course.store / "results")
    given = marks(course, name)
    latest, recorded = results.latest(name), results.recorded(name)
    graded = {s: r for s, r in latest.items() if r.notebooks and s in recorded and s in given}
    if not graded:
        raise CourseProblem(f"nothing of {name} is graded yet: make grade ASSIGNMENT={name}")
    found = []
    for exercise in exercises(assignment):
        made = {
            student: progress(exercise, result, given[student].get(exercise.file, {}))
            for student, result in graded.items()
        }
        errors = {student: one.errors for student, one in made.items()}
        found.append(
            Insight(
                exercise,
                {s: [who for who, one in made.items() if one.state == s] for s in STATES},
                [one.points for one in made.values()],
                [one.seconds for one in made.values()],
                _mistakes(errors),
            )
        )
    totals = [sum(points) for points in zip(*(one.points for one in found), strict=True)]
    others = Counter(result.state for s, result in latest.items() if s not in graded)
    most = sum(one.exercise.points for one in found)
    return Insights(name, len(graded), others, totals, most, found)


def rows(found: Insights, names: bool = False) -> Iterator[dict[str, str]]:
    """Yield the lines of a table: per exercise its states, points and time, then its mistakes.

    Args:
        found: how the class did.
        names: whether to include the students' ids.
    """
    for one in found.exercises:
        about = {"exercise": one.exercise.title, "notebook": one.exercise.file}
        states = [(state, "", one.students[state]) for state in STATES if one.students[state]]
        said = [("mistake", mistake.text, mistake.students) for mistake in one.mistakes]
        for kind, text, students in [*states, *said]:
            yield about | {
                "what": kind,
                "text": text,
                "students": str(len(students)),
                "of": str(found.graded),
                **({"who": " ".join(sorted(students))} if names else {}),
            }
        measured = {
            "mean points": sum(one.points) / len(one.points),
            "points": one.exercise.points,
            "median seconds": median(one.seconds),
        }
        for what, value in measured.items():
            line = about | {"what": what, "text": f"{value:.3g}", "students": "", "of": ""}
            yield line | ({"who": ""} if names else {})


def _mistakes(errors: dict[str, tuple[tuple[str, str], ...]]) -> list[Mistake]:
    """Return the mistakes with their students; the same mistake in two tests counts once."""
    texts: dict[str, Counter[str]] = defaultdict(Counter)
    found: dict[str, Mistake] = {}
    for student, said in errors.items():
        for kind, message in said:
            if kind in NOT_STARTED:
                continue
            text = _first_line(kind, message)
            key = text if kind == "CheckFailed" else NUMBER.sub("#", text)
            texts[key][text] += 1
            mistake = found.setdefault(key, Mistake(text, _advice(kind, message)))
            if student not in mistake.students:
                mistake.students.append(student)
    for key, mistake in found.items():
        mistake.text = texts[key].most_common(1)[0][0]
    return sorted(found.values(), key=lambda mistake: (-len(mistake.students), mistake.text))


def _first_line(kind: str, message: str) -> str:
    line = next((line.strip() for line in message.splitlines() if line.strip()), "")
    text = line if kind in BY_A_TEST and line else f"{kind}: {line}".rstrip(": ")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def _advice(kind: str, message: str) -> str:
    found = ADVICE.search(message) if kind == "CheckFailed" else None
    return " ".join(found[1].split()) if found else ""
