"""Files that are written whole or not at all, however a run ends."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PARTIAL", "replacing", "write_whole"]

PARTIAL = ".part"
"""How the name of an unfinished file ends. One that is left over may be deleted."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file next to ``path`` to write to; at the end it takes the place of ``path``.

    A reader sees the old file or the new one, never a part, even if the machine stops: the content
    is on the disk before the file gets its name. If the block raises, ``path`` stays as it was.
    Several processes and threads may replace one file at a time; the last one counts.

    Args:
        path: the file; its folder is made.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "notes.txt"
        >>> with replacing(path) as partial:
        ...     _ = partial.write_text("done")
        ...     path.exists()
        False
        >>> path.read_text()
        'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}{PARTIAL}")
    partial.touch(exist_ok=False)  # with the access rights of any new file
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as ``replacing`` does.

    Args:
        path: the file; its folder is made.
        content: its bytes.
    """
    with replacing(path) as partial:
        partial.write_bytes(content)
