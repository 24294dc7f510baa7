"""An assignment as the grader sees it: its notebooks, its release, its files, its imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import find_all_files

from course_lib.grading.cells import Declared, declared, grade_id, is_solution, role
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.intake.matching import same_text
from course_lib.grading.intake.merging import Merged, merge
from course_lib.notebooks.release import release

__all__ = ["Assignment", "is_test"]

MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")


@dataclass(frozen=True)
class Assignment:
    """An assignment of a course.

    Attributes:
        name: its name.
        sources: the instructor's notebooks, by file name.
        releases: the notebooks that students got, by file name.
        files: the files stored next to the notebooks, by path.
        fingerprint: parts of a digest, which change when anything in the assignment changes.
    """

    name: str
    sources: Mapping[str, NotebookNode]
    releases: Mapping[str, NotebookNode]
    files: Mapping[str, bytes]
    fingerprint: tuple[bytes, ...]

    @classmethod
    def read(cls, course: Course, name: str) -> Assignment:
        """Return an assignment of a course.

        Args:
            course: the course.
            name: the assignment's name.

        Raises:
            CourseProblem: if there is no assignment of that name, or it cannot be read.
        """
        paths = course.notebooks(name)
        raw = {file: path.read_bytes() for file, path in paths.items()}
        files = _beside(course, name)
        sources = {file: _notebook(file, content) for file, content in raw.items()}
        _demand_marks(sources)
        released = _released(course, name, raw, files)
        releases = {file: _notebook(file, released[file]) for file in raw}
        state = {**files, **raw, **{f"released {k}": v for k, v in released.items()}}
        parts = [part for k in sorted(state) for part in (k.encode("utf-8", "replace"), state[k])]
        return cls(name, sources, releases, files, tuple(parts))

    @cached_property
    def declared(self) -> dict[str, Declared]:
        """The imports and the answers' names of each source notebook, by file name."""
        return {file: declared(notebook) for file, notebook in self.sources.items()}

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """The top-level packages that the notebooks import, except the standard library."""
        names = {module.split(".")[0] for module in self.modules}
        return tuple(sorted(names - sys.stdlib_module_names))

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The modules that the notebooks import, in order."""
        imports = [line for d in self.declared.values() for line in (*d.imports, *d.offered)]
        return tuple(dict.fromkeys(module for line in imports for module in _modules(line)))

    @cached_property
    def solution(self) -> dict[str, Merged]:
        """The course's own solution, merged like a submission."""
        return {
            file: merge(source, self.releases[file], source)
            for file, source in self.sources.items()
        }

    @property
    def points(self) -> float:
        """The sum of the points of the test cells."""
        tests = [c for s in self.sources.values() for c in s.cells if is_test(c)]
        return sum(cell.metadata.nbgrader.get("points", 0) for cell in tests)

    def own_work(self, answers: Mapping[str, str]) -> tuple[str, int]:
        """Return the answers as one text, and how many characters longer they are than the stubs.

        Args:
            answers: the student's sources, by grade id.
        """
        text = "\n".join(
            line.rstrip()
            for name in sorted(answers)
            for line in [name, *answers[name].strip().splitlines()]
            if line.strip() not in MARKERS
        )
        return text, len(text) - self._stubs

    def stubs(self, file: str) -> dict[str, str]:
        """Return the released stubs of a notebook's answers, by grade id.

        Args:
            file: the notebook's name.
        """
        given = merge(self.sources[file], self.releases[file], self.releases[file])
        return {grade_id(cell): cell.source for cell in given.notebook.cells if is_solution(cell)}

    def untouched(self, file: str, notebook: NotebookNode) -> bool:
        """Return whether all answers of a notebook are still their stubs.

        Args:
            file: the notebook's name.
            notebook: the submitted notebook, vetted.
        """
        cells = merge(self.sources[file], self.releases[file], notebook).notebook.cells
        answers = {grade_id(cell): cell.source for cell in cells if is_solution(cell)}
        stubs = self.stubs(file)
        return all(same_text(answers[name]) == same_text(stubs[name]) for name in stubs)

    @cached_property
    def _stubs(self) -> int:
        code = [name for m in self.solution.values() for name in m.answers]
        given = {name: text for file in self.sources for name, text in self.stubs(file).items()}
        return sum(len(name) + len(given[name]) for name in code)


def is_test(cell: NotebookNode) -> bool:
    """Return whether a cell is an automatically graded test."""
    return cell.cell_type == "code" and role(cell) == "judge"


def _demand_marks(sources: Mapping[str, NotebookNode]) -> None:
    """Refuse a solution without a grade id: it could not be told from the student's code."""
    for file, notebook in sources.items():
        for number, cell in enumerate(notebook.cells, 1):
            marks = cell.metadata.get("nbgrader", {})
            marked = marks.get("solution") and marks.get("grade_id")
            if MARKERS[0] in cell.source and not marked:
                raise CourseProblem(
                    f"cell {number} of {file} contains a solution but is not marked as one, with a"
                    " grade id"
                )


def _notebook(file: str, content: bytes) -> NotebookNode:
    try:
        return nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    except Exception as error:
        raise CourseProblem(f"the course's {file} cannot be read: {error}") from None


def _beside(course: Course, name: str) -> dict[str, bytes]:
    folder = course.folder("source") / name
    ignored = [*course.directory(name).ignore, "*.ipynb"]
    paths = [Path(path) for path in sorted(find_all_files(str(folder), ignored))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _released(
    course: Course, name: str, raw: Mapping[str, bytes], files: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the notebooks in the release folder, or those that a release would make."""
    folder = course.folder("release") / name
    found = {file: folder / file for file in raw}
    if all(path.is_file() for path in found.values()):
        return {file: path.read_bytes() for file, path in found.items()}
    try:
        return release(course.root, name, {**raw, **files})
    except Exception as error:
        raise CourseProblem(f"{name} cannot be released: {error}") from None


def _modules(text: str) -> Iterable[str]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
