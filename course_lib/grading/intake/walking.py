"""A walk through an untrusted folder.

Links are not followed, pipes and devices are not opened, and depth and length of the walk are
bounded.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from course_lib.grading.intake.reading import Refused

__all__ = ["Entry", "Walk"]

MAX_DEPTH, MAX_ENTRIES = 8, 20_000
NOT_WANTED = {"__pycache__", "__MACOSX", "checkpoints"}  # training cells write to the last


@dataclass(frozen=True)
class Entry:
    """A regular file: its path in the folder, its size in bytes, and its modification time."""

    path: str
    size: int
    changed: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @property
    def parent(self) -> str:
        """The other parts of the path, with a trailing slash unless empty."""
        return self.path.removesuffix(self.name)


class Walk:
    """All regular files of a folder, and why other entries were left out.

    Attributes:
        files: the regular files.
        left_out: paths by the reason why they were left out.

    Args:
        folder: the folder to walk through.

    Raises:
        Refused: if it cannot be read, or is not a folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.files, self.seen = folder, [], 0
        self.left_out: dict[str, list[str]] = {}
        try:
            kind = os.lstat(folder).st_mode
            if not stat.S_ISDIR(kind):
                raise Refused("malformed", "what was handed in is a link or a file, not a folder")
            self._enter("", 0)
        except OSError as error:
            why = error.strerror or "unknown error"
            raise Refused("missing", f"the folder cannot be read: {why.lower()}") from None

    def leave_out(self, path: str, why: str) -> None:
        """Remember a file that was left out, and why."""
        self.left_out.setdefault(why, []).append(path)

    def read(self, entry: Entry, most: int) -> bytes:
        """Return the content of a file.

        Args:
            entry: the file, as the walk found it.
            most: bytes to read at most.

        Raises:
            OSError: if it cannot be read or has changed since the walk; ``strerror`` says which.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(self.folder / entry.path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(0, "no longer a file")
            data = file.read(most + 1)
            after = os.fstat(file.fileno())
        if (len(data), after.st_mtime_ns) != (entry.size, entry.changed):
            raise OSError(0, "changed while it was read")
        return data

    def _enter(self, inside: str, depth: int) -> None:
        with os.scandir(self.folder / inside) as found:
            names = [item.name for item in islice(found, MAX_ENTRIES - self.seen + 1)]
        self.seen += len(names)
        if self.seen > MAX_ENTRIES:
            return self.leave_out(inside or ".", f"more than {MAX_ENTRIES} files")
        for name in sorted(names):  # sorted, so that equal folders get equal notes
            if not name.startswith(".") and name not in NOT_WANTED:
                self._take(inside + name, depth)
        return None

    def _take(self, path: str, depth: int) -> None:
        if not path.isprintable():
            return self.leave_out(path, "unusable name")
        try:
            about = os.lstat(self.folder / path)
            if stat.S_ISREG(about.st_mode):
                self.files.append(Entry(path, about.st_size, about.st_mtime_ns))
            elif not stat.S_ISDIR(about.st_mode):
                link = stat.S_ISLNK(about.st_mode)
                self.leave_out(path, "a link" if link else "not a plain file")
            elif depth < MAX_DEPTH:
                self._enter(path + "/", depth + 1)
            else:
                self.leave_out(path, "nested too deeply")
        except OSError as error:
            self.leave_out(path, (error.strerror or "unreadable").lower())
        return None
