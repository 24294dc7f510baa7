"""The reader's own results: one small file that outlives the kernel and never loses a row."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from course_lib.evaluation.held_out import Estimate
from course_lib.evaluation.scoring import Cost, Score
from course_lib.whole_file import write_whole

__all__ = ["Leaderboard", "Row", "my_folder"]

VERSION = 1
PATIENCE = 5.0  # seconds; another session holds the file for milliseconds
FILE = "leaderboard.json"


@dataclass(frozen=True)
class Row:
    """One trained model of the reader's.

    Attributes:
        name: what the table calls it; a row of the same name takes its place.
        score: the held-out numbers.
        cost: CPU time as multiples of the plain VAE's.
        made_of: the choices, the budget and the seed, in words.
    """

    name: str
    score: Score
    cost: Cost
    made_of: str = ""


def my_folder() -> Path:
    """Return where a reader's own files lie: ``my/`` of the course, which git ignores.

    The environment variable ``COURSE_MY`` names another folder.
    """
    if named := os.environ.get("COURSE_MY"):
        return Path(named)
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "lectures").is_dir()), here) / "my"


class Leaderboard:
    """The rows in a file, written whole or not at all; two sessions may share it.

    A file that cannot be read, or that another version of the course wrote, is set aside under
    another name, and a line says so: nothing is deleted.

    Args:
        folder: where the file lies; ``my_folder()`` if None.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Leaderboard(folder).rows()
        ()
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.path = (my_folder() if folder is None else Path(folder)) / FILE

    def rows(self) -> tuple[Row, ...]:
        """Return all rows, the oldest first; none if there is no file yet."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return ()
        except UnicodeDecodeError as error:
            return self._set_aside(error)
        try:
            return _parse(text)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return self._set_aside(error)

    def add(self, row: Row) -> None:
        """Write a row, in the place of one of the same name.

        Raises:
            OSError: if the folder cannot be written.
            TimeoutError: if another session holds the file for several seconds.
        """
        self._change(lambda kept: [*(old for old in kept if old.name != row.name), row])

    def remove(self, name: str) -> None:
        """Drop the row of this name.

        Raises:
            KeyError: if there is none.
            OSError: if the folder cannot be written.
        """
        names = [row.name for row in self.rows()]
        if name not in names:
            raise KeyError(f"name: expected one of {names}, got {name!r}")
        self._change(lambda kept: [old for old in kept if old.name != name])

    def _change(self, change: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)  # the lock lies there, too
        with _locked(self.path.with_name(f"{FILE}.lock")):
            rows = change(self.rows())  # read again: another session may have added to it
            content = {"version": VERSION, "rows": [asdict(row) for row in rows]}
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            write_whole(self.path, text.encode())

    def _set_aside(self, error: Exception) -> tuple[Row, ...]:
        number = 1
        while (aside := self.path.with_name(f"leaderboard-set-aside-{number}.json")).exists():
            number += 1
        write_whole(aside, self.path.read_bytes())
        self.path.unlink()
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"{self.path} cannot be read ({reason}): it is kept as {aside.name}.")
        return ()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file that only one session can make; one left by a dead session is taken over."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > PATIENCE:
                    path.unlink()
                    continue
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is held by another session; try again") from None
            time.sleep(0.02)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _parse(text: str) -> tuple[Row, ...]:
    content = json.loads(text)
    if content.get("version") != VERSION:
        raise ValueError(f"version: expected {VERSION}, got {content.get('version')!r}")
    return tuple(_row(entry) for entry in content["rows"])


def _row(entry: Mapping[str, Any]) -> Row:
    numbers = dict(entry["score"])
    for name in ("nats", "gap", "information"):
        numbers[name] = None if numbers[name] is None else Estimate(**numbers[name])
    row = Row(entry["name"], Score(**numbers), Cost(*entry["cost"]), entry["made_of"])
    if not isinstance(row.name, str) or row.score.nats is None:
        raise ValueError(f"rows: expected a name and a likelihood in each, got {entry!r}")
    return row
