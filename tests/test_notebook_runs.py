"""The helper that runs notebooks keeps them offline and stops at what they raise."""

import nbformat
import notebook_runs
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook


@pytest.mark.notebook
def test_a_notebook_that_needs_the_network_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_runs, "ROOT", tmp_path)
    monkeypatch.setattr(notebook_runs, "SECONDS", {})
    source = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)"
    path = tmp_path / "online.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1"), new_code_cell(source)]), path)
    with pytest.raises(CellExecutionError, match="must not need the network"):
        notebook_runs.run_notebook(path)
