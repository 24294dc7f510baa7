"""``python -m course_lib.notebooks [--check]``: build the notebooks, or say which have drifted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.notebooks.build import drift, write
from course_lib.notebooks.problems import NotebookProblems

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all is well, 1 if a file has drifted, 2 if a percent file breaks a rule."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.notebooks",
        description="Build the notebooks and the assignments from their percent files.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; list what has drifted")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder")
    options = parser.parse_args(arguments)
    try:
        lines = drift(options.root) if options.check else write(options.root)
    except (NotebookProblems, FileNotFoundError) as error:
        print(str(error).replace(f"{options.root}/", ""), file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    if options.check and lines:
        print("'make notebooks' rebuilds them; it overwrites what was written into them by hand.")
    return int(bool(options.check and lines))


if __name__ == "__main__":
    sys.exit(main())
