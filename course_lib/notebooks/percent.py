"""From a percent ``.py`` file to a notebook whose bytes depend only on the source."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from course_lib.notebooks.problems import NotebookProblems

__all__ = ["from_percent", "grade_of", "to_bytes", "where"]

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What each word of the header means to nbgrader: (cell type, grade, solution, locked).
GRADES = {
    "solution": ("code", False, True, False),
    "test": ("code", True, False, True),
    "written": ("markdown", True, True, False),
    "locked": (None, False, False, True),
}
PASSED_THROUGH = {"tags", "jupyter"}
LAYOUT = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}  # jupytext's, only for the .py
HEADER = re.compile(r"^# %%")
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")


def from_percent(path: Path) -> NotebookNode:
    """Return the notebook that a percent file describes, without outputs.

    Headers carry a shorthand which becomes nbgrader's metadata, for example
    ``# %% grade="test" grade_id="test_elbo" points=3``. Cell ids are derived: the grade_id, else
    a hash of the source, numbered where a source occurs twice.

    Args:
        path: a ``.py`` file in jupytext's percent format.

    Returns:
        A notebook of format 4.5; ``where`` gives the place of each of its cells.

    Raises:
        NotebookProblems: if a header is not understood or a grade_id occurs twice.
    """
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    problems = []
    for cell, line in zip(notebook.cells, _lines(text), strict=True):
        cell.metadata = {"line": line, **cell.metadata}
        problems += [f"line {line}: {problem}" for problem in _expand(cell)]
    problems += _repeated_grade_ids(notebook)
    if problems:
        raise NotebookProblems(path, problems)
    _set_ids(notebook)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def to_bytes(notebook: NotebookNode) -> bytes:
    """Return the notebook as it is written to disk: sorted keys, one newline at the end."""
    clean = nbformat.from_dict(notebook)
    for cell in clean.cells:
        cell.metadata.pop("line", None)
    nbformat.validate(clean)
    return (nbformat.writes(clean).rstrip("\n") + "\n").encode()


def grade_of(cell: NotebookNode) -> str | None:
    """Return the header's grade: solution, test, written, locked, or None for a plain cell."""
    flags = cell.metadata.get("nbgrader")
    if flags is None:
        return None
    key = flags["grade"], flags["solution"], flags["locked"]
    return next(word for word, (_, *rest) in GRADES.items() if tuple(rest) == key)


def where(cell: NotebookNode) -> str:
    """Return the cell's line in its percent file, and its grade_id if it has one."""
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    return f"line {cell.metadata['line']}" + (f", {grade_id}" if grade_id else "")


def _lines(text: str) -> list[int]:
    """Return the line number of each cell's header, or 1 for a cell without one."""
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines, 1) if HEADER.match(line)]
    before = lines[: headers[0] - 1] if headers else lines
    return ([1] if any(line.strip() for line in before) else []) + headers


def _expand(cell: NotebookNode) -> list[str]:
    """Replace the shorthand of a header by nbgrader's metadata; return what is wrong with it."""
    header = {key: value for key, value in cell.metadata.items() if key not in LAYOUT}
    line = header.pop("line")
    header.pop("lines_to_next_cell", None)  # jupytext's, not part of the header
    kept = {key: header.pop(key) for key in PASSED_THROUGH & header.keys()}
    cell.metadata = nbformat.from_dict({"line": line, **kept})
    problems = _header_problems(cell.cell_type, header)
    if not problems and "grade" in header:
        cell.metadata["nbgrader"] = _nbgrader(**header)
    return problems


def _nbgrader(grade: str, grade_id: str, points: float | None = None) -> NotebookNode:
    """Return the six keys of nbgrader's schema 3, and the points if there are any."""
    _, graded, solution, locked = GRADES[grade]
    flags = {"grade": graded, "grade_id": grade_id, "locked": locked}
    flags |= {"schema_version": 3, "solution": solution, "task": False}
    return nbformat.from_dict(flags if points is None else flags | {"points": points})


def _header_problems(cell_type: str, header: dict[str, Any]) -> list[str]:
    """Return the problems of the grading keys of one header, one sentence each."""
    unknown = sorted(header.keys() - {"grade", "grade_id", "points"})
    if unknown:
        return [f"header: unknown key {', '.join(unknown)}"]
    grade, grade_id, points = (header.get(key) for key in ("grade", "grade_id", "points"))
    if grade is None:
        return ["header: grade_id and points need a grade"] if header else []
    if grade not in GRADES:
        return [f"grade: expected one of {', '.join(GRADES)}, got {grade!r}"]
    wanted, graded, *_ = GRADES[grade]
    problems = []
    if wanted not in (None, cell_type):
        problems.append(f"grade: a {grade} cell is a {wanted} cell, this one is {cell_type}")
    if not isinstance(grade_id, str) or not IDENTIFIER.fullmatch(grade_id):
        problems.append(f"grade_id: expected 1 to 64 letters, digits, _ or -, got {grade_id!r}")
    if graded and (type(points) not in (int, float) or not points > 0):
        problems.append(f"points: a {grade} cell needs a positive number, got {points!r}")
    if not graded and points is not None:
        problems.append(f"points: a {grade} cell cannot have points, got {points!r}")
    return problems


def _repeated_grade_ids(notebook: NotebookNode) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in first:
            problems.append(f"{where(cell)}: grade_id already used in line {first[grade_id]}")
        elif grade_id is not None:
            first[grade_id] = cell.metadata["line"]
    return problems


def _set_ids(notebook: NotebookNode) -> None:
    """Give each cell an id: its grade_id, or a hash of its source, numbered if repeated."""
    taken = {cell.metadata.nbgrader.grade_id for cell in notebook.cells if grade_of(cell)}
    for cell in notebook.cells:
        if grade_of(cell):
            cell.id = cell.metadata.nbgrader.grade_id
            continue
        stem = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        candidates = [stem, *(f"{stem}-{n}" for n in range(2, len(notebook.cells) + 2))]
        cell.id = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(cell.id)
