"""All that is generated: notebooks beside their percent files, and what nbgrader releases."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from traitlets.config import Config, PyFileConfigLoader

from course_lib.notebooks.lint import problems_of
from course_lib.notebooks.percent import from_percent, grade_of, to_bytes
from course_lib.notebooks.problems import NotebookProblems

__all__ = ["drift", "generated", "write"]

CONFIG = "nbgrader_config.py"
RELEASE = "assignments"


def generated(root: Path) -> dict[Path, bytes]:
    """Return every generated file of the course and its bytes; nothing is written to ``root``.

    Args:
        root: the folder that holds lectures/, solutions/ and nbgrader_config.py.

    Returns:
        Paths relative to ``root`` and what they must contain.

    Raises:
        FileNotFoundError: if ``root`` is no course.
        NotebookProblems: if a percent file breaks a rule; it lists every rule broken.
    """
    if not (root / CONFIG).is_file():
        raise FileNotFoundError(f"root: expected a course with {CONFIG}, got {root}")
    files = {path.with_suffix(".ipynb"): _notebook(root / path) for path in _percent_files(root)}
    solutions = {path: data for path, data in files.items() if path.parts[0] == "solutions"}
    return files | _release(root, solutions)


def drift(root: Path) -> list[str]:
    """Return one line for each file that differs from what the percent files make.

    Args:
        root: the course's folder.
    """
    wanted = generated(root)
    lines = []
    for path, data in sorted(wanted.items()):
        if not (root / path).is_file():
            lines.append(f"{path}: missing")
        elif (root / path).read_bytes() != data:
            lines.append(f"{path}: differs from what its percent file makes")
    extra = {path for path in _released(root) if path not in wanted}
    return lines + [f"{path}: nothing makes this file" for path in sorted(extra)]


def write(root: Path) -> list[Path]:
    """Write every generated file that differs, each in full or not at all, and remove strays.

    Args:
        root: the course's folder.

    Returns:
        The paths that were written or removed, relative to ``root``.
    """
    wanted = generated(root)
    changed = []
    for path, data in wanted.items():
        if not (root / path).is_file() or (root / path).read_bytes() != data:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            partial = (root / path).with_name(path.name + ".partial")
            partial.write_bytes(data)
            os.replace(partial, root / path)
            changed.append(path)
    for path in _released(root):
        if path not in wanted:
            (root / path).unlink()
            changed.append(path)
    return sorted(changed)


def _percent_files(root: Path) -> Iterator[Path]:
    for pattern in ("lectures/*.py", "solutions/*/*.py"):
        yield from sorted(path.relative_to(root) for path in root.glob(pattern))


def _released(root: Path) -> list[Path]:
    files = (root / RELEASE).rglob("*")
    return [
        path.relative_to(root)
        for path in files
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    ]


def _notebook(path: Path) -> bytes:
    notebook = from_percent(path)
    problems = problems_of(notebook)
    if problems:
        raise NotebookProblems(path, problems)
    for cell in notebook.cells:
        # so that Run All reaches the end of an unfinished assignment
        if grade_of(cell) == "test":
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", []), "raises-exception"})
    return to_bytes(notebook)


def _release(root: Path, solutions: dict[Path, bytes]) -> dict[Path, bytes]:
    """Let nbgrader make the release in a course of its own, without a gradebook."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        shutil.copy(root / CONFIG, course)
        for path, data in solutions.items():
            (course / path).parent.mkdir(parents=True, exist_ok=True)
            (course / path).write_bytes(data)
        for assignment in sorted({path.parts[1] for path in solutions}):
            _generate(course, assignment)
        return {path: _clean(course / path) for path in _released(course)}


def _generate(course: Path, assignment: str) -> None:
    config = Config(PyFileConfigLoader(CONFIG, str(course)).load_config())
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.assignment_id = assignment
    config.GenerateAssignment.no_database = True
    directory = CourseDirectory(config=config)
    converter = GenerateAssignment(coursedir=directory, config=config)
    converter.preprocessors = [p for p in converter.preprocessors if p is not SaveCells]
    converter.log = logging.getLogger("nbgrader.release")
    converter.log.setLevel(logging.ERROR)
    converter.start()


def _clean(path: Path) -> bytes:
    """A released notebook in the form in which the others are written; other files as they are."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()
