"""The roles of an assignment's cells, known before anything runs: who runs them, who owns names."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_lib.notebooks.names import (
    bound_names,
    changed_names,
    defined_names,
    imported_names,
    parse,
)

__all__ = ["Declared", "cells_that_matter", "declared", "grade_id", "is_solution", "role"]

IMPORTS = ast.Import | ast.ImportFrom


def grade_id(cell: NotebookNode) -> str | None:
    """Return the grade id in nbgrader's metadata, or None."""
    mark = cell.metadata.get("nbgrader")
    name = mark.get("grade_id") if isinstance(mark, dict) else None
    return name if isinstance(name, str) else None


def is_solution(cell: NotebookNode) -> bool:
    """Return whether the cell is the student's to write."""
    return grade_id(cell) is not None and bool(cell.metadata.nbgrader.get("solution"))


def role(cell: NotebookNode) -> str:
    """Return who runs a code cell: "judge" for a test, "both" for a locked cell, else "student"."""
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution") or not (marks.get("grade") or marks.get("locked")):
        return "student"
    return "judge" if marks.get("grade") else "both"


def cells_that_matter(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Return the code cells up to the last test or answer; later cells do not count."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    marks = [cell.metadata.get("nbgrader", {}) for cell in code]
    matter = [i for i, m in enumerate(marks) if m.get("grade") or m.get("solution")]
    return [cell for cell in code[: max(matter, default=-1) + 1] if cell.source.strip()]


@dataclass(frozen=True)
class Declared:
    """The names that a source notebook imports or its answers bind, known before anything runs.

    Attributes:
        imports: the import statements at the top level of its cells, without answers and tests.
        offered: the import statements of its answers. The judge runs one only for a name that the
            student has too.
        answers: by grade id, the functions and classes that an answer defines, and the other names
            that it binds or changes in place. From that cell on they are the student's.
    """

    imports: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    answers: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)


def declared(notebook: NotebookNode) -> Declared:
    """Return what a source notebook imports, and which names its answers bind."""
    imports: dict[bool, dict[str, None]] = {True: {}, False: {}}
    answers = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and role(cell) != "judge":
            marks = cell.metadata.get("nbgrader", {})
            answer = bool(marks.get("solution"))
            found = [ast.unparse(n) for n in _statements(cell.source) if isinstance(n, IMPORTS)]
            imports[answer] |= dict.fromkeys(found)
            if answer:
                answers[marks.get("grade_id")] = _bound(cell.source)
    return Declared(tuple(imports[False]), tuple(imports[True]), answers)


def _statements(source: str) -> list[ast.stmt]:
    try:
        return parse(source).body
    except SyntaxError:
        return []


def _bound(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the functions and classes a cell defines, and other names it binds or changes."""
    try:
        defined = defined_names(source)
        values = (bound_names(source) - defined) | changed_names(source)
        return tuple(sorted(defined - imported_names(source))), tuple(sorted(values))
    except SyntaxError:
        return (), ()
