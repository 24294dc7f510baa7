"""The result of each submission, stored on disk before it is recorded in the gradebook.

A result's file is named after a digest of everything that it depends on, so an equal submission is
never run twice. An index per assignment says which result is a student's latest, and whether it is
in the gradebook. Every file is written completely or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import RLock
from typing import Any

from course_lib.whole_file import write_whole

__all__ = ["Result", "Results", "digest"]


@dataclass(frozen=True)
class Result:
    """The result of one submission.

    Attributes:
        student: the student's id.
        assignment: the assignment's name.
        digest: of everything that the result depends on, the student's id included.
        state: "graded", "timed out", "out of memory", "crashed", "tampered", "copied",
            "malformed", "missing" or "failed".
        reason: one sentence that an instructor can forward to the student.
        notes: what was found and repaired.
        private: notes for the instructor only.
        times: by file name, the wall time of each cell, by its id.
        isolation: "full", "files" or "limits".
        seconds: wall time.
        notebooks: by file name, the merged notebooks with outputs as nbformat's JSON; empty if
            nothing was run.
    """

    student: str
    assignment: str
    digest: str
    state: str
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    isolation: str = ""
    seconds: float = 0.0
    notebooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    private: str = ""
    times: dict[str, dict[str, float]] = field(default_factory=dict)


def digest(parts: Iterable[bytes]) -> str:
    """Return one digest of many parts; the boundaries between them matter.

    Args:
        parts: the parts.

    Example:
        >>> digest([b"ab", b"c"]) == digest([b"a", b"bc"])
        False
    """
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


class Results:
    """The results of a course.

    Args:
        folder: the folder of their files; the indices are stored next to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = RLock()

    def get(self, digest: str) -> Result | None:
        """Return a result, or None if there is none or it cannot be read.

        Args:
            digest: the digest of the result.
        """
        try:
            found = json.loads(self._file(digest).read_bytes())
            result = Result(**found)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return result if result.digest == digest and _well_typed(result) else None

    def put(self, result: Result) -> None:
        """Store a result as its student's latest, not yet recorded.

        Args:
            result: the result.
        """
        with self._lock:
            write_whole(self._file(result.digest), json.dumps(asdict(result)).encode())
            entry = {"digest": result.digest, "recorded": False}
            self._write(
                result.assignment, {**self._index(result.assignment), result.student: entry}
            )

    def latest(self, assignment: str) -> dict[str, Result]:
        """Return each student's latest result, by student.

        Results that cannot be read, or whose student or assignment differs from the index, are left
        out.

        Args:
            assignment: the assignment's name.
        """
        found = {s: self.get(entry["digest"]) for s, entry in self._index(assignment).items()}
        return {
            student: result
            for student, result in sorted(found.items())
            if result and (result.student, result.assignment) == (student, assignment)
        }

    def mark_recorded(self, result: Result) -> None:
        """Mark a result as recorded in the gradebook, if it is still its student's latest.

        Args:
            result: the result.
        """
        with self._lock:
            index = self._index(result.assignment)
            if index.get(result.student, {}).get("digest") == result.digest:
                index[result.student] = {"digest": result.digest, "recorded": True}
                self._write(result.assignment, index)

    def recorded(self, assignment: str) -> set[str]:
        """Return the students whose latest result is in the gradebook.

        Args:
            assignment: the assignment's name.
        """
        return {s for s, entry in self._index(assignment).items() if entry.get("recorded") is True}

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _index(self, assignment: str) -> dict[str, dict[str, Any]]:
        """Return the index; nothing is lost without it, since results are found by digest."""
        try:
            found = json.loads((self.folder.parent / f"{assignment}.json").read_bytes())
            return {s: e for s, e in found.items() if isinstance(e["digest"], str)}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    def _write(self, assignment: str, index: dict[str, dict[str, Any]]) -> None:
        content = json.dumps(index, indent=1, sort_keys=True).encode()
        write_whole(self.folder.parent / f"{assignment}.json", content)


def _well_typed(result: Result) -> bool:
    """Return whether each field has the same type as in an empty result."""
    empty = Result("", "", "", "")
    kinds = {f.name: type(getattr(empty, f.name)) for f in fields(Result)}
    kinds["seconds"] = (int, float)
    return all(isinstance(getattr(result, name), kind) for name, kind in kinds.items())
