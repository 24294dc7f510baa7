"""``python -m course_lib.grading`` as an instructor calls it, from an environment not activated."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from notebook_runs import ROOT

pytestmark = pytest.mark.notebook

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
TEST_TRIPLE = 'assert triple(3) == 9, "three tripled"'


def metadata(grade_id, **kind):
    keys = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**keys, **kind, "grade_id": grade_id}}


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

    def call(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run a module of Python in the course, in an environment that is not activated."""
        environment = {**os.environ, "PATH": os.defpath, "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(ROOT)
        environment.pop("PYTEST_CURRENT_TEST", None)
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=500
        )

    def grade(self, *options: str) -> subprocess.CompletedProcess:
        return self.call("course_lib.grading", "run", self.assignment, *options)

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
    [line] = [line for line in output.splitlines() if line.startswith("[") and student in line]
    return line


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course after one run, with what the run said and what lay in submitted/ before it."""
    course = Course(tmp_path_factory.mktemp("course"), "ps9")
    course.add_source(small_notebook())
    solved = course.source.read_bytes()
    course.submit("solved", solved)
    course.submit("half", solved.replace(b"return 3 * x", b"return 4 * x"))
    course.submit("broken", solved[: len(solved) // 2])
    before = contents(course.root / "submitted")
    return course, course.grade(), before


def test_each_submission_gets_one_line_and_a_failure_the_exit_status(graded):
    _, run, _ = graded
    assert run.returncode == 1
    assert "5 of 9" in line_of(run.stdout, "solved")
    assert "2 of 9" in line_of(run.stdout, "half")
    assert "FAILED" in line_of(run.stdout, "broken")
    assert "Traceback" not in run.stdout + run.stderr


def test_points_are_those_of_the_cells_that_are_right(graded):
    course, _, _ = graded
    assert course.scores("solved")["test_double"] == (2, 2)
    assert course.scores("solved")["test_triple"] == (3, 3)
    assert course.scores("half")["test_double"] == (2, 2)
    assert course.scores("half")["test_triple"] == (0, 3)


def test_what_was_handed_in_stays_as_it_was(graded):
    course, _, before = graded
    assert contents(course.root / "submitted") == before


def test_a_repeated_run_keeps_the_points_given_by_hand(graded):
    course, _, before = graded
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "generative-combinations") as book:
        grade = book.find_grade("why", "ps9", "ps9", "solved")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        book.db.commit()
    run = course.grade("--again")
    assert "8.5 of 9" in line_of(run.stdout, "solved")
    assert float(course.rows()["solved"]["score"]) == 8.5
    assert float(course.rows()["half"]["score"]) == 2
    assert contents(course.root / "submitted") == before


def test_once_a_failure_is_mended_all_is_well(graded):
    course, _, _ = graded
    course.submit("broken", course.source.read_bytes())
    run = course.grade()
    assert run.returncode == 0, run.stdout + run.stderr
    assert course.scores("broken")["test_double"] == (2, 2)
