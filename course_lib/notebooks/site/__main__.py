"""``python -m course_lib.notebooks.site [FOLDER]``: build the web site of the course."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.site.build import build_site

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the site was built, 2 if not."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.notebooks.site", description="Build the web site of the course."
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build", "site"))
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder")
    parser.add_argument("--cache", type=Path, default=Path("build", "site-cache"))
    options = parser.parse_args(arguments)
    try:
        built = build_site(options.root, options.folder, options.cache.absolute())
    except (NotebookProblems, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    size = sum(path.stat().st_size for path in built.rglob("*") if path.is_file())
    print(f"{built / 'index.html'}: {size / 1e6:.0f} MB with all pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
