"""``python -m course_lib doctor``: what is wrong with an installation, and what helps."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.doctor import doctor, show

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status: 1 if there is a problem, else 0."""
    parser = argparse.ArgumentParser(prog="python -m course_lib")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    text = "what is wrong with this installation, and what helps"
    command = commands.add_parser("doctor", help=text, description=text)
    command.add_argument("--deep", action="store_true", help="also import every package")
    command.add_argument("--quiet", action="store_true", help="do not list what is in order")
    here = Path(__file__).parents[1]
    command.add_argument("--root", type=Path, default=here, help="the folder of the course")
    options = parser.parse_args(arguments)
    findings = doctor(options.root, deep=options.deep)
    shown = [f for f in findings if f.level != "ok"] if options.quiet else findings
    show(shown)
    return int(any(finding.level == "problem" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
