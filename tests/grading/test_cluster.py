"""The same run on a Dask cluster of real processes, one of which is killed in the middle."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from notebook_runs import ROOT
from small_course import Course, small_notebook

pytest.importorskip("distributed")
pytestmark = pytest.mark.notebook

SLOWLY = b"import time\\n    time.sleep(2)\\n    return 3 * x"


@contextlib.contextmanager
def cluster(workers, folder):
    """Start a scheduler and workers; yield the address and the workers' processes."""
    place = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard"]
    alone = ["--nthreads", "1", "--no-dashboard", "--death-timeout", "300"]
    started = [start("dask_scheduler", *place, "--scheduler-file", str(folder / "scheduler"))]
    try:
        address = where(folder / "scheduler")
        started += [start("dask_worker", address, *alone, "--no-nanny") for _ in range(workers)]
        yield address, started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def where(file):
    """The address at which a scheduler listens, as soon as it has written it down."""
    for _ in range(3000):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(file.read_text())["address"]
        time.sleep(0.1)
    raise TimeoutError(file)


def start(program, *arguments):
    command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, cwd="/", **silent)


@pytest.fixture
def course(tmp_path):
    """Six submissions, of which the reference solution's tests take two seconds each."""
    made = Course(tmp_path, "ps9")
    made.add_source(small_notebook())
    solved = made.source.read_bytes()
    for number in range(6):
        answer = b"time = %d\\n    return 2 * x" % number
        made.submit(f"s{number}", solved.replace(b"return 2 * x", answer))
    made.submit("slow", solved.replace(b"return 3 * x", SLOWLY))
    made.submit("wrong", solved.replace(b"return 3 * x", b"return 4 * x"))
    made.submit("broken", b"{")
    return made


def test_a_cluster_grades_as_one_machine_does_though_a_worker_is_killed(course, tmp_path):
    with cluster(workers=2, folder=tmp_path) as (address, workers):
        run = course.begin("--scheduler", address)
        for line in run.stdout:
            if line.startswith("[3/"):  # in the middle
                workers[0].send_signal(signal.SIGKILL)
                break
        rest = run.communicate(timeout=500)[0]
    assert run.returncode == 1, rest  # one is broken
    rows = course.rows()
    points = {f"s{number}": 5 for number in range(6)} | {"slow": 5, "wrong": 2}
    assert {student: float(rows[student]["score"]) for student in points} == points
    assert "Not graded: broken;" in rest
    before = course.rows()
    again = course.grade()  # what a cluster has done, this machine need not do again
    assert again.stdout.count("unchanged") == len(points)
    assert course.rows() == before


def test_a_cluster_that_is_not_there_is_named(course):
    run = course.grade("--scheduler", "tcp://127.0.0.1:1")
    assert run.returncode == 2
    assert "no Dask scheduler at tcp://127.0.0.1:1" in run.stderr
