"""The options of a grading run."""

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
        students: ids or patterns of the students to grade; everyone if there are none.
        workers: the number of submissions that run at a time.
        scheduler: the address of a Dask scheduler, or "" to run here.
        isolation: the weakest isolation to accept: "full", "files" or "limits".
        limits: the resources that a submission may use.
        force: also run what has not changed.
        unjudged: what to do if a test fails on the course's own solution: "stop" the run, or leave
            the cell to a "person".
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
