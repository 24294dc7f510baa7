"""What a doctor finds, and the checks that the student's and the grader's doctor share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["GIB", "Finding", "room", "safely", "show", "writable"]

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        level: "ok", "note", or "problem"; a problem must be fixed first.
        text: what was found.
        remedy: what to do.
    """

    level: str
    text: str
    remedy: str = ""


def show(findings: Iterable[Finding]) -> None:
    """Print findings, one per line, with the remedy below each.

    Example:
        >>> show([Finding("problem", "the disk is full", "make room")])
        problem the disk is full
                  -> make room
    """
    for finding in findings:
        print(f"{finding.level:8}{finding.text}")
        if finding.remedy:
            print(f"{'':8}  -> {finding.remedy}")


def safely(
    look: Callable[[Any], Iterator[Finding]], subject: Any, *errors: type[Exception]
) -> Iterator[Finding]:
    """Yield what a check finds; a check that fails yields a finding and does not stop the others.

    Args:
        look: the check.
        subject: its argument.
        errors: exceptions that it may raise, in addition to ``OSError`` and ``ValueError``.
    """
    try:
        yield from look(subject)
    except (OSError, ValueError, *errors) as error:
        name = look.__name__.strip("_").replace("_", " ")
        yield Finding("problem", f"looking at {name} failed: {error}")


def writable(places: Iterable[Path]) -> Iterator[Finding]:
    """Yield a problem for each existing place that is not writable.

    Args:
        places: files and folders.
    """
    for place in places:
        if place.exists() and not os.access(place, os.W_OK):
            yield Finding("problem", f"{place} is not writable", f"chmod u+w {place}")


def room(place: Path, tight: int, enough: int, remedy: str) -> Iterator[Finding]:
    """Yield how much disk space is free; less than ``tight`` bytes is a problem.

    Args:
        place: a folder on the disk.
        tight: bytes below which nothing works.
        enough: bytes below which it is worth a note.
        remedy: what to do about it.
    """
    free = shutil.disk_usage(place).free
    level = "problem" if free < tight else "note" if free < enough else "ok"
    yield Finding(level, f"free on disk: {free / GIB:.1f} GiB", "" if level == "ok" else remedy)
