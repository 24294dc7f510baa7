"""A small course with one assignment, and results in it as the grader would make them."""

import json
from copy import deepcopy

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_runs import ROOT

from course_lib.grading.course import Course
from course_lib.grading.records.results import Result, digest

TOY, NOTEBOOK = "toy", "toy.ipynb"
TEST = """assert double(3) == 6, "three doubled"
### BEGIN HIDDEN TESTS
hidden_input = 5081
assert double(hidden_input) == 10162, "another number doubled"
### END HIDDEN TESTS"""
ERROR = new_output(
    "error",
    ename="AssertionError",
    evalue="another number doubled",
    traceback=["assert double(hidden_input) == 10162", "AssertionError"],
)


def metadata(grade_id, **kind):
    keys = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**keys, **kind, "grade_id": grade_id}}


def source():
    """An answer with its test of 3 points, a second test of 2, and a written answer of 4."""
    test = {"grade": True, "locked": True}
    solved = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    written = metadata("why", grade=True, solution=True, points=4)
    cells = [
        new_code_cell(solved, metadata=metadata("double", solution=True)),
        new_code_cell(TEST, metadata=metadata("test_double", points=3, **test)),
        new_code_cell("assert True", metadata=metadata("test_more", points=2, **test)),
        new_markdown_cell("The model answer.", metadata=written),
    ]
    for cell in cells:
        cell.id = cell.metadata.nbgrader.grade_id
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


def toy_course(root, settings=""):
    """Return a course with this repository's configuration and the toy assignment."""
    config = (ROOT / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(f"{config}\n{settings}\n")
    (root / "solutions" / TOY).mkdir(parents=True)
    nbformat.write(source(), root / "solutions" / TOY / NOTEBOOK)
    return Course.open(root)


def submit(course, student, content="{}"):
    folder = course.root / "submitted" / student / TOY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTEBOOK).write_text(content)
    return folder


def executed(answer="Because.", double=(), more=(), extra=()):
    """The toy notebook with an answer, the outputs of its two tests, and extra cells."""
    notebook = source()
    cells = {cell.id: cell for cell in notebook.cells}
    cells["test_double"].outputs = deepcopy(list(double))
    cells["test_more"].outputs = deepcopy(list(more))
    cells["why"].source = answer
    notebook.cells += deepcopy(list(extra))
    return json.loads(nbformat.writes(notebook))


def result(student, notebook=None, version="1", **given):
    """A result; without a notebook, of a submission that was not run."""
    notebooks = {} if notebook is None else {NOTEBOOK: notebook}
    given = {"state": "graded", "isolation": "full", "seconds": 1.5, **given}
    key = digest([student.encode("utf-8", "surrogateescape"), version.encode()])
    return Result(student, TOY, key, notebooks=notebooks, **given)


def value(text):
    return new_output("execute_result", data={"text/plain": text}, execution_count=1)


def contents(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
