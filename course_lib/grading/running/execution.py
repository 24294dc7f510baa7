"""Run one merged notebook: the student's cells in one process, the test cells in another.

The coordinator goes through the cells in order. It passes the judge's questions to the student's
process and the answers back, unread, and keeps the time. The verdict on a test cell is the output
of the judge's own process; nothing that the student's process says decides it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from course_lib.grading.cells import Declared, cells_that_matter, grade_id, role
from course_lib.grading.processes.codec import decode, encode
from course_lib.grading.running.hosts import Gone, HostClient, Session
from course_lib.grading.running.outputs import error, outputs
from course_lib.grading.sandbox.limits import Limits

__all__ = ["Execution", "execute"]

EXPANDED = 8  # factor by which an output may grow as JSON
GRACE = 30.0  # seconds of a test cell in addition to its calls
LATER, AT_LEAST = 0.1, 10.0  # after a timeout: this share of the limit, or these seconds
GONE = {
    "memory": ("out of memory", "{at} used more than {limits.memory} bytes of memory"),
    "timeout": ("timed out", "{at} ran longer than {allowed:g} s and did not stop"),
    "output": ("crashed", "{at} returned more data than a message may hold"),
    "exit": ("crashed", "{at} ended its process (exit, a crash of a library, or a kill)"),
}


@dataclass
class Execution:
    """The result of running a notebook.

    Attributes:
        outputs: the outputs of each code cell, as in a notebook file, by cell id.
        ending: "graded", "timed out", "out of memory" or "crashed".
        reason: one sentence on an ending other than "graded".
        seconds: wall time of each cell, by id.
    """

    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ending: str = "graded"
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def execute(
    notebook: NotebookNode,
    source: Declared,
    student_files: Mapping[str, bytes],
    course_files: Mapping[str, bytes],
    hosts: tuple[HostClient, HostClient],
    limits: Limits,
    loaded: Callable[[list[str]], None] | None = None,
) -> Execution:
    """Run a notebook.

    Args:
        notebook: the merged notebook; every cell has an id.
        source: what the source notebook declares; the judge runs its imports first.
        student_files: the files in the student's process: the course's and the student's own.
        course_files: the files in the judge's process: the course's.
        hosts: the hosts that fork the student's and the judge's process.
        limits: the resources that they may use.
        loaded: called with the modules that the student's process has loaded at the end.

    Returns:
        The outputs, the ending and the times.

    Raises:
        HostLost: if a host ended; the result is then unknown.
    """
    try:
        student = hosts[0].session(limits, student_files)
    except Gone:
        return Execution(ending="crashed", reason="its files could not be copied into its folder")
    try:
        judge = hosts[1].session(limits, course_files)
        try:
            run = _Run(source, student, judge, limits)
            run.prepare()
            for cell in cells_that_matter(notebook.cells):
                run.cell(cell)
            if loaded:
                loaded(run.modules())
            return run.result
        finally:
            judge.close()
    finally:
        student.close()


class _Run:
    """The state of one execution."""

    def __init__(self, source: Declared, student: Session, judge: Session, limits: Limits) -> None:
        self.source, self.student, self.judge, self.limits = source, student, judge, limits
        self.result = Execution()
        self.until = self._now() + limits.seconds
        self.allowed = limits.cell_seconds
        self.gone = ""
        self.at = ""

    def prepare(self) -> None:
        """Let the judge import what the source notebook imports."""
        self._judged("I", self.source.imports, offered=self.source.offered)

    def cell(self, cell: NotebookNode) -> None:
        """Run a cell in the process or processes it belongs to, and keep its outputs."""
        began = time.monotonic()
        where = role(cell)
        self.at = _named(cell)
        shown: list[dict[str, Any]] = []
        if where in ("both", "judge"):
            shown = self._judged("L" if where == "both" else "X", cell.source)
        if where in ("both", "student"):
            shown = self._run(cell.source)
        if where == "student" and grade_id(cell) in self.source.answers:
            self._judged("N", self.source.answers[grade_id(cell)])
        self.result.outputs[cell.id] = shown
        self.result.seconds[cell.id] = time.monotonic() - began

    def modules(self) -> list[str]:
        """Return the modules that the student's process has loaded."""
        return list(decode(self._question(encode({"do": "modules"}), GRACE)).get("value", []))

    def _run(self, source: str) -> list[dict[str, Any]]:
        """Run one of the student's cells and return its outputs."""
        if self.gone:
            return [error("NotRun", f"not run: {self.gone}")]
        seconds = self._left()
        try:
            self.student.tell("X", encode({"source": source}))
            try:
                _, payload = self.student.hear(seconds, EXPANDED * self.limits.output)
            except TimeoutError:
                self._overtime()
                return [error("Timeout", f"the cell was stopped after {seconds:.0f} s")]
            return outputs(payload, self.limits.output)
        except Gone as gone:
            return [self._lost(gone)]

    def _judged(self, kind: str, source: Any, **more: Any) -> list[dict[str, Any]]:
        """Let the judge run a cell, serve its questions, and return the outputs."""
        end = self._now() + self._left()
        try:
            self.judge.tell(kind, encode({"source": source, **more}))
            while True:
                letter, payload = self._hear_judge(end)
                if letter == "R":
                    return outputs(payload, self.limits.output)
                self.judge.tell("A", self._question(payload, end - self._now()))
        except Gone as gone:
            # It survived the course's own solution, so the student's return value is the cause.
            self.result.ending = GONE[gone.ending][0] if kind == "X" else "failed"
            self.result.reason = "a test could not be finished with what the code returned"
            return [error("NotRun", f"not run: {self.result.reason}")]

    def _hear_judge(self, end: float) -> tuple[str, bytes]:
        """Return the judge's next message; interrupt it when its time is up."""
        try:
            return self.judge.hear(max(end + GRACE - self._now(), 0.1))
        except TimeoutError:  # due to the return value: the solution's ended in time
            self.judge.interrupt()
            self._is_late()
            return self.judge.settle()

    def _question(self, payload: bytes, seconds: float) -> bytes:
        """Pass a question to the student's process and return its answer."""
        if seconds <= 0:
            return _answer("TimeoutError", "there is no time left for this call")
        if not self.gone:
            try:
                return self._passed_on(payload, seconds)
            except Gone as gone:
                self._lost(gone)
        return _answer("StudentGone", f"the code is no longer running: {self.gone}")

    def _passed_on(self, payload: bytes, seconds: float) -> bytes:
        self.student.tell("C", payload)
        try:
            return self.student.hear(seconds)[1]
        except TimeoutError:
            self._overtime()
            return _answer("TimeoutError", f"the call was stopped after {seconds:.0f} s")

    def _now(self) -> float:
        """Return the seconds spent waiting for either process; other time is not theirs."""
        return self.student.waited + self.judge.waited

    def _left(self) -> float:
        """Return the time limit of the next cell, in seconds."""
        return min(self.allowed, max(self.until - self._now(), 0.1))

    def _overtime(self) -> None:
        """Interrupt the student's process and note that its time was up."""
        self.student.interrupt()
        whole = self._is_late()
        self.student.settle()
        if whole:
            self.gone = self.result.reason

    def _is_late(self) -> bool:
        """Note that a cell's time was up; return whether the notebook's is."""
        whole = self.until - self._now() < 1
        limit, what = (self.limits.seconds, "the notebook") if whole else (self.allowed, self.at)
        if whole or self.result.ending != "timed out":  # the first causes the others
            self.result.ending = "timed out"
            self.result.reason = f"{what} ran longer than {limit:g} s and was stopped"
        seconds = max(LATER * self.limits.cell_seconds, AT_LEAST)
        self.allowed = min(seconds, self.limits.cell_seconds)
        return whole

    def _lost(self, gone: Gone) -> dict[str, Any]:
        self.result.ending, text = GONE[gone.ending]
        told = {"at": self.at, "limits": self.limits, "allowed": self.allowed}
        self.gone = self.result.reason = text.format(**told)
        return error("Gone", self.gone)


def _named(cell: NotebookNode) -> str:
    """Return a description by which a student finds a cell: its grade id, or its beginning."""
    name = grade_id(cell)
    return f"the cell {name}" if name else f"the cell that begins {cell.source.strip()[:40]!r}"


def _answer(kind: str, text: str) -> bytes:
    """Return an answer that the coordinator gives in place of the student's process."""
    return encode({"error": [kind, "Exception"], "text": text})
