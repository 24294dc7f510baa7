"""Started by ``tiers`` in bubblewrap, to see whether a session's sandbox can be built there."""

from __future__ import annotations

import os
import sys

from course_lib.grading.sandbox.namespaces import drop, enclose, settle

__all__ = ["BEGUN", "ENCLOSED", "main"]

BEGUN, ENCLOSED = "begun", "enclosed"


def main() -> None:
    """Print how far it got, and what stopped it."""
    print(BEGUN, flush=True)
    try:
        settle()
        enclose(2**20)
        _in_child(drop)
    except OSError as error:
        print(error.strerror)
    else:
        print(ENCLOSED)


def _in_child(wall: object) -> None:
    """Complete the sandbox in pid 1 of the new namespace; its error is raised here."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            wall()
        except OSError as error:
            os.write(writer, str(error.strerror).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    message = os.read(reader, 4096).decode()
    if message:
        raise OSError(0, message)


if __name__ == "__main__":
    sys.exit(main())
