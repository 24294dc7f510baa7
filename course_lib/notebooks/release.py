"""The students' version: nbgrader's own release of a solution notebook, without a gradebook."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor
from traitlets.config import Config, PyFileConfigLoader

from course_lib.notebooks.problems import NotebookProblems

__all__ = ["NameStubs", "load_config", "release", "release_chain"]

DEFINITION = re.compile(r"^( *)(?:def|class) (\w+)")
GAP = re.compile(r'"""\n\n+( *raise NotImplementedError)')  # left where an answer began with a def


class NameStubs(NbGraderPreprocessor):
    """Name in each stub the function to be written.

    It follows ``ClearSolutions`` and rewrites its stub, so that the student reads
    ``NotImplementedError: elbo: your code goes here``.
    """

    stub = 'raise NotImplementedError("your code goes here")'

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell with each stub named after its function."""
        if cell.cell_type == "code" and utils.is_solution(cell):
            cell.source = self.named(cell.source)
        return cell, resources

    def named(self, source: str) -> str:
        r"""Return the source with each stub named and directly below its docstring.

        Example:
            >>> print(NameStubs().named("def f(x):\n    " + NameStubs.stub))
            def f(x):
                raise NotImplementedError("f: your code goes here")
        """
        lines = source.split("\n")
        for number, line in enumerate(lines):
            if line.strip() == self.stub:
                name = _enclosing(lines[:number], len(line) - len(line.lstrip()))
                lines[number] = line.replace('("', f'("{name}: ')
        return GAP.sub(r'"""\n\1', "\n".join(lines))


def _enclosing(before: list[str], indent: int) -> str:
    """Return the dotted name of the definitions that enclose a line of this indent."""
    names: list[str] = []
    for line in reversed(before):
        found = DEFINITION.match(line)
        if found and len(found[1]) < indent:
            names.insert(0, found[2])
            indent = len(found[1])
    return ".".join(names)


def release_chain() -> list[type]:
    """Return nbgrader's release preprocessors, with ``NameStubs`` after the clearing."""
    chain = list(GenerateAssignment.preprocessors.default())
    chain.insert(chain.index(ClearSolutions) + 1, NameStubs)
    return chain


def load_config(root: Path) -> Config:
    """Return the configuration in the course's ``nbgrader_config.py``.

    Args:
        root: the folder of the course.
    """
    return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()


def release(root: Path, assignment: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files a student gets, made by nbgrader in a temporary course without a gradebook.

    Args:
        root: the folder of the course, for its ``nbgrader_config.py``.
        assignment: the assignment's name.
        files: the source notebook and its data, by path inside the assignment.

    Returns:
        The released files, by path inside the assignment.

    Raises:
        NotebookProblems: if nbgrader refuses.
    """
    config = load_config(root)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    with tempfile.TemporaryDirectory() as folder:
        course = CourseDirectory(config=config, root=folder, assignment_id=assignment)
        source = Path(course.format_path(course.source_directory, ".", assignment))
        for name, content in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            GenerateAssignment(coursedir=course, config=config).start()
        except NbGraderException as error:
            raise NotebookProblems(Path(assignment), [f"nbgrader refused it: {error}"]) from error
        made = Path(course.format_path(course.release_directory, ".", assignment))
        return {
            path.relative_to(made).as_posix(): path.read_bytes()
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }
