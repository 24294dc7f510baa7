"""What became of each submission, on disk before anything of it reaches the gradebook.

A result's file is named by a digest of all that it depends on, so an equal submission is never
run twice. An index per assignment says which result is a student's latest, and whether the
gradebook has it. Every file is written whole or not at all.
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
    """What became of one submission.

    Attributes:
        student: the student's id.
        assignment: the assignment's name.
        digest: of everything that the result depends on, the student's id included.
        state: "graded", "timed out", "out of memory", "crashed", "tampered", "copied",
            "malformed", "missing" or "failed".
        reason: one sentence that an instructor can forward to the student.
        notes: what was found and mended.
        private: what the instructor alone is told.
        times: by file name the wall time of each cell, by its id.
        isolation: "full", "files" or "limits".
        seconds: wall time.
        notebooks: by file name the merged notebooks as nbformat's JSON, outputs filled in; none
            if nothing was run.
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
    """Return one digest of many parts; where one ends and the next begins matters.

    Args:
        parts: what is to be told apart.

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
        folder: where their files lie; the indices are stored next to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = RLock()

    def get(self, digest: str) -> Result | None:
        """Return a result, or nothing if there is none that can be read whole.

        Args:
            digest: the result's.
        """
        try:
            found = json.loads(self._file(digest).read_bytes())
            result = Result(**found)
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return result if result.digest == digest and _well_typed(result) else None

    def put(self, result: Result) -> None:
        """Keep a result as its student's latest, not yet recorded.

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

        Results that cannot be read, or that are of another student or assignment than the index
        says, are left out.

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
        """Note that the gradebook has a result, if it still is its student's latest.

        Args:
            result: the result.
        """
        with self._lock:
            index = self._index(result.assignment)
            if index.get(result.student, {}).get("digest") == result.digest:
                index[result.student] = {"digest": result.digest, "recorded": True}
                self._write(result.assignment, index)

    def recorded(self, assignment: str) -> set[str]:
        """Return the students whose latest result the gradebook has.

        Args:
            assignment: the assignment's name.
        """
        return {s for s, entry in self._index(assignment).items() if entry.get("recorded") is True}

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _index(self, assignment: str) -> dict[str, dict[str, Any]]:
        """The index; without one nothing is lost, for results are found again by their digest."""
        try:
            found = json.loads((self.folder.parent / f"{assignment}.json").read_bytes())
            return {s: e for s, e in found.items() if isinstance(e["digest"], str)}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    def _write(self, assignment: str, index: dict[str, dict[str, Any]]) -> None:
        content = json.dumps(index, indent=1, sort_keys=True).encode()
        write_whole(self.folder.parent / f"{assignment}.json", content)


def _well_typed(result: Result) -> bool:
    """Whether each field holds what an empty result's holds."""
    empty = Result("", "", "", "")
    kinds = {f.name: type(getattr(empty, f.name)) for f in fields(Result)}
    kinds["seconds"] = (int, float)
    return all(isinstance(getattr(result, name), kind) for name, kind in kinds.items())
