"""``python -m course_lib.grading run | report | feedback | insights | export | doctor``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.grading.sandbox.limits import MIB, Limits, parse_size

__all__ = ["main"]

LEAST_MEMORY = 64  # MiB


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status, as ``commands.call`` does.

    Args:
        arguments: the command line; that of the process if None.
    """
    options = _parser().parse_args(arguments)
    from course_lib.grading.commands import call  # takes seconds: --help does not wait for it

    return call(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.grading", description="Grade assignments with nbgrader."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--root", type=Path, default=Path(), help="the folder of the course")
        if name != "doctor":
            added.add_argument("assignment", type=_name, help="its name, e.g. ps1_elbo_gap")
        return added

    _run_options(add("run", "grade the submissions in submitted/, and export the grades"))
    add("report", "one line per submission: score, state, reason; and a CSV file")
    _students(add("feedback", "a safe HTML page for each submission"))
    text = "how the class did: a page with plots and the most frequent mistakes, and a CSV file"
    seen = add("insights", text)
    seen.add_argument("--names", action="store_true", help="name the students who made a mistake")
    out = add("export", "the grades as a CSV file that Canvas or Moodle imports")
    out.add_argument("--format", choices=("canvas", "moodle"), required=True)
    out.add_argument("--title", default="", help="of the column, e.g. 'Problem set 1 (12345)'")
    looked = add("doctor", "what is wrong with this machine or the course")
    looked.add_argument("--quick", action="store_true", help="do not run the course's solutions")
    return parser


def _run_options(run: argparse.ArgumentParser) -> None:
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
