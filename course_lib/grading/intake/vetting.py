"""Inspection of a submission before any of it runs: find and read the notebooks, keep the rest.

No link is followed, no pipe or device is opened, and no size, name or JSON is trusted. Slightly
misnamed files are still graded, with a note to the student.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from course_lib.grading.intake.reading import Refused, read_notebook
from course_lib.grading.intake.walking import Entry, Walk

__all__ = ["Refused", "Vetted", "vet"]

MAX_NOTEBOOK = 100_000_000  # bytes; a notebook full of figures may have 50 MB
MAX_BYTES, MAX_FILES = 50_000_000, 1000  # of all other files together
# Browsers may append the second ending.
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Vetted:
    """The part of a submission that can be graded.

    Attributes:
        notebooks: by the name that the assignment gives them; format 4.5, without outputs.
        files: the other submitted files: content by path relative to the notebook.
        notes: what was found and repaired, one sentence each.
    """

    notebooks: dict[str, NotebookNode]
    files: dict[str, bytes]
    notes: list[str]


def vet(
    folder: Path,
    names: list[str],
    untouched: Callable[[str, NotebookNode], bool] = lambda *_: False,
) -> Vetted:
    """Return the part of a submission that can be graded.

    Hidden files, caches, links and special files are left out. If at least one notebook can be
    graded, those that cannot come back without cells, and the notes say why.

    Args:
        folder: the folder that was handed in.
        names: file names of the assignment's notebooks.
        untouched: whether the notebook of that name is as released; if so, a copy next to it that
            is not counts instead.

    Raises:
        Refused: if there is nothing to grade; ``state`` and ``reason`` say why.
    """
    walk = Walk(folder)
    found = [e for e in walk.files if NOTEBOOK.search(e.name) and e.path.count("/") <= 1]
    taken, notes = _choose(walk, found, names), []
    notebooks, problems, instead = {}, [], []
    for name in names:
        try:
            notebooks[name], mended = _notebook(walk, name, taken.get(name))
            free = [e for e in found if e not in taken.values() and _alike(e, name)]
            if free and untouched(name, notebooks[name]):
                sound = _sound(walk, name, free)
                solved = next((pair for pair in sound if not untouched(name, pair[1])), None)
                if solved:
                    old, (taken[name], notebooks[name]) = taken[name].path, solved
                    instead.append(f"{solved[0].path} was graded, since {old} is unchanged")
            notes += mended
        except Refused as problem:
            problems.append(problem)
            notebooks[name] = new_notebook()
    if len(problems) == len(names):
        raise problems[0]
    base = next((taken[name].parent for name in names if name in taken), "")
    files = _files(walk, base)
    notes = [*instead, *(p.reason for p in problems), *_choice(found, taken, instead), *notes]
    notes += [f"left out, {why}: {_some(paths)}" for why, paths in walk.left_out.items()]
    return Vetted(notebooks, files, notes)


def _choose(walk: Walk, found: list[Entry], names: list[str]) -> dict[str, Entry]:
    """Return the file for each notebook: best name, then newest, then last by name."""
    taken: dict[str, Entry] = {}
    # A longer name claims its files before a shorter one that it starts with.
    order = sorted(names, key=len, reverse=True)
    for fits in (_exact, _alike, None):
        for name in [name for name in order if name not in taken]:
            free = [e for e in found if e not in taken.values()]
            fitting = [e for e in free if fits is None or fits(e, name)]
            only = len(free) == 1 and len(taken) == len(names) - 1
            if fitting and (fits or only) and not _blocked(walk, name):
                taken[name] = max(fitting, key=lambda e: (-e.path.count("/"), e.changed, e.path))
    return taken


def _choice(found: list[Entry], taken: dict[str, Entry], instead: list[str]) -> list[str]:
    """Return notes on the files that were graded under another name, and on those not graded."""
    said = [
        f"{entry.path} was graded as {name}"
        for name, entry in taken.items()
        if entry.path != name and not any(text.startswith(entry.path) for text in instead)
    ]
    unused = [entry.path for entry in found if entry not in taken.values()]
    return [*said, *([f"not graded: {_some(unused)}"] if unused else [])]


def _sound(walk: Walk, name: str, entries: list[Entry]) -> Iterator[tuple[Entry, NotebookNode]]:
    """Yield the files that can be read as a notebook, newest first."""
    for entry in sorted(entries, key=lambda entry: entry.changed, reverse=True):
        with contextlib.suppress(Refused):
            yield entry, _notebook(walk, name, entry)[0]


def _blocked(walk: Walk, name: str) -> bool:
    return any(name in paths for paths in walk.left_out.values())


def _exact(entry: Entry, name: str) -> bool:
    return entry.name == name


def _alike(entry: Entry, name: str) -> bool:
    """Return whether a name is the wanted one with additions or in another case."""
    return f" {_words(name)} " in f" {_words(entry.name)} "


def _words(name: str) -> str:
    stem = NOTEBOOK.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return re.sub(r"[\W_]+", " ", stem).strip()


def _notebook(walk: Walk, name: str, entry: Entry | None) -> tuple[NotebookNode, list[str]]:
    for why, paths in walk.left_out.items():
        if entry is None and name in paths:
            raise Refused("malformed", f"{name} cannot be graded: {why}")
    if entry is None:
        there = _some([one.path for one in walk.files]) or "nothing"
        raise Refused("missing", f"no {name} handed in; found {there}")
    if entry.size > MAX_NOTEBOOK:
        size, most = entry.size // 10**6, MAX_NOTEBOOK // 10**6
        reason = f"{entry.path} has {size} MB; at most {most} MB can be graded: clear its outputs"
        raise Refused("malformed", reason)
    try:
        data = walk.read(entry, MAX_NOTEBOOK)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise Refused("malformed", f"{entry.path} cannot be read: {why}") from None
    return read_notebook(data, entry.path)


def _files(walk: Walk, base: str) -> dict[str, bytes]:
    """Return all other files, small ones first, so that no large file displaces a helper."""
    files: dict[str, bytes] = {}
    room = MAX_BYTES
    # A file next to the notebook takes precedence over one of the same name above it.
    order = sorted(walk.files, key=lambda e: (not e.path.startswith(base), e.size, e.path))
    for entry in order:
        path = entry.path.removeprefix(base)
        if NOTEBOOK.search(path) or path in files:
            continue
        if len(files) == MAX_FILES:
            walk.leave_out(entry.path, f"more than {MAX_FILES} files")
        elif entry.size > room:
            walk.leave_out(entry.path, f"more than {MAX_BYTES // 10**6} MB of files")
        else:
            try:
                files[path] = walk.read(entry, entry.size)
                room -= entry.size
            except OSError as error:
                walk.leave_out(entry.path, (error.strerror or "unreadable").lower())
    return files


def _some(paths: list[str]) -> str:
    """Return a few names as text, without line breaks and of bounded length."""
    shown = [p if p.isprintable() else ascii(p)[1:-1] for p in sorted(paths)[:3]]
    shown = [p if len(p) <= 80 else f"{p[:77]}..." for p in shown]
    return ", ".join(shown) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
