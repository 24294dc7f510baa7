"""Generate every file that is made from the percent files of a course."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from course_lib.notebooks.course_map import MAP, course_map
from course_lib.notebooks.leaks import leaks
from course_lib.notebooks.percent import from_percent, to_bytes
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.release import release
from course_lib.notebooks.rules import may_fail_unsolved, problems
from course_lib.whole_file import write_whole

__all__ = ["drift", "generated", "write"]

CONFIG, DATA, RELEASE = "nbgrader_config.py", "data", "assignments"
IGNORED = {"__pycache__", ".ipynb_checkpoints", "checkpoints"}
PROGRAMS = {".py", ".ipynb"}


def generated(root: Path) -> dict[Path, bytes]:
    """Return every generated file of the course and its bytes; nothing is written to ``root``.

    Args:
        root: the folder that holds lectures/, solutions/ and nbgrader_config.py.

    Returns:
        The content of each file, by its path relative to ``root``.

    Raises:
        FileNotFoundError: if ``root`` does not hold a course.
        NotebookProblems: if a percent file breaks a rule; it lists every rule broken.
    """
    if not (root / CONFIG).is_file():
        raise FileNotFoundError(f"root: expected a course with {CONFIG}, got {root}")
    lectures = sorted((root / "lectures").glob("*.py"))
    files = {_twin(path, root): to_bytes(from_percent(path)) for path in lectures}
    for folder in sorted((root / "solutions").glob("*/")):
        if any(folder.glob("*.py")):
            files |= _assignment(folder, root)
    if lectures:
        files[MAP] = course_map(root)
    return files


def drift(root: Path) -> list[str]:
    """Return one line for each file that differs from what the percent files make.

    Args:
        root: the course's folder.
    """
    wanted = generated(root)
    lines = []
    for path, content in sorted(wanted.items()):
        if not (root / path).is_file():
            lines.append(f"{path}: missing")
        elif (root / path).read_bytes() != content:
            lines.append(f"{path}: differs from what its percent file makes")
    strays = sorted(_present(root) - wanted.keys())
    return lines + [f"{path}: no percent file makes this file" for path in strays]


def write(root: Path) -> list[Path]:
    """Write every generated file that differs, each completely or not at all.

    Args:
        root: the course's folder.

    Returns:
        The paths that were written, relative to ``root``.
    """
    changed = []
    for path, content in sorted(generated(root).items()):
        if not (root / path).is_file() or (root / path).read_bytes() != content:
            write_whole(root / path, content)
            changed.append(path)
    return changed


def _assignment(folder: Path, root: Path) -> dict[Path, bytes]:
    """Return the solution notebooks of one assignment and everything that students get of it."""
    _refuse_strays(folder)
    solutions, notebooks = {}, {}
    for path in sorted(folder.glob("*.py")):
        notebook = notebooks[path] = from_percent(path)
        broken = problems(notebook)
        if broken:
            raise NotebookProblems(path, broken)
        for cell in may_fail_unsolved(notebook):
            # lets Run All reach the end of an unfinished assignment
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", []), "raises-exception"})
        solutions[_twin(path, root)] = to_bytes(notebook)
    sources = {path.name: content for path, content in solutions.items()}
    sources |= {str(p.relative_to(folder)): p.read_bytes() for p in _files(folder / DATA)}
    released = release(root, folder.name, sources)
    for path, notebook in notebooks.items():
        leaked = leaks(notebook, released[path.with_suffix(".ipynb").name])
        if leaked:
            raise NotebookProblems(path, leaked)
    return solutions | {Path(RELEASE, folder.name, name): data for name, data in released.items()}


def _refuse_strays(folder: Path) -> None:
    """Refuse what would be released by accident: nbgrader releases all files next to a notebook.

    Programs next to the notebook are not released. Everything in data/ is, so a program there
    would be somebody's answer.
    """
    strays = [
        f"{path.relative_to(folder)} would be released; keep data, and nothing else, in {DATA}/"
        for path in _files(folder)
        if (path.relative_to(folder).parts[0] == DATA) == (path.suffix in PROGRAMS)
    ]
    if strays:
        raise NotebookProblems(folder, strays)


def _present(root: Path) -> set[Path]:
    """Return every file in the places of generated files."""
    beside = [path for part in ("lectures", "solutions/*") for path in root.glob(f"{part}/*.ipynb")]
    map_of_course = [root / MAP] if (root / MAP).is_file() else []
    return {p.relative_to(root) for p in (*beside, *map_of_course, *_files(root / RELEASE))}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not IGNORED & set(path.relative_to(folder).parts):
            yield path


def _twin(path: Path, root: Path) -> Path:
    return path.with_suffix(".ipynb").relative_to(root)
