"""Lectures with the outputs of a run, cached under a hash of everything the run depends on."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_lib.notebooks.problems import NotebookProblems
from course_lib.whole_file import write_whole

__all__ = ["executed", "stripped"]

SHOWS_FIGURES = """
import os
os.environ["COURSE_MY"] = os.getcwd()  # a reader's own rows are not part of the site
from course_lib.figures.on_pages import show_without_kernel
show_without_kernel()
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
UNUSED = ("course_lib/grading", "course_lib/notebooks", "course_lib/doctor")  # by lectures
LOADED = {".py", ".json", ".npz", ".toml"}
SECONDS_A_CELL = 900


def executed(path: Path, root: Path, cache: Path) -> NotebookNode:
    """Return a notebook with the outputs of a run, which is taken from the cache if it is there.

    Args:
        path: the notebook.
        root: the course, whose library it uses.
        cache: the folder of cached runs, each under a hash of the notebook and the library.

    Raises:
        NotebookProblems: if a cell fails, or writes to stderr what a reader should not see.
    """
    remembered = cache / f"{path.stem}-{_fingerprint(path, root)}.ipynb"
    if not remembered.is_file():
        notebook = stripped(_run(path))
        write_whole(remembered, nbformat.writes(notebook).encode())
    return nbformat.read(remembered, as_version=4)


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without widgets, which do nothing without a kernel, and without times.

    Args:
        notebook: the notebook after a run; it is changed in place.
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)
            cell.outputs = [out for out in cell.outputs if out.get("data", True)]
    return notebook


def _run(path: Path) -> NotebookNode:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SHOWS_FIGURES))
    with tempfile.TemporaryDirectory() as folder:  # nothing to resume from, nothing left behind
        client = NotebookClient(
            notebook,
            timeout=SECONDS_A_CELL,
            startup_timeout=SECONDS_A_CELL,
            kernel_name="python3",
            shutdown_kernel="immediate",
            extra_arguments=["--Application.log_level=ERROR"],  # of no use to a reader
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise NotebookProblems(path, [str(error)]) from error
    complaints = list(_complaints(notebook))
    if complaints:
        raise NotebookProblems(path, complaints)
    del notebook.cells[0]
    return notebook


def _complaints(notebook: NotebookNode) -> Iterator[str]:
    """Yield what a run wrote to stderr, such as the error of a figure that cannot be exported."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {cell.id} wrote to stderr: {output.text.strip()}"


def _fingerprint(path: Path, root: Path) -> str:
    known = hashlib.sha256(platform.python_version().encode())
    known.update(path.read_bytes())
    for file in sorted((root / "course_lib").rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.suffix in LOADED and not name.startswith(UNUSED):
            known.update(name.encode() + file.read_bytes())
    return known.hexdigest()[:16]
