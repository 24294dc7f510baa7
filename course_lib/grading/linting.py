"""What a judge in another process cannot judge, for assignments of any nbgrader course.

The rules are those of ``notebooks.cell_rules``, applied to nbgrader's metadata and configuration.
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from course_lib.notebooks.cell_rules import alternate, definitions, unjudgeable
from course_lib.notebooks.names import parse

__all__ = ["ASK", "LintProblem", "problems_of", "unread"]

ASK = "call it, pass it to a check, or use ask"


@dataclass(frozen=True)
class LintProblem:
    """A problem of an assignment.

    Attributes:
        text: what is wrong, and where.
        remedy: what to do.
        mild: whether the assignment can still be graded.
    """

    text: str
    remedy: str = ""
    mild: bool = False

    def __str__(self) -> str:
        """Return the text."""
        return self.text


def problems_of(path: Path, config: Config) -> Iterator[LintProblem]:
    """Yield the problems of a source notebook.

    Args:
        path: the notebook.
        config: the course's configuration, which may set other markers.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds of errors
        yield LintProblem(f"not a notebook: {error}")
        return
    cells = [cell for cell in notebook.cells if utils.is_grade(cell) or utils.is_solution(cell)]
    if not any(map(utils.is_grade, cells)):
        yield LintProblem("no cell gives points", "mark its tests in nbgrader's Create Assignment")
    yield from _ids(cells)
    yield from _markers(notebook, config)
    answers = [c.source for c in cells if c.cell_type == "code" and utils.is_solution(c)]
    functions, classes = definitions(answers)
    for cell in cells:
        if utils.is_grade(cell) and cell.cell_type == "code" and not utils.is_solution(cell):
            yield from _test_cell(cell, functions, classes)


def unread(submitted: Path, assignments: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the notebooks in ``submitted/`` that would not be graded, and why.

    Args:
        submitted: the folder.
        assignments: the names of the course's assignments.
    """
    for folder, folders, files in os.walk(submitted):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = PurePath(folder).relative_to(submitted).parts
        why = _misplaced(inside, assignments)
        if why:
            for name in files:
                if name.endswith(".ipynb"):
                    yield "/".join((*inside, name)), why


def _misplaced(inside: tuple[str, ...], assignments: set[str]) -> str:
    if len(inside) > 1 and inside[1] in assignments:
        return ""
    if inside and inside[0] in assignments:
        return f"{inside[0]} is an assignment, where a student's id should be"
    if len(inside) < 2:
        return "it is not in a folder STUDENT/ASSIGNMENT"
    close = difflib.get_close_matches(inside[1], assignments, n=1)
    return f"no assignment is called {inside[1]}" + (f"; did you mean {close[0]}?" if close else "")


def _ids(cells: list[NotebookNode]) -> Iterator[LintProblem]:
    for name, times in Counter(cell.metadata.nbgrader.grade_id for cell in cells).items():
        if times > 1:
            yield LintProblem(f"{times} cells have the grade id {name}", "give each its own")


def _markers(notebook: NotebookNode, config: Config) -> Iterator[LintProblem]:
    hidden, solutions = ClearHiddenTests(config=config), ClearSolutions(config=config)
    pairs = [
        (hidden.begin_test_delimeter, hidden.end_test_delimeter, utils.is_grade),
        (solutions.begin_solution_delimeter, solutions.end_solution_delimeter, utils.is_solution),
    ]
    for cell in notebook.cells:
        for begin, end, is_right in pairs:
            found = [
                word for line in cell.source.splitlines() for word in (begin, end) if word in line
            ]
            if not alternate(found, begin, end):
                text = f"{_name(cell)}: {begin} and {end} do not alternate"
                yield LintProblem(text, "students would see what is between them")
            elif found and not is_right(cell):
                yield LintProblem(f"{_name(cell)}: {begin} in a cell of the wrong kind")


def _test_cell(cell: NotebookNode, functions: set[str], classes: set[str]) -> Iterator[LintProblem]:
    if not cell.metadata.nbgrader.get("points"):
        yield LintProblem(f"{_name(cell)}: a test without points", "give it points", mild=True)
    try:
        tree = parse(cell.source)
    except SyntaxError as error:
        yield LintProblem(f"{_name(cell)}: not Python: {error.msg}")
        return
    for text in unjudgeable(tree, functions, classes):
        yield LintProblem(f"{_name(cell)}: {text}", ASK)


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id") or "a cell without a grade id"
