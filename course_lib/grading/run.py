"""Grade an assignment: look, merge, run behind walls, record; each submission by itself.

Many submissions run at once; one thread alone, this one, writes the gradebook. Every result is on
disk before it is recorded, so an interrupted run goes on where it was, and what has not changed
is not run again.
"""

from __future__ import annotations

import fcntl
import fnmatch
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from nbformat import from_dict

from course_lib.grading import engine
from course_lib.grading.assignment import Assignment, is_test
from course_lib.grading.course import Course, CourseProblem, Submission
from course_lib.grading.engine import Outcome
from course_lib.grading.execution import Execution
from course_lib.grading.gradebook import NotRecorded, Score, score_of
from course_lib.grading.merging import Merged
from course_lib.grading.preparing import Prepared, copies, prepare
from course_lib.grading.recording import Recorder
from course_lib.grading.reference import Reference, check_solution
from course_lib.grading.report import Line, report
from course_lib.grading.results import Result
from course_lib.grading.sandbox.limits import Limits

__all__ = ["Options", "Verdict", "alone", "grade", "report_lines"]


NOT_RUN = {
    "output_type": "error",
    "ename": "NotRun",
    "evalue": "this test was not run",
    "traceback": ["this test was not run"],
}


@dataclass(frozen=True)
class Options:
    """How a run is done.

    Attributes:
        students: ids or patterns of those to grade; everybody if there are none.
        workers: submissions that run at once.
        scheduler: the address of a Dask scheduler, or "" to run here.
        isolation: the weakest walls to accept: "full", "files" or "limits".
        limits: what a submission may use.
        force: run also what did not change.
    """

    students: tuple[str, ...] = ()
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    scheduler: str = ""
    isolation: str = "full"
    limits: Limits = field(default_factory=Limits)
    force: bool = False


@dataclass(frozen=True)
class Verdict:
    """What became of one submission in this run.

    Attributes:
        result: its result.
        score: its points, if the gradebook has them.
        fresh: whether it was run now.
        problem: why the gradebook has not got it, if so.
    """

    result: Result
    score: Score | None
    fresh: bool
    problem: str = ""

    @property
    def graded(self) -> bool:
        """Whether the gradebook has points for what was handed in."""
        return self.score is not None

    def __str__(self) -> str:
        """Return the line that an instructor reads."""
        result, score = self.result, self.score
        parts = [f"{result.student}: {result.state}"]
        parts += [] if self.fresh or not result.notebooks else ["unchanged"]
        if score is not None:
            parts.append(f"{score.points:g} of {score.max_points:g}")
            parts += ["a written answer awaits you"] if score.needs_manual else []
        parts += [text for text in (result.reason, self.problem) if text]
        return ", ".join(parts) + (f" ({result.seconds:.1f} s)" if self.fresh else "")


def grade(
    course: Course,
    name: str,
    options: Options,
    tell: Callable[[Verdict, int, int], None] = lambda *_: None,
) -> list[Verdict]:
    """Grade what lies in ``submitted/`` for an assignment, and write ``grades.csv``.

    Args:
        course: the course.
        name: the assignment's name.
        options: how.
        tell: called with each verdict as soon as it is known, its number, and how many there are.

    Returns:
        One verdict a submission, in the order in which they were known.

    Raises:
        CourseProblem: if the assignment cannot be graded at all, by anyone.
    """
    course.notebooks(name)
    submissions = course.submissions(name)
    wanted = [one for one in submissions if _wanted(one.student, options)]
    if not wanted:
        raise CourseProblem(f"no submission of {', '.join(options.students)}")
    assignment = Assignment.read(course, name)
    recorder = Recorder(course, name)
    with alone(course), _executor(options) as executor:
        recorder.register()
        reference = check_solution(course, assignment, options, executor)
        run = _Run(assignment, recorder, options, reference)
        verdicts = []
        for verdict in run.verdicts(submissions, executor):
            verdicts.append(verdict)
            tell(verdict, len(verdicts), len(wanted))
        recorder.export()
    return verdicts


class _Run:
    """One run over an assignment's submissions."""

    def __init__(
        self, assignment: Assignment, recorder: Recorder, options: Options, reference: Reference
    ) -> None:
        self.assignment, self.recorder, self.options = assignment, recorder, options
        self.reference = reference
        self.latest = recorder.results.latest(assignment.name)
        self.recorded = recorder.results.recorded(assignment.name)
        self.copies: dict[str, str] = {}

    def verdicts(self, submissions: list[Submission], executor: Executor) -> Iterator[Verdict]:
        """Yield a verdict for each submission: first those that need no run."""
        limits = self.options.limits
        ready = [prepare(self.assignment, submission, limits) for submission in submissions]
        self.copies = copies(self.assignment, ready)
        ready = [prepared for prepared in ready if _wanted(prepared.student, self.options)]
        running: dict[Future[Outcome], Prepared] = {}
        try:
            for prepared in ready:
                result = self._known(prepared)
                if result is None:
                    job = self.reference.job(prepared, self.options)
                    running[executor.submit(engine.work, job)] = prepared
                else:
                    yield self._verdict(self._marked(result))
            for future in as_completed(running):
                result = self._done(running[future], future)
                yield self._verdict(self._marked(result), fresh=True)
        finally:
            for future in running:
                future.cancel()

    def _known(self, prepared: Prepared) -> Result | None:
        """Return the result of a submission that need not be run, if it is one."""
        if prepared.state:
            return self._result(prepared, state=prepared.state, reason=prepared.reason)
        known = self.latest.get(prepared.student)
        valid = known and known.digest == prepared.digest and known.state != "failed"
        return known if valid and not self.options.force else None

    def _result(self, prepared: Prepared, **fields: Any) -> Result:
        name, notes = self.assignment.name, prepared.notes
        return Result(prepared.student, name, prepared.digest, notes=notes, **fields)

    def _done(self, prepared: Prepared, future: Future[Outcome]) -> Result:
        """Return the result of a submission that was run."""
        try:
            outcome = future.result()
        except Exception as error:  # of the machinery: of this submission nothing is known
            problem = f"the grader failed: {type(error).__name__}: {error}"
            return self._result(prepared, state="failed", reason=problem)
        worst = next((e for e in outcome.executions.values() if e.ending != "graded"), Execution())
        if outcome.problem or worst.ending == "failed":
            problem = outcome.problem or worst.reason
            return self._result(prepared, state="failed", reason=problem)
        state, reason = worst.ending, worst.reason
        if state == "graded" and any(m.tampered for m in prepared.merged.values()):
            state, reason = "tampered", "it changed cells that are not the student's to change"
        return self._result(
            prepared,
            state=state,
            reason=reason,
            isolation=outcome.isolation,
            seconds=outcome.seconds,
            notebooks={
                file: _filled(prepared.merged[file], execution.outputs)
                for file, execution in outcome.executions.items()
            },
        )

    def _marked(self, result: Result) -> Result:
        """Return the result, as a copy if its answers are someone else's."""
        source = self.copies.get(result.student)
        if result.state not in ("graded", "copied"):
            return result
        if source is None:
            return replace(result, state="graded", reason="")
        reason = f"every answer is, character by character, also that of: {source}"
        return replace(result, state="copied", reason=reason)

    def _verdict(self, result: Result, fresh: bool = False) -> Verdict:
        """Keep and record a result; on disk first, so that nothing is lost in between."""
        if result != self.latest.get(result.student):
            self.recorder.results.put(result)
        elif result.student in self.recorded:
            score = score_of(self.recorder.course, result.assignment, result.student)
            if score is not None or not result.notebooks:
                return Verdict(result, score if result.notebooks else None, fresh)
        try:
            return Verdict(result, self.recorder.record(result), fresh)
        except NotRecorded as error:
            return Verdict(result, None, fresh, f"not in the gradebook yet: {error}")


def _filled(merged: Merged, outputs: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """A merged notebook as JSON, with what its cells showed."""
    notebook = json.loads(json.dumps(merged.notebook))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            # To nbgrader a test without an error is passed, so one that was not run has one.
            unknown = [NOT_RUN] if is_test(from_dict(cell)) else []
            cell["outputs"] = outputs.get(cell["id"], unknown)
    return notebook


def _wanted(student: str, options: Options) -> bool:
    """Whether a student is to be graded: all are, or those whose id or pattern was given."""
    patterns = options.students
    matches = any(fnmatch.fnmatchcase(student, pattern) for pattern in patterns)
    return not patterns or student in patterns or matches


@contextmanager
def alone(course: Course) -> Iterator[None]:
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
def _executor(options: Options) -> Iterator[Executor]:
    """What carries out the jobs: threads here, each with processes behind walls, or a cluster."""
    if options.scheduler:
        from course_lib.grading.cluster import cluster

        with cluster(options.scheduler) as executor:
            yield executor
        return
    executor = ThreadPoolExecutor(options.workers)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        engine.close()


def report_lines(course: Course, name: str, limits: Limits | None = None) -> list[Line]:
    """Return the report on an assignment, as its submissions lie there now.

    Args:
        course: the course.
        name: the assignment's name.
        limits: those of the run; what was run with others counts as changed.

    Raises:
        CourseProblem: if there is no such assignment, or nothing was handed in.
    """
    assignment, limits = Assignment.read(course, name), limits or Limits()
    return report(course, name, lambda one: prepare(assignment, one, limits).digest)
