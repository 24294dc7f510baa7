"""One plausible mistake, and the tests that must notice it."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """One mistake: in ``file`` the text ``old`` becomes ``new``, and ``tests`` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str


def mutants_of(file: str, tests: str, *changes: tuple[str, str, str]) -> list[Mutant]:
    """Return the mutants of one file that the same tests must catch."""
    return [Mutant(name, file, old, new, tests) for name, old, new in changes]
