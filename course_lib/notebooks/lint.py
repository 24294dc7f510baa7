"""The rules of a gradable notebook, as far as they can be read off its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from course_lib.notebooks.names import bound_names, parse
from course_lib.notebooks.percent import grade_of, where

__all__ = ["problems_of"]

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
MARK_SCHEME = ("### BEGIN MARK SCHEME", "### END MARK SCHEME")
INSPECTORS = {"isinstance", "issubclass", "type", "getattr", "hasattr", "vars", "dir", "id", "repr"}


def problems_of(notebook: NotebookNode) -> list[str]:
    """Return what would leak, crash or be unfair in this notebook, one sentence each.

    A test cell may use the student's names only as calls, or hand them to a check, so that a
    grader can run student and test in separate processes; and every assert must say what it means.

    Args:
        notebook: what ``from_percent`` returned.
    """
    answers = [cell for cell in notebook.cells if grade_of(cell) == "solution"]
    names = set().union(*(bound_names(cell.source) for cell in answers))
    found: list[str] = []
    for cell in notebook.cells:
        grade = grade_of(cell)
        problems = list(_marker_problems(cell.source, grade))
        if grade == "test":
            problems += _test_problems(cell.source, names)
        found += [f"{where(cell)}: {problem}" for problem in problems]
    return found


def _marker_problems(source: str, grade: str | None) -> Iterator[str]:
    for markers, allowed in ((SOLUTION, "solution"), (HIDDEN, "test"), (MARK_SCHEME, "written")):
        begins, ends = (source.count(marker) for marker in markers)
        if begins != ends:
            yield f"{markers[0]} stands {begins} times and {markers[1]} {ends} times"
        if begins and grade != allowed:
            yield f"{markers[0]} belongs in a {allowed} cell; here it would not be removed"
    if grade == "solution" and SOLUTION[0] not in source:
        yield f"a solution cell needs {SOLUTION[0]} and {SOLUTION[1]}, or the answer would be kept"


def _test_problems(source: str, names: set[str]) -> Iterator[str]:
    tree = parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is None:
            yield f"assert {ast.unparse(node.test)}: an assert in a test needs a message"
        if isinstance(node, ast.Name) and node.id in names and not _is_fair(node, parents[node]):
            yield f"{node.id}: a test may only call a student's name or hand it to a check"


def _is_fair(node: ast.Name, parent: ast.AST) -> bool:
    """Whether the name is called, or is an argument of something that does not inspect it."""
    if not isinstance(parent, ast.Call):
        return False
    called = parent.func
    return called is node or not (isinstance(called, ast.Name) and called.id in INSPECTORS)
