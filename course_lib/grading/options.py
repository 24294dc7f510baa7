"""How a run is done."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field

from course_lib.grading.sandbox.limits import Limits

__all__ = ["Options"]


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
        unjudged: what a test does on which the course's own solution fails: "stop" the run, or go
            to a "person".
    """

    students: tuple[str, ...] = ()
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    scheduler: str = ""
    isolation: str = "full"
    limits: Limits = field(default_factory=Limits)
    force: bool = False
    unjudged: str = "stop"

    def wants(self, student: str) -> bool:
        """Return whether a student is to be graded.

        Args:
            student: the student's id.
        """
        matches = any(fnmatch.fnmatchcase(student, pattern) for pattern in self.students)
        return not self.students or student in self.students or matches
