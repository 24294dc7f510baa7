"""From submissions to verdicts: known results are reused, new ones are stored, then recorded.

A result is on disk before it is recorded, so that nothing is lost in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, replace
from typing import Any

from nbformat import from_dict

from course_lib.grading.assignment import Assignment, is_test
from course_lib.grading.course import Submission
from course_lib.grading.intake.merging import Merged
from course_lib.grading.options import Options
from course_lib.grading.preparing import Prepared, copies, prepare
from course_lib.grading.records.gradebook import NotRecorded, Score, score_of
from course_lib.grading.records.recording import Recorder
from course_lib.grading.records.results import Result
from course_lib.grading.reference import Reference
from course_lib.grading.running import engine
from course_lib.grading.running.engine import Outcome
from course_lib.grading.running.execution import Execution

__all__ = ["Verdict", "Verdicts", "filled"]

COPIED = "every answer is identical, character for character, to another submission or solution"
NOT_RUN = {
    "output_type": "error",
    "ename": "NotRun",
    "evalue": "this test was not run",
    "traceback": ["this test was not run"],
}


@dataclass(frozen=True)
class Verdict:
    """The verdict on one submission in this run.

    Attributes:
        result: its result.
        score: its points in the gradebook, or None.
        fresh: whether it was run in this run.
        problem: why it is not in the gradebook, or "".
    """

    result: Result
    score: Score | None
    fresh: bool
    problem: str = ""

    @property
    def graded(self) -> bool:
        """Whether the gradebook has points for this submission."""
        return self.score is not None

    def __str__(self) -> str:
        """Return the line for the instructor."""
        result, score = self.result, self.score
        parts = [f"{result.student}: {result.state}"]
        parts += [] if self.fresh or not result.notebooks else ["unchanged"]
        if score is not None:
            parts.append(f"{score.points:g} of {score.max_points:g}")
            parts += ["a written answer is to be marked"] if score.needs_manual else []
        parts += [text for text in (result.reason, result.private, self.problem) if text]
        return ", ".join(parts) + (f" ({result.seconds:.1f} s)" if self.fresh else "")


class Verdicts:
    """The verdicts of one run over an assignment's submissions.

    Args:
        assignment: the assignment.
        recorder: the gradebook's only writer.
        options: the options of the run.
        reference: what is known about the course's own solution.
    """

    def __init__(
        self, assignment: Assignment, recorder: Recorder, options: Options, reference: Reference
    ) -> None:
        self.assignment, self.recorder, self.options = assignment, recorder, options
        self.reference = reference
        self.latest = recorder.results.latest(assignment.name)
        self.recorded = recorder.results.recorded(assignment.name)
        self.copies: dict[str, str] = {}

    def of(self, submissions: list[Submission], executor: Executor) -> Iterator[Verdict]:
        """Yield a verdict for each selected submission: first those that need no run.

        Args:
            submissions: those of all students, since any may be a copy of another.
            executor: the executor of the jobs.
        """
        known: list[Result] = []
        running: dict[Future[Outcome], Prepared] = {}
        try:
            everybody = [self._started(one, known, running, executor) for one in submissions]
            self.copies = copies(self.assignment, everybody)
            for result in known:
                yield self._verdict(self._marked(result))
            for future in as_completed(running):
                result = self._done(running[future], future)
                yield self._verdict(self._marked(result), fresh=True)
        finally:
            for future in running:
                future.cancel()

    def _started(
        self,
        submission: Submission,
        known: list[Result],
        running: dict[Future[Outcome], Prepared],
        executor: Executor,
    ) -> Prepared:
        """Prepare a submission, and start running it if necessary."""
        prepared = prepare(self.assignment, submission)
        if self.options.wants(prepared.student):
            result = self._known(prepared)
            if result is None:
                job = self.reference.job(prepared, self.options)
                running[executor.submit(engine.work, job)] = prepared
            else:
                known.append(result)
        return prepared

    def _known(self, prepared: Prepared) -> Result | None:
        """Return the result of a submission that need not be run, or None."""
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
        except Exception as error:  # of the grader: nothing is known about this submission
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
            times={file: execution.seconds for file, execution in outcome.executions.items()},
            notebooks={
                file: filled(prepared.merged[file], execution.outputs)
                for file, execution in outcome.executions.items()
            },
        )

    def _marked(self, result: Result) -> Result:
        """Return the result, with the state "copied" if its answers are someone else's."""
        source = self.copies.get(result.student)
        if result.state not in ("graded", "copied"):
            return result
        if source is None:
            return replace(result, state="graded", reason="", private="")
        return replace(result, state="copied", reason=COPIED, private=f"the same as: {source}")

    def _verdict(self, result: Result, fresh: bool = False) -> Verdict:
        """Store a result on disk, then record it."""
        if result != self.latest.get(result.student):
            self.recorder.results.put(result)
        elif result.student in self.recorded and self.recorder.holds(result):
            score = score_of(self.recorder.course, result.assignment, result.student)
            if score is not None or not result.notebooks:
                return Verdict(result, score if result.notebooks else None, fresh)
        try:
            return Verdict(result, self.recorder.record(result), fresh)
        except NotRecorded as error:
            return Verdict(result, None, fresh, f"not in the gradebook yet: {error}")


def filled(merged: Merged, outputs: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """Return a merged notebook as JSON, with the outputs of its cells.

    Args:
        merged: the notebook.
        outputs: the outputs by cell id; a test without any was not run, and has failed.
    """
    notebook = json.loads(json.dumps(merged.notebook))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            # nbgrader passes a test without an error, so a test that was not run gets one.
            unknown = [NOT_RUN] if is_test(from_dict(cell)) else []
            cell["outputs"] = outputs.get(cell["id"], unknown)
    return notebook
