"""A sandbox for machines without user namespaces: the kernel's Landlock, which needs no rights.

A restricted process can read and write only what it was granted. If the kernel is new enough, it
cannot open TCP connections or signal processes outside.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from course_lib.grading.sandbox.system import prctl, syscall

__all__ = ["available", "restrict"]

CREATE, ADD, RESTRICT = 444, 445, 446
ASK_VERSION, PATH_BENEATH, SET_NO_NEW_PRIVS = 1, 1, 38
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1, 2, 4, 8
REFER, TRUNCATE, DEVICE_CONTROL = 1 << 13, 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_CONTROL
READING = EXECUTE | READ_FILE | READ_FOLDER
TCP, SCOPES = 3, 3  # TCP bind and connect; abstract sockets and signals
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def available() -> int:
    """Return the version of Landlock in this kernel, 0 without one."""
    try:
        return syscall("asking for Landlock", CREATE, None, 0, ASK_VERSION)
    except (OSError, AttributeError):
        return 0


def restrict(readable: Iterable[str | Path], writable: Iterable[str | Path]) -> None:
    """Restrict this process, and all that it starts, permanently.

    Args:
        readable: files and folders to read and execute; those that do not exist are skipped.
        writable: files and folders to read and write.

    Raises:
        OSError: if a step failed; the message names it.
    """
    version = available()
    everything = _rights(version)
    rules = struct.pack(
        "=QQQ", everything, TCP if version >= 4 else 0, SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = syscall("creating Landlock's rules", CREATE, rules, size, 0)
    for path in readable:
        _allow(ruleset, path, READING)
    for path in (*DEVICES, *writable):
        _allow(ruleset, path, everything & ~DEVICE_CONTROL)
    prctl("forbidding new rights", SET_NO_NEW_PRIVS, 1)
    syscall("entering Landlock", RESTRICT, ruleset, 0)
    os.close(ruleset)


def _rights(version: int) -> int:
    """Return all rights over files that a version knows; every version has the first thirteen."""
    rights = REFER - 1
    for needed, right in ((2, REFER), (3, TRUNCATE), (5, DEVICE_CONTROL)):
        rights |= right if version >= needed else 0
    return rights


def _allow(ruleset: int, path: str | Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= OF_FILES
    rule = struct.pack("=Qi", rights, descriptor)
    syscall(f"allowing {path}", ADD, ruleset, PATH_BENEATH, rule, 0)
    os.close(descriptor)
