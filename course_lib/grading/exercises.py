"""The exercises of an assignment, and how far each student got with them.

An exercise is one or more answers and the tests that follow them, with the heading above as its
title; a written answer is a separate exercise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbformat import NotebookNode

from course_lib.grading.assignment import Assignment
from course_lib.grading.cells import grade_id, is_solution
from course_lib.grading.intake.matching import same_text
from course_lib.grading.records.gradebook import Mark
from course_lib.grading.records.results import Result

__all__ = ["STATES", "Exercise", "Progress", "exercises", "progress"]

STATES = ("solved", "tried", "not started", "to be read")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
NOT_STARTED = {"NotStarted", "NotImplementedError"}  # the error that stubs raise


@dataclass(frozen=True)
class Exercise:
    """One exercise of an assignment.

    Attributes:
        file: the name of its notebook.
        title: the heading above it, or the grade id of its first cell.
        stubs: the released stubs of its answers, by grade id.
        graded: the grade ids of the cells with its points.
        points: the sum of their points.
    """

    file: str
    title: str
    stubs: Mapping[str, str]
    graded: tuple[str, ...]
    points: float


@dataclass(frozen=True)
class Progress:
    """How far a student got with an exercise.

    Attributes:
        state: one of ``STATES``.
        points: the points in the gradebook so far.
        errors: the type and the message of the error of each failed test, if the exercise was
            started.
        seconds: wall time of its answers and tests.
    """

    state: str
    points: float
    errors: tuple[tuple[str, str], ...]
    seconds: float


def exercises(assignment: Assignment) -> list[Exercise]:
    """Return the exercises of an assignment, in their order.

    Args:
        assignment: the assignment.
    """
    found = [
        one
        for file, source in assignment.sources.items()
        for one in _in_notebook(file, source, assignment.stubs(file))
    ]
    titles = [one.title for one in found]
    return [
        replace(one, title=f"{one.title} ({one.graded[0]})")
        if titles.count(one.title) > 1 and one.title != one.graded[0]
        else one
        for one in found
    ]


def progress(exercise: Exercise, result: Result, marks: Mapping[str, Mark]) -> Progress:
    """Return how far a student got with an exercise.

    Args:
        exercise: the exercise.
        result: the result of the student's submission, which was run.
        marks: the gradebook's entries for the notebook's cells, by grade id.
    """
    cells = [
        cell
        for cell in result.notebooks.get(exercise.file, {"cells": []})["cells"]
        if _grade_id(cell) in {*exercise.stubs, *exercise.graded}
    ]
    waiting = {name for name, mark in marks.items() if mark.waits}
    errors = tuple(
        (str(output["ename"]), str(output["evalue"]))
        for cell in cells
        if _grade_id(cell) in set(exercise.graded) - waiting
        for output in cell.get("outputs", [])[-1:]
        if output["output_type"] == "error"
    )
    given = [marks[name] for name in exercise.graded if name in marks]
    points = sum(mark.points for mark in given)
    sources = {_grade_id(cell): same_text("".join(cell["source"])) for cell in cells}
    untouched = all(sources.get(name) == text for name, text in exercise.stubs.items())
    stopped = bool(errors) and all(kind in NOT_STARTED for kind, _ in errors)
    if given and points >= exercise.points:
        state = "solved"
    elif exercise.stubs and (untouched or stopped):
        state, errors = "not started", ()
    else:
        state = "to be read" if any(mark.waits for mark in given) else "tried"
    times = result.times.get(exercise.file, {})
    return Progress(state, points, errors, sum(times.get(cell["id"], 0.0) for cell in cells))


def _in_notebook(file: str, source: NotebookNode, stubs: Mapping[str, str]) -> Iterator[Exercise]:
    heading = ""
    new = Exercise(file, "", {}, (), 0.0)
    for cell in source.cells:
        name, marks = grade_id(cell), cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not is_solution(cell):
            headings = HEADING.findall(FENCED.sub("", cell.source))
            heading = re.sub(r"[*`]", "", headings[-1]) if headings else heading
        if is_solution(cell):
            if new.graded:
                yield new
                new = Exercise(file, "", {}, (), 0.0)
            stub = {name: same_text(stubs.get(name, ""))}
            new = replace(new, title=new.title or heading, stubs={**new.stubs, **stub})
        if name is not None and (marks.get("grade") or marks.get("task")):
            title, points = new.title or heading or name, new.points + (marks.get("points") or 0.0)
            new = replace(new, title=title, graded=(*new.graded, name), points=points)
    if new.graded:
        yield new


def _grade_id(cell: Mapping[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")
