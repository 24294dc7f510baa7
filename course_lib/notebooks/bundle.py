"""The students' bundle: one archive of what they need, and nothing that is used for grading.

Lectures and assignments are rebuilt from the percent files. The library is packed without its
grader and its builder. At the end the whole bundle is searched for what must not reach a student.
"""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from course_lib.notebooks.build import RELEASE, generated
from course_lib.notebooks.leaks import lines_of, secrets
from course_lib.notebooks.percent import from_percent, grade_of, where
from course_lib.notebooks.problems import NotebookProblems

__all__ = ["NAME", "archive", "bundle", "leaked", "write_bundle"]

NAME = "generative-combinations"
# The files at the top of the bundle, and where they are in the course.
TOP = {
    "README.md": "README-students.md",
    "Makefile": ".ci/student.mk",
    **{name: name for name in ("LICENSE", "constraints.txt", "pyproject.toml")},
    **{name: name for name in ("requirements.txt", "requirements-music.txt")},
    **{name: name for name in (".ci/environment.sh", ".ci/lab/overrides.json")},
    **{name: name for name in (".devcontainer/devcontainer.json", ".vscode/extensions.json")},
}
FOLDERS = {"lectures", "course_lib"}
LEFT_OUT = {"course_lib/grading", "course_lib/notebooks"}
# Both teach the formulas of the answers, but contain no hidden test and no mark scheme.
TEACHING = {"lectures", "course_lib"}
EPOCH = (1980, 1, 1, 0, 0, 0)


def bundle(root: Path) -> dict[str, bytes]:
    """Return every file of the students' bundle.

    Args:
        root: the course, a git checkout: only files that git tracks are handed out.

    Returns:
        Contents by path inside the bundle, sorted by path.

    Raises:
        NotebookProblems: if a file contains a line of a hidden test, a mark scheme or an answer, or
            a percent file breaks a rule.
        FileNotFoundError: if ``root`` does not hold a course.
    """
    files = {name: (root / place).read_bytes() for name, place in TOP.items()}
    files |= {name: (root / name).read_bytes() for name in _tracked(root) if _is_for_students(name)}
    for path, content in generated(root).items():
        if path.parts[0] in {"lectures", RELEASE}:
            files[path.as_posix()] = content
    files = dict(sorted(files.items()))
    found = leaked(files, root)
    if found:
        raise NotebookProblems(Path("the bundle"), found)
    return files


def archive(files: dict[str, bytes]) -> bytes:
    """Return a zip archive, the same bytes for the same files.

    Args:
        files: contents by path; in the archive they are in one folder, named after the course.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in sorted(files.items()):
            about = zipfile.ZipInfo(f"{NAME}/{name}", EPOCH)
            about.create_system, about.external_attr = 3, 0o644 << 16  # the same on every system
            packed.writestr(about, content, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def leaked(files: dict[str, bytes], root: Path) -> list[str]:
    """Return one sentence for each secret line that a file contains.

    Lines of hidden tests, written answers and mark schemes are secret in every file. Lines of
    answers are not secret in lectures and library: these teach the formulas, and the checks contain
    the right answer.

    Args:
        files: contents by path inside the bundle.
        root: the course, for its solutions/.
    """
    answers: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for path in sorted((root / "solutions").glob("*/*.py")):
        for cell, line in secrets(from_percent(path)):
            kind = answers if grade_of(cell) == "solution" else hidden
            kind.setdefault(line, f"{path.name}, {where(cell)}")
    found = []
    for name, content in files.items():
        teaches = PurePosixPath(name).parts[0] in TEACHING
        sought = hidden if teaches else answers | hidden
        present = _lines(name, content)
        found += [
            f"{name} contains this line of {place}: {line}"
            for line, place in sought.items()
            if line in present
        ]
    return found


def write_bundle(root: Path, folder: Path) -> Path:
    """Write the archive and return its path.

    Args:
        root: the course.
        folder: the folder of the archive; it is created if needed.
    """
    packed = archive(bundle(root))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.zip"
    path.write_bytes(packed)
    return path


def _tracked(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *sorted(FOLDERS)], cwd=root, capture_output=True, text=True
    )
    if listed.returncode:
        raise FileNotFoundError(f"root: expected a git checkout, got {root}: {listed.stderr}")
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def _is_for_students(name: str) -> bool:
    """Return whether students get this file; of a lecture they get only the notebook."""
    folders = {parent.as_posix() for parent in PurePosixPath(name).parents}
    return not folders & LEFT_OUT and not ("lectures" in folders and name.endswith(".py"))


def _lines(name: str, content: bytes) -> set[str]:
    """Return the lines of a text or of a notebook's cells, outputs and metadata."""
    try:
        text = content.decode()
    except UnicodeDecodeError:  # an array or a picture
        return set()
    if not name.endswith(".ipynb"):
        return lines_of(text)
    return {line for part in _strings(json.loads(text)) for line in lines_of(part)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)
