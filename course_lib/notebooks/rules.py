"""The rules for assignments that can be released, graded, and judged in another process.

The judge runs the locked cells and the test cells, and sees of the student's work only what calls
return. So a test takes its names from locked cells only, and uses the student's names only in
calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from course_lib.notebooks.cell_rules import alternate, called_name, definitions, unjudgeable
from course_lib.notebooks.leaks import near_markers, told_answers
from course_lib.notebooks.names import bound_names, free_names, parse
from course_lib.notebooks.percent import grade_of, where

__all__ = ["may_fail_unsolved", "problems"]

SOLUTION = "SOLUTION"
MARKERS = {SOLUTION: "solution", "HIDDEN TESTS": "test", "MARK SCHEME": "written"}
COMPARISONS = {"allclose", "isclose", "assert_close", "assert_allclose"}
TOLERANCES = {"atol", "rtol", "abs_tol", "rel_tol"}


def problems(notebook: NotebookNode) -> list[str]:
    """Return the rules that an assignment breaks, one sentence for each violation.

    Args:
        notebook: a notebook from ``from_percent``.
    """
    return [f"{where(cell)}: {problem}" for cell, problem in _problems(notebook)]


def may_fail_unsolved(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that may raise while an exercise is unsolved.

    They are the tests, every cell that reads a name bound by a solution cell or, in turn, by a cell
    of this kind, and every cell that calls ``ask``.
    """
    uncertain = {"ask"}
    for cells in _student_names(notebook).values():
        uncertain |= cells
    found = []
    for cell in _code_cells(notebook):
        grade = grade_of(cell)
        if grade == "test" or (grade is None and free_names(cell.source) & uncertain):
            found.append(cell)
            uncertain |= bound_names(cell.source)
    return found


def _problems(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, str]]:
    for cell in notebook.cells:
        for rule in (_marker_problems, near_markers, told_answers):
            yield from ((cell, problem) for problem in rule(cell))
        if cell.cell_type == "code":
            try:
                parse(cell.source)
            except SyntaxError as error:
                yield cell, f"not Python: {error.msg}"
                return
    students = _student_names(notebook)
    answers = [c.source for c in _code_cells(notebook) if grade_of(c) == "solution"]
    _, classes = definitions(answers)
    locked = {
        n for c in _code_cells(notebook) if grade_of(c) == "locked" for n in bound_names(c.source)
    }
    for cell in _code_cells(notebook):
        if grade_of(cell) == "solution":
            yield from ((cell, problem) for problem in _solution_problems(cell, students))
        elif grade_of(cell) == "test":
            yield from (
                (cell, problem) for problem in _test_problems(cell, students, classes, locked)
            )


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _student_names(notebook: NotebookNode) -> dict[str, set[str]]:
    """Return the names that each solution cell binds, by its grade_id."""
    return {
        cell.metadata.nbgrader.grade_id: bound_names(cell.source)
        for cell in _code_cells(notebook)
        if grade_of(cell) == "solution"
    }


def _marker_problems(cell: NotebookNode) -> Iterator[str]:
    """Yield a complaint where BEGIN and END do not alternate, or the cell is of the wrong kind."""
    for what, kind in MARKERS.items():
        found = re.findall(rf"(BEGIN|END) {what}", cell.source)
        if found and grade_of(cell) != kind:
            yield f"{what} markers outside a {kind} cell"
        elif not alternate(found, "BEGIN", "END"):
            yield f"BEGIN and END {what} do not alternate: {', '.join(found)}"
        elif not found and grade_of(cell) == "solution" and what == SOLUTION:
            yield "a solution cell needs ### BEGIN SOLUTION and ### END SOLUTION"


def _solution_problems(cell: NotebookNode, students: dict[str, set[str]]) -> Iterator[str]:
    own = cell.metadata.nbgrader.grade_id
    begins = [line for line in cell.source.split("\n") if f"BEGIN {SOLUTION}" in line]
    if not all(line.startswith(" ") for line in begins):
        yield "the answer must be inside a function, so that an unfinished cell runs"
    read = free_names(cell.source)
    for other, names in students.items():
        if other != own and read & names:
            yield f"needs the answer to {other}: {', '.join(sorted(read & names))}"


def _test_problems(
    cell: NotebookNode, students: dict[str, set[str]], classes: set[str], locked: set[str]
) -> Iterator[str]:
    names = set().union(*students.values())
    read = free_names(cell.source)
    owners = [grade_id for grade_id, bound in students.items() if read & bound]
    if len(owners) > 1:
        yield f"tests the answers to several exercises: {', '.join(owners)}"
    if not owners and "ask" not in read | bound_names(cell.source):
        yield "uses none of the student's names: an empty notebook would get its points"
    unknown = sorted(read - names - locked - {"ask"})
    if unknown:
        yield f"reads {', '.join(unknown)}: bind it here or in a locked cell"
    rebound = sorted(bound_names(cell.source) & names)
    if rebound:
        yield f"rebinds the student's name {', '.join(rebound)}"
    tree = parse(cell.source)
    yield from _assertion_problems(tree)
    yield from unjudgeable(tree, names, classes)


def _assertion_problems(tree: ast.Module) -> Iterator[str]:
    """Yield asserts without a message, and comparisons that leave the tolerance to a default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is None:
            yield f"an assert without a message: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and called_name(node.func) in COMPARISONS:
            given = {keyword.arg for keyword in node.keywords}
            if not given & TOLERANCES and len(node.args) < 3:
                yield f"a comparison without a tolerance: {ast.unparse(node)}"
