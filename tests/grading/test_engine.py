"""A submission's work in this process, and how it is given up."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.grading.cells import Declared
from course_lib.grading.running import engine
from course_lib.grading.running.execution import execute
from course_lib.grading.running.hosts import HostLost
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.tiers import probe

FOREVER = Limits(cell_seconds=1000, seconds=1000)


@pytest.mark.parametrize("warm", [True, False])
def test_work_that_is_given_up_ends_at_once(monkeypatch, warm):
    started = threading.Event()

    def executed(*arguments):
        started.set()
        return execute(*arguments)

    monkeypatch.setattr(engine, "probe", lambda: replace(probe(), warm=warm))
    monkeypatch.setattr(engine, "execute", executed)
    marks = {"nbgrader": {"solution": True, "grade": False, "locked": False, "grade_id": "a"}}
    cell = new_code_cell("while True: pass", metadata=marks)
    text = nbformat.writes(new_notebook(cells=[cell]))
    job = engine.Job({"n.ipynb": text}, {"n.ipynb": Declared()}, {}, {}, FOREVER, "limits")
    engine.begin()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(engine.work, job)
        assert started.wait(300)
        engine.close(for_good=True)
        with pytest.raises(HostLost):
            work.result(timeout=300)
    engine.begin()
