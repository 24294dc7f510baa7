"""Grade an assignment: vet, merge, run in isolation, record; each submission separately.

Many submissions run at once; one thread alone, this one, writes the gradebook. An interrupted run
goes on where it was, and what has not changed is not run again.
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
    """Grade what lies in ``submitted/`` for an assignment, and write ``grades.csv``.

    Args:
        course: the course.
        name: the assignment's name.
        options: how.
        tell: called with each verdict as soon as it is known, its number, and how many there are.
        say: called with what begins now.

    Returns:
        One verdict a submission, in the order in which they were known.

    Raises:
        CourseProblem: if the assignment cannot be graded at all, by anyone.
    """
    course.notebooks(name)
    submissions = course.submissions(name)
    wanted = [one for one in submissions if options.wants(one.student)]
    if not wanted:
        raise CourseProblem(f"no submission of {', '.join(options.students)}")
    assignment = Assignment.read(course, name)
    recorder = Recorder(course, name)
    with course_lock(course), executor_for(options) as executor:
        recorder.register()
        say("looking at the course's own solution")
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
    """Hold a course for one run: two at once would write over each other's results.

    Args:
        course: the course.

    Raises:
        CourseProblem: if another run holds it.
    """
    course.store.mkdir(exist_ok=True)
    with (course.store / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CourseProblem("another run is grading this course; wait for its end") from None
        yield


@contextmanager
def executor_for(options: Options) -> Iterator[Executor]:
    """Yield what carries out the jobs: threads here, with processes behind walls, or a cluster.

    Args:
        options: how the run is done.
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
        engine.close(for_good=True)  # what still runs is not waited for
        raise
    finally:
        executor.shutdown()
        engine.close()


def report_lines(course: Course, name: str) -> list[Line]:
    """Return the report on an assignment, as its submissions lie there now.

    Args:
        course: the course.
        name: the assignment's name.

    Raises:
        CourseProblem: if there is no such assignment, or nothing was handed in.
    """
    assignment = Assignment.read(course, name)
    return report(course, name, lambda one: prepare(assignment, one).digest)
