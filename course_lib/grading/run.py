"""Grade an assignment: vet, merge, run in isolation, record; each submission separately.

Many submissions run at once; only this thread writes the gradebook. An interrupted run can be
resumed, and what has not changed is not run again.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.options import Options
from course_lib.grading.preparing import prepare
from course_lib.grading.records.recording import Recorder
from course_lib.grading.records.report import Line, report
from course_lib.grading.reference import check_solution
from course_lib.grading.running import engine
from course_lib.grading.verdicts import Verdict, Verdicts

__all__ = ["course_lock", "executor_for", "grade", "report_lines"]


def grade(
    course: Course,
    name: str,
    options: Options,
    tell: Callable[[Verdict, int, int], None] = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Verdict]:
    """Grade the submissions for an assignment in ``submitted/``, and write ``grades.csv``.

    Args:
        course: the course.
        name: the assignment's name.
        options: the options of the run.
        tell: called with each verdict as soon as it is known, its number, and the total number.
        say: called with the name of each stage when it starts.

    Returns:
        One verdict per submission, in the order in which they became known.

    Raises:
        CourseProblem: if the assignment cannot be graded at all.
    """
    course.notebooks(name)
    submissions = course.submissions(name)
    wanted = [one for one in submissions if options.wants(one.student)]
    if not wanted:
        raise CourseProblem(f"no submission by {', '.join(options.students)}")
    assignment = Assignment.read(course, name)
    recorder = Recorder(course, name)
    with course_lock(course), executor_for(options) as executor:
        recorder.register()
        say("checking the course's own solution")
        reference = check_solution(course, assignment, options, executor)
        recorder.unjudged = reference.unjudged
        for tests in reference.unjudged.values():
            say(f"a person grades: {', '.join(tests)}")
        say(f"grading {len(wanted)} submissions")
        verdicts = []
        made = Verdicts(assignment, recorder, options, reference)
        for verdict in made.of(submissions, executor):
            verdicts.append(verdict)
            tell(verdict, len(verdicts), len(wanted))
        recorder.export()
    return verdicts


@contextmanager
def course_lock(course: Course) -> Iterator[None]:
    """Lock a course for one run: two at once would overwrite each other's results.

    Args:
        course: the course.

    Raises:
        CourseProblem: if another run has locked it.
    """
    course.store.mkdir(exist_ok=True)
    with (course.store / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseProblem("another run is grading this course; wait until it ends") from None
        yield


@contextmanager
def executor_for(options: Options) -> Iterator[Executor]:
    """Yield the executor of the jobs: threads here, with sandboxed processes, or a cluster.

    Args:
        options: the options of the run.
    """
    if options.scheduler:
        from course_lib.grading.running.cluster import cluster

        with cluster(options.scheduler) as executor:
            yield executor
        return
    engine.begin()
    executor = ThreadPoolExecutor(options.workers)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        engine.close(for_good=True)  # do not wait for running jobs
        raise
    finally:
        executor.shutdown()
        engine.close()


def report_lines(course: Course, name: str) -> list[Line]:
    """Return the report on an assignment's submissions in their present state.

    Args:
        course: the course.
        name: the assignment's name.

    Raises:
        CourseProblem: if there is no such assignment, or nothing was handed in.
    """
    assignment = Assignment.read(course, name)
    return report(course, name, lambda one: prepare(assignment, one).digest)
