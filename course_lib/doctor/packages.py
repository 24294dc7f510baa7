"""Python and its packages, against what the course pins."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from course_lib.doctor.findings import Finding

__all__ = ["hidden_modules", "imports", "installed", "library", "pinned", "pins", "pip", "python"]

OLDEST = (3, 11)
DISTRIBUTION = "course-lib"
REQUIRED, EXACT = "requirements.txt", "constraints.txt"
PIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([^\s;#]+)")
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL"}  # names at import
WRITING = ("", "lectures", "my", "my/*", "my/*/*", "assignments/*")  # where a reader saves files
NAMED = 5  # how many versions are listed; the rest are only counted
LONGEST_IMPORT = 120  # seconds


def python(root: Path) -> Iterator[Finding]:
    """Yield whether the running Python is new enough, and is the course's own.

    Args:
        root: the folder of the course.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        remedy = (
            f"install Python {wanted}, then: make clean; make lab PYTHON=/path/to/python{wanted}"
        )
        yield Finding(
            "problem", f"Python {version} is too old; {wanted} or newer is needed", remedy
        )
    elif sys.maxsize < 2**32:
        text = f"Python {version} is a 32-bit program, for which there is no torch"
        yield Finding("problem", text, "install the 64-bit Python")
    else:
        yield Finding("ok", f"Python {version}: {sys.executable}")
    own = root / ".venv"
    if own.is_dir() and Path(sys.prefix).resolve() != own.resolve():
        remedy = (
            f"{own / ('Scripts' if os.name == 'nt' else 'bin') / 'python'} -m course_lib doctor"
        )
        yield Finding("note", f"this Python is not the course's, which is in {own}", remedy)


def pinned(root: Path) -> Iterator[Finding]:
    """Yield the packages that are not installed, lack their files, or have another version.

    Args:
        root: the folder of the course, with its two requirements files.
    """
    needed = pins(root / REQUIRED)
    if not needed:
        remedy = "run this in the folder of the course, or pass it: --root FOLDER"
        yield Finding("note", f"no {REQUIRED} in {root}: versions are not compared", remedy)
        return
    missing = [name for name in needed if installed(name) is None]
    if missing:
        remedy = f"{pip()} install -r {root / REQUIRED}"
        yield Finding("problem", f"not installed: {', '.join(missing)}", remedy)
    for name in needed.keys() - set(missing):
        if importlib.util.find_spec(_module(name)) is None:
            text = f"{name} is listed as installed, but its files are missing"
            yield Finding("problem", text, _again(name, needed))
    wanted = needed | pins(root / EXACT) | needed  # what the course itself needs, first
    found = {name: installed(name) for name in wanted}
    others = [
        f"{name} {version} (tested: {wanted[name]})"
        for name, version in found.items()
        if version is not None and version.partition("+")[0] != wanted[name]
    ]
    if others:
        more = f", and {len(others) - NAMED} more" if len(others) > NAMED else ""
        text = f"versions other than the tested ones: {', '.join(others[:NAMED])}{more}"
        yield Finding("note", text, f"if something fails: {pip()} install -r {root / REQUIRED}")
    elif not missing:
        yield Finding("ok", f"all {len(needed)} packages have the tested versions")


def library(root: Path) -> Iterator[Finding]:
    """Yield whether notebooks get ``course_lib`` from this folder.

    Args:
        root: the folder of the course.
    """
    here = [found for found in metadata.distributions(name=DISTRIBUTION) if _origin(found)]
    remedy = f"{pip()} install --no-deps -e {root}"
    if not here:
        text = "course_lib is not installed: notebooks in other folders cannot import it"
        yield Finding("problem", text, remedy)
        return
    origin = _origin(here[0])
    if origin.get("dir_info", {}).get("editable"):
        folder = Path(url2pathname(urlparse(origin["url"]).path))
        if folder.resolve() != root.resolve():
            text = f"notebooks use the course_lib of {folder}, not the one in {root.resolve()}"
            yield Finding("problem", text, remedy)
            return
    yield Finding("ok", "notebooks can import course_lib")


def hidden_modules(root: Path) -> Iterator[Finding]:
    """Yield each of the reader's files whose name hides a package or a standard module.

    Args:
        root: the folder of the course.
    """
    names = {*sys.stdlib_module_names, "course_lib", *map(_module, pins(root / REQUIRED))}
    for pattern in WRITING:
        for folder in sorted(root.glob(pattern)) if pattern else [root]:
            for path in sorted(folder.glob("*.py")):
                if path.stem in names:
                    text = f"{path.relative_to(root)} hides the module {path.stem} from notebooks"
                    yield Finding("problem", f"{text} in the same folder", "rename the file")


def imports(root: Path) -> Iterator[Finding]:
    """Yield every package that cannot be imported, with its error.

    Args:
        root: the folder of the course.
    """
    needed = pins(root / REQUIRED)
    for name in needed:
        if installed(name) is None:
            continue
        command = [sys.executable, "-c", f"import {_module(name)}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_IMPORT)
        except subprocess.TimeoutExpired:
            yield Finding("problem", f"importing {name} takes more than {LONGEST_IMPORT} s")
            continue
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
            text = f"{name} cannot be imported: {lines[-1]}"
            yield Finding("problem", text, _again(name, needed))


def pins(path: Path) -> dict[str, str]:
    """Return the versions that a requirements file pins, by name; empty if there is no file.

    Args:
        path: the file.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (PIN.match(line.strip()) for line in lines)
    return {match[1]: match[2] for match in found if match}


def installed(name: str) -> str | None:
    """Return the version of a package, or None if it is not installed.

    Args:
        name: its name for pip.
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pip() -> str:
    """Return the command that installs into the running Python."""
    return f"{sys.executable} -m pip"


def _module(name: str) -> str:
    return MODULES.get(name, name)


def _again(name: str, wanted: dict[str, str]) -> str:
    return f"{pip()} install --force-reinstall --no-deps {name}=={wanted[name]}"


def _origin(found: metadata.Distribution) -> dict:
    """Return where pip installed a package from; empty for one that pip did not install."""
    return json.loads(found.read_text("direct_url.json") or "{}")
