"""System calls that Python has no function for, by way of the C library."""

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
        What it returned.

    Raises:
        OSError: naming the step, if the call failed.
    """
    LIBC.syscall.restype = ctypes.c_long
    # a plain int would be passed as 32 bits, which leaves half of a register to chance
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = getattr(LIBC, function)(*wide)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")
    return result


def syscall(step: str, number: int, *arguments: object) -> int:
    """Call the kernel by number; otherwise as ``call``."""
    return call(step, "syscall", number, *arguments)


def prctl(step: str, option: int, *arguments: object) -> int:
    """Set something of this process; unused arguments are zero, as the kernel demands."""
    return call(step, "prctl", option, *arguments, *(0,) * (4 - len(arguments)))
