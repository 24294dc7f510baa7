"""A run on several machines: a Dask cluster executes the jobs.

Each worker process has its own warm hosts; this package must be installed on each machine. A job
contains everything that it needs and its outcome is plain data; the gradebook stays here.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from course_lib.grading.course import CourseProblem
from course_lib.grading.running import engine

__all__ = ["cluster"]

PATIENCE = 10  # seconds to wait for the scheduler
RETRIES = 3  # how often a job moves to another worker after its own has died


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Yield an executor whose jobs run on a Dask cluster.

    Args:
        address: the address of its scheduler, for example ``tcp://127.0.0.1:8786``.

    Raises:
        CourseProblem: if Dask is not installed or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseProblem("--scheduler needs: pip install -r requirements-cluster.txt") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseProblem(f"no Dask scheduler at {address}: {error}") from None
    with client:
        try:
            # Equal jobs of two students are still two jobs.
            yield client.get_executor(pure=False, retries=RETRIES)
        finally:
            client.run(engine.close)
