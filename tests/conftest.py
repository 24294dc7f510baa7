import os
import sys

import pytest

# The tensors of the tests are small: a second thread would only wait. Kernels inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Programs for a maintainer, not tests: pytest would import them in search of doctests.
collect_ignore_glob = ["benchmarks/*", "mutants/*"]


@pytest.fixture
def fixed_seed():
    """Let a test draw the same random numbers on every run, and leave the global state alone."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def pytest_terminal_summary(terminalreporter):
    """Print how long each lecture and assignment took: the minutes of the README's table."""
    runs = sys.modules.get("notebook_runs")
    if runs is not None and runs.SECONDS:
        terminalreporter.section("notebooks, wall time")
        for path, seconds in sorted(runs.SECONDS.items()):
            terminalreporter.write_line(f"{seconds:6.1f} s  {path}")
