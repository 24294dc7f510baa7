"""From notebooks to the sources of pages: outputs of runs, links between pages, a start page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib.notebooks.course_map import MAP
from course_lib.notebooks.site.run import executed, stripped

__all__ = ["ON_START", "START", "sources"]

START = "index.ipynb"
ON_START = "start-page"  # the tag of a lecture's cells that also appear on the start page
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
ANCHOR = re.compile(r'<a href="([^":#]+)(#[^"]*)?">(.*?)</a>')
HEADING = re.compile(r"^#+ ", re.MULTILINE)
NUMBERED = re.compile(r"^## \d+ · ", re.MULTILINE)
NOTE = """*This page was made by running the notebook. Its figures with sliders work here, without
Python; everything else, in particular training, shows the results of that run. To change the code,
open the notebook `{name}` as described in the course's README.*"""
WELCOME = """# How generative models combine

Welcome. This course takes dozens of models apart into a few bricks and a few ways to compare two
joint distributions, measures what each choice costs, and lets you build them. You can read
all of it here, and move its figures, without installing anything. To solve a problem set, or to
change the code of a lecture, install the course; its README says how.

## Start here

Choose three bricks and a comparison. The figure says what the combination is called, and
[the first page of the course]({first}) explains the letters."""
TOC = """```{{toctree}}
:hidden:
:caption: {caption}

{names}
```"""


def sources(root: Path, runs: Path) -> dict[str, bytes]:
    """Return the start page and a notebook for each lecture and problem set, by path.

    Args:
        root: the course.
        runs: the folder of the lectures' cached runs.

    Raises:
        NotebookProblems: if a lecture fails.
        FileNotFoundError: if ``root`` has no map of the course.
    """
    if not (root / MAP).is_file():
        raise FileNotFoundError(f"root: expected a course with {MAP}, got {root}")
    lectures = {
        path.relative_to(root).as_posix(): executed(path, root, runs)
        for path in sorted((root / "lectures").glob("*.ipynb"))
    }
    problem_sets = {
        path.relative_to(root).as_posix(): stripped(nbformat.read(path, as_version=4))
        for path in sorted((root / "assignments").glob("*/*.ipynb"))
    }
    names = lectures.keys() | problem_sets.keys() | {START}
    pages = {START: _start_page(root, names, lectures, problem_sets), **lectures, **problem_sets}
    for name, notebook in pages.items():
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        if name in lectures:
            notebook.cells.insert(1, new_markdown_cell(NOTE.format(name=PurePosixPath(name).name)))
            notebook.cells[1].id = "about-this-page"
        if name != START:
            _relink(notebook.cells, name, names, name)
    return {name: nbformat.writes(notebook).encode() for name, notebook in pages.items()}


def _start_page(
    root: Path, names: set[str], lectures: dict[str, NotebookNode], problem_sets: Iterable[str]
) -> NotebookNode:
    """Return a welcome, the lectures' start-page cells, the map, and a sidebar of all pages."""
    opening = [new_markdown_cell(WELCOME.format(first=next(iter(lectures), "")))]
    for name, notebook in lectures.items():
        given = [nbformat.from_dict(cell) for cell in notebook.cells if _is_on_start(cell)]
        for cell in given:
            cell.source = NUMBERED.sub("## ", cell.source)
            cell.metadata["tags"] = ["remove-input"]
        opening += _relink(given, name, names, START)
    text = HEADING.sub(r"#\g<0>", (root / MAP).read_text(encoding="utf-8"))
    the_map = _relink([new_markdown_cell(text.strip())], MAP.as_posix(), names, START)
    lists = [
        new_markdown_cell(
            TOC.format(
                caption=caption,
                names="\n".join(str(PurePosixPath(name).with_suffix("")) for name in pages),
            )
        )
        for caption, pages in (("Lectures", lectures), ("Problem sets", problem_sets))
    ]
    cells = [*opening, *the_map, *lists]
    for number, cell in enumerate(cells):
        cell.id = f"start-{number}"
    return new_notebook(cells=cells)


def _is_on_start(cell: NotebookNode) -> bool:
    return ON_START in cell.metadata.get("tags", [])


def _relink(
    cells: list[NotebookNode], stood: str, names: set[str], stands: str
) -> list[NotebookNode]:
    """Return the cells with their links, also those in outputs, adapted to the new place.

    A link to a file that is not a page, such as a module of the library, becomes plain text.
    """

    def place(target: str) -> str | None:
        if "://" in target or target.startswith("mailto:"):
            return target
        found = os.path.normpath(PurePosixPath(stood).parent / target)
        found = START if found == MAP.as_posix() else found
        there = os.path.relpath(found, PurePosixPath(stands).parent)
        return PurePosixPath(there).as_posix() if found in names else None

    def in_text(match: re.Match[str]) -> str:
        words, target, anchor = match.groups("")
        there = place(target)
        return words if there is None else f"[{words}]({there}{anchor})"

    def in_output(match: re.Match[str]) -> str:
        target, anchor, words = match.groups("")
        there = place(target)
        if there is None:
            return words
        return f'<a href="{there.removesuffix(".ipynb")}.html{anchor}">{words}</a>'

    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(in_text, cell.source)
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = ANCHOR.sub(in_output, output.data["text/html"])
    return cells
