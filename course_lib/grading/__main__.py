"""``python -m course_lib.grading run ASSIGNMENT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.grading.submissions import CourseProblem

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Grade an assignment and return the exit status: 0 only if every submission was graded."""
    options = _options(arguments)
    from course_lib.grading.run import grade

    try:
        verdicts = grade(options.root, options.assignment, options.again)
    except CourseProblem as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2
    failed = [verdict.student for verdict in verdicts if verdict.status == "failed"]
    print(f"{len(verdicts) - len(failed)} of {len(verdicts)} graded: grades.csv, feedback/")
    if failed:
        print(f"Not graded: {', '.join(failed)}. In grades.csv they have an old score or no line.")
        print("What nbgrader said, where it came to run, is in autograded/grading.log.")
    return 1 if failed else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.grading", description="Grade an assignment with nbgrader."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="grade what lies in submitted/ and export the grades")
    run.add_argument("assignment", help="its name, for example ps1_elbo_gap")
    run.add_argument("--again", action="store_true", help="also what did not change")
    run.add_argument("--root", type=Path, default=Path(), help="the folder of the course")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
