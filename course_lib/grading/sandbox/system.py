"""System calls without a Python function, through the C library."""

from __future__ import annotations

import ctypes
import os
import platform

__all__ = ["MACHINE", "call", "prctl", "syscall"]

MACHINE = platform.machine()
LIBC = ctypes.CDLL(None, use_errno=True)


def call(step: str, function: str, *arguments: object) -> int:
    """Call a function of the C library.

    Args:
        step: what this call does, for the error.
        function: its name, for example "mount".
        *arguments: integers, bytes, None for a null pointer, or what ctypes makes of an object.

    Returns:
        The return value.

    Raises:
        OSError: if the call failed; the message names the step.
    """
    LIBC.syscall.restype = ctypes.c_long
    # a plain int would be passed as 32 bits, leaving half of the register undefined
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = getattr(LIBC, function)(*wide)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")
    return result


def syscall(step: str, number: int, *arguments: object) -> int:
    """Make a system call by number; otherwise as ``call``."""
    return call(step, "syscall", number, *arguments)


def prctl(step: str, option: int, *arguments: object) -> int:
    """Set an attribute of this process; unused arguments are zero, as the kernel requires."""
    return call(step, "prctl", option, *arguments, *(0,) * (4 - len(arguments)))
