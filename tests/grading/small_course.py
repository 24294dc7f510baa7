"""A small course in a folder of its own, graded as an instructor does it."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from notebook_runs import ROOT
from toy_course import metadata

DOUBLE = '''def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION'''
TRIPLE = DOUBLE.replace("double", "triple").replace("2", "3")
TEST_DOUBLE = """assert double(3) == 6, "three doubled"
### BEGIN HIDDEN TESTS
hidden_input = 5081
assert double(hidden_input) == 10162, "another number doubled"
### END HIDDEN TESTS"""
WALLS = ("--isolation", "limits")  # whatever this machine has
TEST_TRIPLE = 'assert triple(3) == 9, "three tripled"'


def small_notebook():
    """Two implementation cells with their tests, and a written answer: 2 + 3 + 4 points."""
    test = {"grade": True, "locked": True}
    notebook = new_notebook(
        cells=[
            new_code_cell(DOUBLE, metadata=metadata("double", solution=True)),
            new_code_cell(TEST_DOUBLE, metadata=metadata("test_double", points=2, **test)),
            new_code_cell(TRIPLE, metadata=metadata("triple", solution=True)),
            new_code_cell(TEST_TRIPLE, metadata=metadata("test_triple", points=3, **test)),
            new_markdown_cell(
                "The model answer.", metadata=metadata("why", grade=True, solution=True, points=4)
            ),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


class Course:
    """A folder with this repository's configuration and one assignment."""

    def __init__(self, root: Path, assignment: str) -> None:
        self.root, self.assignment = root, assignment
        shutil.copy(ROOT / "nbgrader_config.py", root)

    @property
    def source(self) -> Path:
        return self.root / "solutions" / self.assignment / f"{self.assignment}.ipynb"

    def submission(self, student: str) -> Path:
        return self.root / "submitted" / student / self.assignment / f"{self.assignment}.ipynb"

    def add_source(self, notebook) -> None:
        self.source.parent.mkdir(parents=True)
        nbformat.write(notebook, self.source)

    def submit(self, student: str, content: bytes) -> None:
        path = self.submission(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def begin(self, *options: str) -> subprocess.Popen:
        """Start to grade, in an environment that is not activated."""
        environment = {**os.environ, "PATH": os.defpath, "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(ROOT)
        environment.pop("PYTEST_CURRENT_TEST", None)
        command = [sys.executable, "-m", "course_lib.grading", "run", self.assignment]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [*command, *WALLS, *options], cwd=self.root, env=environment, **pipes
        )

    def grade(self, *options: str) -> subprocess.CompletedProcess:
        """Grade, and return what was said."""
        run = self.begin(*options)
        out, err = run.communicate(timeout=500)
        return subprocess.CompletedProcess(run.args, run.returncode, out, err)

    def scores(self, student: str) -> dict[str, tuple[float | None, float]]:
        """What the gradebook says of each graded cell: points given and possible."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", "generative-combinations") as book:
            found = book.find_submission_notebook(self.assignment, self.assignment, student)
            return {grade.name: (grade.auto_score, grade.max_score) for grade in found.grades}

    def rows(self) -> dict[str, dict[str, str]]:
        with open(self.root / "grades.csv", newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}


def line_of(output: str, student: str) -> str:
    """The one line of the report about a student."""
    [line] = [line for line in output.splitlines() if f"] {student}: " in line]
    return line
