"""The commands of ``python -m course_lib.grading``: from parsed options to an exit status."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from nbgrader.api import MissingEntry

from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.doctor import doctor, show
from course_lib.grading.feedback import feedback
from course_lib.grading.insights import insights, rows
from course_lib.grading.insights_page import insights_page
from course_lib.grading.options import Options
from course_lib.grading.records.converters import quiet
from course_lib.grading.records.export import FORMATS
from course_lib.grading.records.gradebook import NotRecorded, open_gradebook
from course_lib.grading.records.report import Line, as_csv, summary, table, write_csv
from course_lib.grading.run import grade, report_lines
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.tiers import probe
from course_lib.grading.verdicts import Verdict
from course_lib.progress import Progress
from course_lib.whole_file import write_whole

__all__ = ["call"]

DONE, SOME_FAILED, PROBLEM, TOO_OPEN = 0, 1, 2, 3


def call(options: argparse.Namespace) -> int:
    """Carry out the command in ``options.command`` and return the exit status.

    0: success. 1: some submission could not be graded, or a problem was found. 2: nothing could be
    done. 3: this machine cannot isolate submissions as requested.

    Args:
        options: the parsed command line.
    """
    try:
        return COMMANDS[options.command](options)
    except (CourseProblem, NotRecorded) as error:
        print(f"grading: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("\ngrading: interrupted; what was graded is kept; the same command resumes")
        return PROBLEM


def _run(options: argparse.Namespace) -> int:
    tier = probe()
    print(f"isolation: {tier.name}", *(f"  {reason}" for reason in tier.reasons), sep="\n")
    if not tier.at_least(options.isolation) and not options.scheduler:
        print(f"grading: {options.isolation} isolation was asked for", file=sys.stderr)
        return TOO_OPEN
    course = Course.open(options.root)
    with _Lines(options.assignment) as lines:
        verdicts = grade(course, options.assignment, _options_of(options), lines, _say)
    graded = [verdict for verdict in verdicts if verdict.graded]
    print(f"{len(graded)} of {len(verdicts)} graded, in gradebook.db and grades.csv")
    others = sorted(v.result.student for v in verdicts if not v.graded)
    if others:
        print(f"Not graded: {', '.join(others)}; in grades.csv they have an old score or none.")
    _write_report(course, options.assignment)
    return SOME_FAILED if others else DONE


def _options_of(options: argparse.Namespace) -> Options:
    limits = replace(Limits(), cell_seconds=options.timeout, memory=options.memory)
    return Options(
        students=tuple(options.students),
        scheduler=options.scheduler,
        isolation=options.isolation,
        limits=replace(limits, seconds=max(limits.seconds, options.timeout)),
        force=options.force,
        unjudged=options.unjudged,
        **({"workers": options.workers} if options.workers else {}),
    )


def _say(text: str) -> None:
    print(text, flush=True)


class _Lines:
    """Print one line per submission; in a terminal a bar, and lines only for problems."""

    def __init__(self, label: str) -> None:
        self.label, self.bar = label, None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: Any) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def __call__(self, verdict: Verdict, number: int, total: int) -> None:
        """Show a verdict."""
        if not sys.stdout.isatty():
            print(f"[{number}/{total}] {verdict}", flush=True)
            return
        if verdict.result.state != "graded" or verdict.problem:
            print(f"\r\033[K{verdict}")
        self.bar = self.bar or Progress(total, self.label)
        self.bar.update(number, verdict.result.student)


def _report(options: argparse.Namespace) -> int:
    lines = _write_report(Course.open(options.root), options.assignment)
    print(table(lines))
    print(summary(lines))
    return DONE


def _write_report(course: Course, assignment: str) -> list[Line]:
    path = course.root / f"report-{assignment}.csv"
    lines = report_lines(course, assignment)
    write_csv(lines, path)
    print(f"report: {path.name}")
    return lines


def _feedback(options: argparse.Namespace) -> int:
    course = Course.open(options.root)
    pages = feedback(course, options.assignment, options.students or None)
    print(f"{len(pages)} pages in {course.folder('feedback').name}/")
    return DONE


def _insights(options: argparse.Namespace) -> int:
    course = Course.open(options.root)
    found = insights(course, options.assignment)
    for number, one, mistake in found.topics():
        print(f"{number} of {found.graded}: {one.exercise.title}: {mistake.text}")
    stem = f"insights-{options.assignment}"
    text = insights_page(found, options.names)
    write_whole(course.root / f"{stem}.html", text.encode("utf-8", "backslashreplace"))
    write_whole(course.root / f"{stem}.csv", as_csv(list(rows(found, options.names))))
    print(f"insights: {stem}.html, {stem}.csv")
    return DONE


def _export(options: argparse.Namespace) -> int:
    course, name = Course.open(options.root), options.assignment
    course.notebooks(name)
    with quiet(course), open_gradebook(course) as gradebook:
        try:
            made = list(FORMATS[options.format](gradebook, name, options.title or name))
        except MissingEntry:
            raise CourseProblem(f"{name} is not in the gradebook yet: make grade") from None
        waits = gradebook.find_assignment(name).num_submissions and sum(
            bool(one.needs_manual_grade) for one in gradebook.assignment_submissions(name)
        )
    if not made:
        raise CourseProblem("there is no student in the gradebook yet: make grade")
    path = course.root / f"{options.format}-{name}.csv"
    write_whole(path, as_csv(made))
    print(f"grades: {path.name}")
    if waits:
        print(f"{waits} submissions have written answers that are not marked yet.")
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    findings = doctor(options.root, solutions=not options.quick)
    show(findings)
    return SOME_FAILED if any(finding.level == "problem" for finding in findings) else DONE


COMMANDS = {
    "run": _run,
    "report": _report,
    "feedback": _feedback,
    "insights": _insights,
    "export": _export,
    "doctor": _doctor,
}
