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
from course_lib.notebooks.site.words import INSTALL, TOC, WELCOME, add_note, install_page, packed

__all__ = ["ON_START", "START", "sources"]

START = "index.ipynb"
ON_START = "start-page"  # the tag of a lecture's cells that also appear on the start page
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
ANCHOR = re.compile(r'<a href="([^":#]+)(#[^"]*)?">(.*?)</a>')
HEADING = re.compile(r"^#+ ", re.MULTILINE)
NUMBERED = re.compile(r"^## \d+ · ", re.MULTILINE)
QUESTION = re.compile(r"^\*\*Q\d+\.\*\*", re.MULTILINE)
ANSWER = "<summary><b>Answer"
LIVE = '<figure id="live-'


def sources(root: Path, runs: Path) -> dict[str, bytes]:
    """Return the start page, a notebook for each lecture and problem set, and what is offered.

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
        for path in sorted((root / "assignments").glob("*/*.ipynb"), key=_project_last)
    }
    files = packed(root)
    extra = {INSTALL: install_page(root)} if files else {}
    names = lectures.keys() | problem_sets.keys() | extra.keys() | files.keys() | {START}
    sidebar = {"Lectures": lectures, "Problem sets": problem_sets, "On your computer": extra}
    start = _start_page(root, names, lectures, sidebar)
    for name, notebook in (lectures | problem_sets).items():
        add_note(notebook, name)
        _fold_answers(notebook.cells)
    pages = lectures | problem_sets | extra
    for name, notebook in pages.items():
        _relink(notebook.cells, name, names, name)
    for name, notebook in ({START: start} | pages).items():
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        files[name] = nbformat.writes(notebook).encode()
    return files


def _project_last(path: Path) -> tuple[bool, Path]:
    """The order of the problem sets in the sidebar: by number, and then the project."""
    return not path.stem.startswith("ps"), path


def _fold_answers(cells: list[NotebookNode]) -> None:
    """Fold every output between a question and its answer, except figures that are to be moved."""
    asked = False
    for cell in cells:
        if cell.cell_type == "markdown":
            asked = ANSWER not in cell.source and (asked or bool(QUESTION.search(cell.source)))
        elif asked and cell.outputs and LIVE not in str(cell.outputs):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-output"]


def _start_page(
    root: Path,
    names: set[str],
    lectures: dict[str, NotebookNode],
    sidebar: dict[str, Iterable[str]],
) -> NotebookNode:
    """Return a welcome, the lectures' start-page cells, the map, and a sidebar of all pages."""
    welcome = WELCOME.format(first=next(iter(lectures), ""))
    opening = _relink([new_markdown_cell(welcome)], START, names, START)
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
        for caption, pages in sidebar.items()
        if pages
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
