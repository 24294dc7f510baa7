"""Runs a notebook as a reader would, and remembers how long it took."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
SECONDS: dict[str, float] = {}
# Runs as the first cell: whatever would leave this machine fails, as it would without a network,
# and what a lecture keeps for its reader goes to a folder that is thrown away.
OFFLINE = """
import os as _os, socket as _socket, tempfile as _tempfile
_my_folder = _tempfile.TemporaryDirectory()
_os.environ["COURSE_MY"] = _my_folder.name
def _offline(self, address, _connect=_socket.socket.connect):
    if self.family != _socket.AF_UNIX and address[0] not in ("localhost", "127.0.0.1", "::1"):
        raise OSError(f"a notebook must not need the network, but asked for {address[0]}")
    return _connect(self, address)
_socket.socket.connect = _offline
"""


def run_notebook(path: Path, timeout: int = 600) -> nbformat.NotebookNode:
    """Execute every cell in the notebook's own folder, offline, and return it with its outputs.

    A cell that raises stops the run, unless it carries the tag raises-exception.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        startup_timeout=timeout,
        iopub_timeout=timeout,
        kernel_name="python3",
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(path.parent)}},
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(OFFLINE))
    began = time.monotonic()
    client.execute()
    del notebook.cells[0]
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
