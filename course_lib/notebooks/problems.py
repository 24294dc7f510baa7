"""The builder's only exception: all problems of a percent file at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["NotebookProblems"]


class NotebookProblems(ValueError):
    """Everything that is wrong with a percent file or the files next to it.

    Args:
        path: the file.
        problems: one sentence each.

    Example:
        >>> print(NotebookProblems(Path("ps1.py"), ["no cells", "no title"]))
        ps1.py: no cells
        ps1.py: no title
    """

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in self.problems))
