"""Resource limits of one submission, enforced by the kernel or measured by the host."""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["Limits", "apply", "memory_of", "parse_size"]

MIB, GIB = 2**20, 2**30
UNITS = {"": 1, "K": 2**10, "M": MIB, "G": GIB}
OPEN_FILES = 256
PAGE = resource.getpagesize()
PROC = Path("/proc")


@dataclass(frozen=True)
class Limits:
    """The resources that one submission may use.

    Attributes:
        cell_seconds: wall time of one cell.
        seconds: wall time of the whole submission.
        memory: bytes by which its processes together may grow.
        processes: processes and threads at a time.
        file_size: bytes of one file.
        disk: bytes of all its files.
        output: bytes that one cell may print.
        message: bytes of one answer to the judge.

    Raises:
        ValueError: if a field is not a positive number; the message names it.
    """

    cell_seconds: float = 180
    seconds: float = 900
    memory: int = 2 * GIB
    processes: int = 64
    file_size: int = 64 * MIB
    disk: int = 256 * MIB
    output: int = MIB
    message: int = 64 * MIB

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int, float) if field.type == "float" else (int,)
            number = isinstance(value, kinds) and not isinstance(value, bool)
            if not number or not 0 < value < math.inf:
                wanted = "a number" if field.type == "float" else "a whole number"
                raise ValueError(f"{field.name} is {value!r}; it must be {wanted} above 0")


def parse_size(text: str) -> int:
    """Return a size in bytes.

    Args:
        text: a number, and K, M or G for kibi-, mebi- or gibibytes.

    Raises:
        ValueError: if it is not a size.

    Example:
        >>> parse_size("512M"), parse_size("1.5G")
        (536870912, 1610612736)
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if size <= 0:
        raise ValueError(f"{text!r} is not a size; write it like 512M or 2G")
    return size


def apply(limits: Limits) -> None:
    """Set what the kernel can enforce, for this process and each of its children.

    The kernel's limits on memory and time hold for each process separately; for the total the host
    needs ``memory_of`` and a clock.

    Args:
        limits: what to allow.
    """
    address_space = _address_space()
    if address_space:  # macOS neither reports nor enforces it
        _set(resource.RLIMIT_AS, address_space + limits.memory)
    _set(resource.RLIMIT_CPU, math.ceil(limits.seconds) + 5)
    _set(resource.RLIMIT_NPROC, limits.processes)
    _set(resource.RLIMIT_FSIZE, limits.file_size)
    _set(resource.RLIMIT_NOFILE, OPEN_FILES)
    _set(resource.RLIMIT_CORE, 0)
    if hasattr(resource, "RLIMIT_MSGQUEUE"):
        _set(resource.RLIMIT_MSGQUEUE, 0)


def memory_of(pid: int, exact_above: int = 0) -> int | None:
    """Return the bytes of memory in use by a process and its descendants; None on macOS.

    Shared memory is counted once: each process is charged its share. A process that hides its maps
    is charged for all of it.

    Args:
        pid: its process id, outside its own namespace.
        exact_above: up to this many bytes, return a much faster count, in which shared memory
            counts for each process.
    """
    if not (PROC / "self" / "stat").exists():
        return None
    tree = _tree(pid)
    rough = sum(map(_whole, tree))
    return rough if rough <= exact_above else sum(map(_part, tree))


def _tree(root: int) -> list[int]:
    """Return a process and its descendants; orphans are children of pid 1 of their namespace."""
    children: dict[int, list[int]] = {}
    for name in os.listdir(PROC):
        if name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended in the meantime
                # the name in brackets is chosen by the process and may contain anything
                after_name = (PROC / name / "stat").read_text(errors="replace").rpartition(")")[2]
                children.setdefault(int(after_name.split()[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _part(pid: int) -> int:
    """Return the memory charged to a process, in bytes, including swapped memory."""
    return _sum(pid, "smaps_rollup", r"^(?:Swap)?Pss:\s+(\d+)") or _whole(pid)


def _whole(pid: int) -> int:
    return _sum(pid, "status", r"^Vm(?:RSS|Swap):\s+(\d+)")


def _sum(pid: int, file: str, pattern: str) -> int:
    """Return the sum of numbers in kB, in bytes; 0 if the process has ended or hides them."""
    try:
        text = (PROC / str(pid) / file).read_text(errors="replace")
    except OSError:
        return 0
    return 1024 * sum(map(int, re.findall(pattern, text, re.MULTILINE)))


def _address_space() -> int:
    try:
        return PAGE * int((PROC / "self" / "statm").read_text().split()[0])
    except OSError:
        return 0


def _set(kind: int, value: int) -> None:
    """Lower both limits, but never raise them."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
