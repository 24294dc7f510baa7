"""``python -m course_lib.grading run | report | feedback | insights | export | doctor``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.progress import Progress

if TYPE_CHECKING:  # nbgrader takes seconds to import, and --help does not need it
    from course_lib.grading.course import Course

__all__ = ["main"]

LEAST_MEMORY = 64  # MiB
DONE, SOME_FAILED, PROBLEM, TOO_OPEN = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status.

    0: success. 1: some submission could not be graded, or a problem was found. 2: nothing could be
    done. 3: this machine cannot isolate submissions as requested.
    """
    options = _parser().parse_args(arguments)
    from course_lib.grading.course import CourseProblem
    from course_lib.grading.records.gradebook import NotRecorded

    try:
        return options.command(options)
    except (CourseProblem, NotRecorded) as error:
        print(f"grading: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("\ngrading: interrupted; what was graded is kept; the same command resumes")
        return PROBLEM


def _run(options: argparse.Namespace) -> int:
    from course_lib.grading.course import Course
    from course_lib.grading.options import Options
    from course_lib.grading.run import grade
    from course_lib.grading.sandbox.limits import Limits
    from course_lib.grading.sandbox.tiers import probe

    tier = probe()
    print(f"isolation: {tier.name}", *(f"  {reason}" for reason in tier.reasons), sep="\n")
    if not tier.at_least(options.isolation) and not options.scheduler:
        print(f"grading: {options.isolation} isolation was asked for", file=sys.stderr)
        return TOO_OPEN
    limits = replace(Limits(), cell_seconds=options.timeout, memory=options.memory)
    chosen = Options(
        students=tuple(options.students),
        scheduler=options.scheduler,
        isolation=options.isolation,
        limits=replace(limits, seconds=max(limits.seconds, options.timeout)),
        force=options.force,
        unjudged=options.unjudged,
        **({"workers": options.workers} if options.workers else {}),
    )
    course = Course.open(options.root)
    with _Lines(options.assignment) as lines:
        verdicts = grade(
            course, options.assignment, chosen, lines, lambda text: print(text, flush=True)
        )
    graded = [verdict for verdict in verdicts if verdict.graded]
    print(f"{len(graded)} of {len(verdicts)} graded, in gradebook.db and grades.csv")
    others = sorted(v.result.student for v in verdicts if not v.graded)
    if others:
        print(f"Not graded: {', '.join(others)}; in grades.csv they have an old score or none.")
    _write_report(course, options.assignment)
    return SOME_FAILED if others else DONE


class _Lines:
    """Print one line per submission; in a terminal a bar, and lines only for problems."""

    def __init__(self, label: str) -> None:
        self.label, self.bar = label, None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: Any) -> None:
        if self.bar is not None:
            self.bar.__exit__(None, None, None)

    def __call__(self, verdict: Any, number: int, total: int) -> None:
        """Show a verdict."""
        if not sys.stdout.isatty():
            print(f"[{number}/{total}] {verdict}", flush=True)
            return
        if verdict.result.state != "graded" or verdict.problem:
            print(f"\r\033[K{verdict}")
        self.bar = self.bar or Progress(total, self.label)
        self.bar.update(number, verdict.result.student)


def _report(options: argparse.Namespace) -> int:
    from course_lib.grading.course import Course
    from course_lib.grading.records.report import summary, table

    lines = _write_report(Course.open(options.root), options.assignment)
    print(table(lines))
    print(summary(lines))
    return DONE


def _write_report(course: Course, assignment: str) -> list[Any]:
    from course_lib.grading.records.report import write_csv
    from course_lib.grading.run import report_lines

    path = course.root / f"report-{assignment}.csv"
    lines = report_lines(course, assignment)
    write_csv(lines, path)
    print(f"report: {path.name}")
    return lines


def _feedback(options: argparse.Namespace) -> int:
    from course_lib.grading.course import Course
    from course_lib.grading.feedback import feedback

    course = Course.open(options.root)
    pages = feedback(course, options.assignment, options.students or None)
    print(f"{len(pages)} pages in {course.folder('feedback').name}/")
    return DONE


def _insights(options: argparse.Namespace) -> int:
    from course_lib.grading.course import Course
    from course_lib.grading.insights import insights, rows
    from course_lib.grading.insights_page import insights_page
    from course_lib.grading.records.report import as_csv
    from course_lib.whole_file import write_whole

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
    from nbgrader.api import MissingEntry

    from course_lib.grading.course import Course, CourseProblem
    from course_lib.grading.records.converters import quiet
    from course_lib.grading.records.export import FORMATS
    from course_lib.grading.records.gradebook import open_gradebook
    from course_lib.grading.records.report import as_csv
    from course_lib.whole_file import write_whole

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
    from course_lib.grading.doctor import doctor, show

    findings = doctor(options.root, solutions=not options.quick)
    show(findings)
    return SOME_FAILED if any(finding.level == "problem" for finding in findings) else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.grading", description="Grade assignments with nbgrader."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        added.add_argument("--root", type=Path, default=Path(), help="the folder of the course")
        if name != "doctor":
            text = "the assignment's name, for example ps1_elbo_gap"
            added.add_argument("assignment", type=_name, help=text)
        return added

    _run_options(add("run", _run, "grade the submissions in submitted/, and export the grades"))
    add("report", _report, "one line per submission: score, state, reason; and a CSV file")
    _students(add("feedback", _feedback, "a safe HTML page for each submission"))
    text = "how the class did: a page with plots and the most frequent mistakes, and a CSV file"
    seen = add("insights", _insights, text)
    seen.add_argument("--names", action="store_true", help="name the students who made a mistake")
    out = add("export", _export, "the grades as a CSV file that Canvas or Moodle imports")
    out.add_argument("--format", choices=("canvas", "moodle"), required=True)
    text = "title of the column, e.g. 'Problem set 1 (12345)'"
    out.add_argument("--title", default="", help=text)
    looked = add("doctor", _doctor, "what is wrong with this machine or the course")
    looked.add_argument("--quick", action="store_true", help="do not run the course's solutions")
    return parser


def _run_options(run: argparse.ArgumentParser) -> None:
    from course_lib.grading.sandbox.limits import Limits

    usual = Limits()
    _students(run)
    run.add_argument("--workers", type=_count, help="submissions at a time (default: the cores)")
    run.add_argument("--scheduler", default="", help="a Dask scheduler, e.g. tcp://host:8786")
    run.add_argument(
        "--timeout", type=_seconds, default=usual.cell_seconds, help="seconds per cell"
    )
    run.add_argument(
        "--memory", type=_size, default=usual.memory, help="memory per submission, e.g. 2G"
    )
    run.add_argument(
        "--isolation",
        choices=("full", "files", "limits"),
        default="full",
        help="the weakest isolation to accept",
    )
    run.add_argument(
        "--unjudged",
        choices=("stop", "person"),
        default="stop",
        help="what to do if a test fails on the course's own solution",
    )
    run.add_argument("--force", action="store_true", help="also run what has not changed")


def _students(parser: argparse.ArgumentParser) -> None:
    text = "ids or patterns (default: everyone)"
    parser.add_argument("--students", nargs="+", default=[], help=text)


def _name(text: str) -> str:
    return text.rstrip("/")  # as completed by a shell


def _size(text: str) -> int:
    from course_lib.grading.sandbox.limits import MIB, parse_size

    try:
        size = parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if size < LEAST_MEMORY * MIB:
        raise argparse.ArgumentTypeError(f"{text} is too little; at least {LEAST_MEMORY}M")
    return size


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text!r}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
