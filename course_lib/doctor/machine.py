"""The machine: which folders are writable, and how much disk space and memory are free."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from course_lib.doctor.findings import GIB, Finding, room, writable
from course_lib.doctor.packages import installed

__all__ = ["disk", "folders", "memory"]

TIGHT_DISK, ENOUGH_DISK = GIB // 4, GIB
TIGHT_MEMORY, ENOUGH_MEMORY = GIB, 2 * GIB  # a lecture next to JupyterLab and a browser
CGROUP = Path("/sys/fs/cgroup")


def folders(root: Path) -> Iterator[Finding]:
    """Yield every folder that is not writable although notebooks or Jupyter write there.

    Args:
        root: the folder of the course.
    """
    places = [root, root / "lectures", root / "my", *_of_jupyter()]
    found = list(writable(places))
    yield from found or [Finding("ok", "notebooks can be saved")]


def disk(root: Path) -> Iterator[Finding]:
    """Yield how much disk space is free.

    Args:
        root: the folder of the course.
    """
    return room(root, TIGHT_DISK, ENOUGH_DISK, "free some space: notebooks and checkpoints need it")


def memory(root: Path) -> Iterator[Finding]:
    """Yield how much memory is free, within a container's limit.

    Args:
        root: the folder of the course.
    """
    known = [free for free in (_free_memory(), _free_in_container()) if free is not None]
    if not known:
        return
    free = min(known)
    level = "problem" if free < TIGHT_MEMORY else "note" if free < ENOUGH_MEMORY else "ok"
    remedy = "" if level == "ok" else "close other programs, and notebooks that you do not need"
    yield Finding(level, f"free memory: {free / GIB:.1f} GiB", remedy)


def _of_jupyter() -> list[Path]:
    """Return Jupyter's runtime folder, or the nearest parent that exists."""
    if installed("jupyter_core") is None:
        return []
    from jupyter_core.paths import jupyter_runtime_dir

    place = Path(jupyter_runtime_dir())
    return [next(path for path in (place, *place.parents) if path.exists())]


def _free_memory() -> int | None:
    if installed("psutil") is None:
        return None
    import psutil

    return psutil.virtual_memory().available


def _free_in_container() -> int | None:
    """Return what a container's limit leaves, in bytes; inactive cached files count as free."""
    try:
        limit, used = ((CGROUP / name).read_text() for name in ("memory.max", "memory.current"))
        lines = (CGROUP / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    kept = dict(line.split() for line in lines).get("inactive_file", "0")
    return None if limit.strip() == "max" else int(limit) - int(used) + int(kept)
