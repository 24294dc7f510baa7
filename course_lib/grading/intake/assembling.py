"""Assembling a notebook from cells: without outputs, with unique ids."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_lib.grading.cells import grade_id
from course_lib.grading.intake.reading import unique_id

__all__ = ["NEW_CELL", "assemble", "own_cell", "without_outputs"]

NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell}


def without_outputs(cell: NotebookNode) -> NotebookNode:
    """Return a copy of a cell without outputs and execution count."""
    new = deepcopy(cell)
    if new.cell_type == "code":
        new.outputs, new.execution_count = [], None
    return new


def own_cell(cell: NotebookNode, text: str) -> NotebookNode:
    """Return a student's own cell with this text, marked as extra; nothing else of it is kept."""
    new = NEW_CELL[cell.cell_type](source=text, metadata={"grading": {"extra": True}})
    new.id = cell.get("id")
    return new


def assemble(
    settled: list[NotebookNode], own: Mapping[int, list[NotebookNode]]
) -> list[NotebookNode]:
    """Return the cells in their order, with unique ids.

    Args:
        settled: the merged cells of the source; they keep their ids if possible.
        own: the student's own cells, by the place of the settled cell that they follow; -1 for
            those before the first.
    """
    taken: set[str] = set()
    for cell in settled:
        cell.id = unique_id(cell.get("id") or grade_id(cell), taken)
    for cell in (cell for place in sorted(own) for cell in own[place]):
        cell.id = unique_id(cell.get("id"), taken)
    cells = list(own.get(-1, []))
    for place, cell in enumerate(settled):
        cells += [cell, *own.get(place, [])]
    return cells
