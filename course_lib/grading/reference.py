"""The course's own solution, graded first: unless it gets all points, no grade means anything.

A test that fails on it cannot be judged and stops the run, unless the instructor leaves that cell
to a person. The modules that the solution loads are those that a warm host loads in advance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.grading.assignment import Assignment, is_test
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.options import Options
from course_lib.grading.preparing import GRADER, Prepared
from course_lib.grading.records.results import digest
from course_lib.grading.running import engine
from course_lib.grading.running.engine import Job
from course_lib.whole_file import write_whole

__all__ = ["Reference", "Unjudged", "check_solution", "unjudged"]

Unjudged = dict[str, dict[str, str]]  # why a test cannot be judged, by notebook and grade id
REMEDY = "fix the test, or let a person grade that cell: --unjudged person"

DRAWING = "matplotlib.pyplot"  # its first import in a new home folder takes seconds


@dataclass(frozen=True)
class Reference:
    """What is known about an assignment after its own solution was run.

    Attributes:
        assignment: the assignment.
        preload: the modules to import before forking.
        unjudged: the tests that are left to a person.
    """

    assignment: Assignment
    preload: tuple[str, ...]
    unjudged: Unjudged = field(default_factory=dict)

    def job(self, prepared: Prepared, options: Options) -> Job:
        """Return the job that runs a submission.

        Args:
            prepared: the submission; the course's files take precedence over its own.
            options: the options of the run.
        """
        own = self.assignment.files
        return Job(
            notebooks={file: json.dumps(m.notebook) for file, m in prepared.merged.items()},
            declared=self.assignment.declared,
            student_files={**_beside(prepared.files, own), **own},
            course_files=own,
            limits=options.limits,
            isolation=options.isolation,
            packages=self.assignment.packages,
            preload=self.preload,
        )


def _beside(files: Mapping[str, bytes], own: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a student's files without those whose paths collide with the course's."""

    def meets(one: str, other: str) -> bool:
        return one.startswith(f"{other}/") or other.startswith(f"{one}/")

    return {path: c for path, c in files.items() if not any(meets(path, o) for o in own)}


def check_solution(
    course: Course, assignment: Assignment, options: Options, executor: Executor
) -> Reference:
    """Run the course's own solution, unless this was done before, and demand full marks.

    Args:
        course: the course.
        assignment: the assignment.
        options: the options of the run.
        executor: the executor of its jobs.

    Raises:
        CourseProblem: if it does not run to its end, or fails a test that is not left to a person.
    """
    path = course.store / f"{assignment.name}.reference.json"
    mark = digest([*assignment.fingerprint, repr(options.limits).encode(), GRADER.encode()])
    known = _read(path)
    if known.get("digest") != mark:
        failing, modules = unjudged(assignment, options, executor)
        preload = [*assignment.modules, *modules, DRAWING]
        known = {"digest": mark, "modules": preload, "unjudged": failing}
        write_whole(path, json.dumps(known).encode())
    failing = known["unjudged"]
    if failing and options.unjudged != "person":
        said = [
            f"the course's own solution fails the test {name} of {file}: {why}"
            for file, tests in failing.items()
            for name, why in tests.items()
        ]
        raise CourseProblem("\n".join([*said, REMEDY]))
    return Reference(assignment, tuple(known["modules"]), failing)


def unjudged(
    assignment: Assignment, options: Options, executor: Executor
) -> tuple[Unjudged, list[str]]:
    """Run the course's own solution; return the tests it fails and why, and the modules it loads.

    Args:
        assignment: the assignment.
        options: the options of the run.
        executor: the executor of its jobs.

    Raises:
        CourseProblem: if it does not run to its end.
    """
    own = Prepared("", "", assignment.solution)
    job = Reference(assignment, assignment.modules).job(own, options)
    outcome, modules = executor.submit(engine.learn, job).result()
    if outcome.problem:
        raise CourseProblem(outcome.problem)
    failing: Unjudged = {}
    for file, execution in outcome.executions.items():
        if execution.ending != "graded":
            raise CourseProblem(f"the course's own {file} did not run: {execution.reason}")
        for cell in assignment.solution[file].notebook.cells:
            errors = [o for o in execution.outputs.get(cell.id, []) if o["output_type"] == "error"]
            if is_test(cell) and errors:
                why = f"{errors[0]['ename']}: {errors[0]['evalue']}"
                failing.setdefault(file, {})[cell.metadata.nbgrader.grade_id] = why
    return failing, modules


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
