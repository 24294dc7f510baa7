import os
import sys

import pytest

# The tensors of the tests are small: a second thread would only wait. Kernels inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Filled where the suite runs in several processes.
SECONDS_OF_WORKERS: dict[str, float] = {}

# Programs for a maintainer, not tests: pytest would import them in search of doctests.
collect_ignore_glob = ["benchmarks/*", "mutants/*"]


@pytest.fixture
def fixed_seed():
    """Let a test draw the same random numbers on every run, and leave the global state alone."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def pytest_sessionfinish(session):
    """Hand the seconds of a worker's notebooks to the process that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seconds"] = seconds_of_notebooks()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over the seconds that a worker measured."""
    SECONDS_OF_WORKERS.update(getattr(node, "workeroutput", {}).get("seconds", {}))


def pytest_terminal_summary(terminalreporter):
    """Print how long each lecture and assignment took: the minutes of the README's table."""
    seconds = SECONDS_OF_WORKERS | seconds_of_notebooks()
    if seconds:
        terminalreporter.section("notebooks, wall time")
        for path, value in sorted(seconds.items()):
            terminalreporter.write_line(f"{value:6.1f} s  {path}")


def seconds_of_notebooks():
    """Return what this process has run, and how long each took."""
    runs = sys.modules.get("notebook_runs")
    return {} if runs is None else dict(runs.SECONDS)
