"""The outer sandbox: bubblewrap's command line for a host.

It contains only Python, the system's libraries, the named packages and an empty /tmp: no home
folder, no course, no network and no environment variables.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["command", "environment", "find", "packages", "python_folders"]

OF_ETC = ("ld.so.cache", "localtime", "fonts", "alternatives")
NAMESPACES = ("pid", "net", "ipc", "uts", "cgroup-try")
FOR_ROOT = ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN")  # dropped by namespaces.settle


def find() -> str | None:
    """Return the path of bubblewrap, installed by the system or by pip, or None."""
    places = [os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")]
    return shutil.which("bwrap", path=os.pathsep.join(places))


def command(argv: list[str], *, readable: Iterable[Path] = ()) -> list[str]:
    """Return the command line that runs a program in the sandbox.

    Inherited file descriptors pass through. Standard streams must not be a terminal: a process
    inside could write to it. A host begins with ``namespaces.settle()``.

    Args:
        argv: the program and its arguments, as seen from inside.
        readable: files and folders that it may read besides Python and the system's libraries; a
            package's parent folder is put on the import path.

    Raises:
        FileNotFoundError: if bubblewrap is not installed.
    """
    program = find()
    if program is None:
        raise FileNotFoundError("bubblewrap (bwrap) is neither on PATH nor next to this Python")
    readable = list(readable)
    lines = [
        [program, "--die-with-parent", "--new-session", "--clearenv"],
        *(["--unshare-" + name] for name in NAMESPACES),
        _rights(),
        *_system(),
        ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"],
        ["--remount-ro", "/dev", "--perms", "1777", "--tmpfs", "/tmp"],
        *(line for path in (*python_folders(), *readable) for line in _bound(path)),
        ["--remount-ro", "/", "--chdir", "/tmp"],
        *(["--setenv", name, value] for name, value in environment(readable).items()),
        ["--", *argv],
    ]
    return [word for line in lines for word in line]


def packages(names: Iterable[str]) -> list[Path]:
    """Return the folders of packages not installed next to Python, without importing them.

    Args:
        names: names of top-level modules; those that do not exist are skipped.

    Returns:
        Folders of packages and files of modules, for ``readable``.
    """
    found: list[Path] = []
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            found += map(Path, spec.submodule_search_locations)
        elif spec is not None and spec.has_location and spec.origin:
            found.append(Path(spec.origin))
    known = [folder.resolve() for folder in python_folders()]
    outside = (p for p in found if not any(p.resolve().is_relative_to(k) for k in known))
    return list(dict.fromkeys(outside))


def python_folders() -> list[Path]:
    """Return the folders of this Python: its environment and its base installation."""
    return [Path(folder) for folder in dict.fromkeys((sys.prefix, sys.base_prefix))]


def environment(readable: Iterable[Path]) -> dict[str, str]:
    """Return all environment variables of a host.

    Args:
        readable: as in ``command``.
    """
    parents = dict.fromkeys(str(path.absolute().parent) for path in readable)
    return {
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": os.pathsep.join(parents),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": "/tmp/home",
        "USER": "student",
        "LOGNAME": "student",
        "MPLCONFIGDIR": "/tmp/home/matplotlib",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
    }


def _rights() -> list[str]:
    """Return the options for root: no user namespace, since it has no other user to become."""
    if os.geteuid() != 0:
        return ["--unshare-user"]
    kept = [word for capability in FOR_ROOT for word in ("--cap-add", capability)]
    return ["--cap-drop", "ALL", *kept]


def _system() -> Iterator[list[str]]:
    """Yield options for the system's programs and libraries; if /lib is a link, it stays one."""
    yield ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/nix/store", "/nix/store"]
    for path in sorted((*Path("/").glob("lib*"), Path("/bin"), Path("/sbin"))):
        if path.is_symlink():
            yield ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            yield ["--ro-bind", str(path), str(path)]
    for name in OF_ETC:
        yield ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]


def _bound(path: Path) -> Iterator[list[str]]:
    """Yield options for a path under its own name, and under the name that its links lead to.

    Parent folders are made explicitly: those that bubblewrap creates itself are open only to their
    owner.
    """
    for place in dict.fromkeys((path.absolute(), path.resolve())):
        for above in reversed(place.parents):
            yield ["--perms", "0755", "--dir", str(above)]
        yield ["--ro-bind", str(path), str(place)]
