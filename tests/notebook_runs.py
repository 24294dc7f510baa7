"""Runs a notebook as a reader would, and remembers how long it took."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
SECONDS: dict[str, float] = {}


def run_notebook(path: Path, timeout: int = 600) -> nbformat.NotebookNode:
    """Execute every cell in the notebook's own folder, and return it with its outputs.

    A cell that raises stops the run, unless it carries the tag raises-exception.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(path.parent)}},
    )
    began = time.monotonic()
    client.execute()
    SECONDS[str(path.relative_to(ROOT))] = time.monotonic() - began
    return notebook


def errors_of(notebook: nbformat.NotebookNode) -> list[str]:
    """Return one line for each error among the outputs."""
    return [
        f"cell {cell.id}: {output.ename}: {output.evalue}"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
