"""The inner sandbox of one session, built in a forked child before any student code runs.

``settle`` is called once in the host; then, in a child, ``enclose`` and another fork; and ``drop``
in the grandchild. The result is a process without privileges that sees only its own processes, has
no network, and writes only to private folders.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from course_lib.grading.sandbox.system import MACHINE, call, prctl, syscall

__all__ = ["HOME", "NOBODY", "WORK", "drop", "enclose", "settle"]

NOBODY = 65534
WORK, HOME = Path("/tmp/work"), Path("/tmp/home")
# user, mount, pid, net, ipc, uts
NEW = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18
SET_DUMPABLE, DROP_BOUNDING, SET_NO_NEW_PRIVS = 4, 24, 38
SMALL = 64 * 1024
KEYCTL = {"x86_64": 250, "aarch64": 219}
JOIN_SESSION_KEYRING = 1


def settle() -> None:
    """Give up root, at the very start of a host; does nothing for other users.

    Limits on processes do not hold for root, and the student must not own root's files. A new /proc
    is mounted first: bubblewrap covers parts of root's, and then the kernel would refuse a session
    its own.

    Raises:
        OSError: if a step failed; the message names it.
    """
    if os.geteuid() != 0:
        return
    _mount("mounting /proc for the host", "proc", "/proc")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # a process that changed its user does not own its files in /proc, which the id maps need
    prctl("owning /proc/self", SET_DUMPABLE, 1)


def enclose(size: int) -> None:
    """Move this process into its own namespaces, with private folders to write to.

    Only its children are in the new pid namespace; the first of them is its pid 1, and when it ends
    all others end.

    Args:
        size: the capacity of /tmp in bytes; that of /dev/shm is the same.

    Raises:
        OSError: if a step failed; the message names it.
    """
    user, group = os.getuid(), os.getgid()
    call("creating namespaces", "unshare", NEW)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    _forget_keys()
    call("making mounts private", "mount", None, b"/", None, RECURSIVE | PRIVATE, None)
    _private_tmp(size)
    _tmpfs("/dev/shm", size)
    for shared in ("/dev/pts", "/dev/mqueue"):
        if os.path.isdir(shared):
            _tmpfs(shared, SMALL, READ_ONLY)
    if os.path.exists("/dev/console"):  # detach from the terminal of whoever started the host
        call("covering /dev/console", "mount", b"/dev/null", b"/dev/console", None, BIND, None)
    for folder in (WORK, HOME):
        folder.mkdir(mode=0o700)
    os.chdir(WORK)


def drop() -> None:
    """Complete the sandbox from inside: to be called in the first child of an enclosed process.

    Mounts the /proc of the new pid namespace, forbids further user namespaces and gives up all
    capabilities permanently.

    Raises:
        OSError: if a step failed; the message names it.
    """
    try:
        _mount("mounting /proc", "proc", "/proc")
        fresh = True
    except PermissionError:  # a part of the old one may be covered
        fresh = False
    _write("/proc/sys/user/max_user_namespaces", "0")
    if not fresh:
        _tmpfs("/proc", SMALL, READ_ONLY)
    prctl("forbidding new rights", SET_NO_NEW_PRIVS, 1)
    _drop_capabilities()


def _private_tmp(size: int) -> None:
    """Cover /tmp, and bind again what bubblewrap had bound below it."""
    kept = [(point, os.open(point, os.O_PATH)) for point in _mounted_below("/tmp/")]
    _tmpfs("/tmp", size)
    for point, descriptor in kept:
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            os.makedirs(point, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(point), exist_ok=True)
            Path(point).touch()
        names = source.encode(), os.fsencode(point)
        call(f"binding {point}", "mount", *names, None, BIND | RECURSIVE, None)
        os.close(descriptor)


def _mounted_below(folder: str) -> list[str]:
    """Return the mount points below a folder, without those below another of them."""
    with open("/proc/self/mountinfo") as lines:
        points = sorted(line.split()[4].encode().decode("unicode_escape") for line in lines)
    found: list[str] = []
    for point in points:
        inside = bool(found) and point.startswith(f"{found[-1]}/")
        if point.startswith(folder) and not inside and os.path.exists(point):
            found.append(point)
    return list(dict.fromkeys(found))


def _forget_keys() -> None:
    """Leave the keyring of whoever started the host; some kernels have no keyrings."""
    if MACHINE in KEYCTL:
        with contextlib.suppress(OSError):
            syscall("a keyring of its own", KEYCTL[MACHINE], JOIN_SESSION_KEYRING, None)


def _drop_capabilities() -> None:
    """Clear the bounding set, then the others; the ambient set is cleared with the permitted."""
    for capability in range(64):
        try:
            prctl("dropping a capability", DROP_BOUNDING, capability)
        except OSError:  # past the last capability that this kernel knows
            break
    header = (0x20080522).to_bytes(4, "little") + bytes(4)
    call("dropping capabilities", "capset", header, bytes(24))


def _tmpfs(where: str, size: int, flags: int = 0) -> None:
    inodes = max(16, size // 8192)
    options = f"size={size},nr_inodes={inodes},mode=0700"
    _mount(f"a private {where}", "tmpfs", where, flags, options)


def _mount(step: str, kind: str, where: str, flags: int = NO_EXEC, options: str = "") -> None:
    name, flags = kind.encode(), flags | NO_SUID | NO_DEVICES
    call(step, "mount", name, os.fsencode(where), name, flags, options.encode() or None)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise OSError(error.errno, f"writing {path}: {error.strerror}") from error
