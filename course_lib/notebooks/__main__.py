"""``python -m course_lib.notebooks [--check | --release FOLDER]``.

Build the notebooks, list those that have drifted, or pack the students' bundle.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.notebooks.build import drift, write
from course_lib.notebooks.bundle import write_bundle
from course_lib.notebooks.problems import NotebookProblems

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all is well, 1 if a file has drifted, 2 if a percent file breaks a rule."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.notebooks",
        description="Build the notebooks and the assignments from their percent files.",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="only list what has drifted")
    instead.add_argument("--release", type=Path, metavar="FOLDER", help="write the bundle there")
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder")
    options = parser.parse_args(arguments)
    try:
        if options.release:
            path = write_bundle(options.root, options.release)
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
            return 0
        lines = drift(options.root) if options.check else write(options.root)
    except (NotebookProblems, FileNotFoundError) as error:
        print(str(error).replace(f"{options.root}/", ""), file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    if options.check and lines:
        print("'make notebooks' rebuilds them and overwrites edits made by hand.")
    return int(bool(options.check and lines))


if __name__ == "__main__":
    sys.exit(main())
