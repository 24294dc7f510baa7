"""System calls that no exercise needs, refused by a seccomp filter.

The sandbox does not depend on it. It removes memory that is charged to no process (memfd, System V
segments), and the parts of the kernel in which most escapes are found.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from course_lib.grading.sandbox.system import MACHINE, prctl

__all__ = ["refuse"]

# name: (x86_64, aarch64)
REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "msgget": (68, 186), "mq_open": (240, 180),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265), "kcmp": (312, 272),
}  # fmt: skip
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000
SET_SECCOMP, FILTER = 22, 2
LOAD, EQUAL, GREATER, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4  # offsets in the kernel's ``seccomp_data``
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000


def refuse() -> bool:
    """Refuse these calls to this process and its children, permanently.

    Needs no_new_privs, which ``drop`` and ``landlock.restrict`` set.

    Returns:
        Whether it did; on machines whose call numbers are not listed it does nothing.

    Raises:
        OSError: if the kernel has no such filters.
    """
    if MACHINE not in ARCHITECTURES:
        return False
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in _program())
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    prctl("filtering system calls", SET_SECCOMP, FILTER, described)
    return True


def _program() -> list[tuple[int, int, int, int]]:
    """Return the filter's instructions: opcode, jumps if true and if false, and operand."""
    column = list(ARCHITECTURES).index(MACHINE)
    numbers = sorted({row[column] for row in REFUSED.values()})
    checks = [(EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[MACHINE]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (GREATER, len(numbers) + 1, 0, X32),  # the same calls under other numbers
        *checks,
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, FAIL | errno.EPERM),
    ]
