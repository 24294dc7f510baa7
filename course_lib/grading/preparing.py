"""Preparing a submission: it is vetted, merged, and identified by a digest."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Submission
from course_lib.grading.intake.merging import Merged, merge
from course_lib.grading.intake.vetting import Refused, vet
from course_lib.grading.records.results import digest

__all__ = ["Prepared", "copies", "prepare"]

ENOUGH = 200  # characters beyond the stubs: shorter equal answers mean little
GRADER = "2"  # a new number invalidates old results


@dataclass(frozen=True)
class Prepared:
    """A submission before it is run.

    Attributes:
        student: the student's id.
        digest: of everything that its result depends on.
        merged: its notebooks, merged into the course's; empty if it was refused.
        files: its other files, by path.
        notes: what was found and repaired.
        state: "malformed" or "missing" if it was refused, else "".
        reason: why it was refused.
    """

    student: str
    digest: str
    merged: Mapping[str, Merged] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    state: str = ""
    reason: str = ""


def prepare(assignment: Assignment, submission: Submission) -> Prepared:
    """Return a submission that is vetted and merged.

    Args:
        assignment: its assignment.
        submission: its folder.
    """
    student = submission.student
    try:
        vetted = vet(submission.folder, list(assignment.sources), assignment.untouched)
    except Refused as refused:
        mark = _digest(assignment, student, GRADER, refused.state, refused.reason)
        return Prepared(student, mark, state=refused.state, reason=refused.reason)
    merged = {
        file: merge(source, assignment.releases[file], vetted.notebooks[file])
        for file, source in assignment.sources.items()
    }
    notes = [*vetted.notes, *(line for m in merged.values() for line in m.changes)]
    made_of = [
        *(GRADER, version("nbgrader"), json.dumps(notes)),
        *(part for file, m in merged.items() for part in (file, json.dumps(m.notebook))),
        *(part for path in sorted(vetted.files) for part in (path, vetted.files[path])),
    ]
    return Prepared(student, _digest(assignment, student, *made_of), merged, vetted.files, notes)


def copies(assignment: Assignment, prepared: list[Prepared]) -> dict[str, str]:
    """Return, by student, who else has the same answers, character for character.

    Args:
        assignment: the assignment, whose own solution counts as one of them.
        prepared: all submissions.
    """
    same: dict[str, list[str]] = defaultdict(list)
    everybody = {"": assignment.solution, **{p.student: p.merged for p in prepared}}
    for student, merged in everybody.items():
        answers = {name: text for m in merged.values() for name, text in m.answers.items()}
        work, beyond = assignment.own_work(answers)
        if beyond >= ENOUGH:
            same[work].append(student)
    return {
        student: ", ".join(s or "the course's own solution" for s in group if s != student)
        for group in same.values()
        if len(group) > 1
        for student in group
    }


def _digest(assignment: Assignment, *parts: str | bytes) -> str:
    raw = (p if isinstance(p, bytes) else p.encode("utf-8", "surrogateescape") for p in parts)
    return digest([*assignment.fingerprint, *raw])
