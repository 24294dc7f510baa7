"""Honest submissions get from this grader the points that stock nbgrader gives them."""

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig

import corpus
import nbformat
import pytest
from corpus import FILE, NAME

from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course
from course_lib.grading.run import Options, grade
from course_lib.grading.sandbox.tiers import probe

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.skipif(probe().name != "full", reason=f"isolation is {probe().name}, not full"),
]

# Stock nbgrader, but for where its folders are: its chains, its stubs, its verdicts.
STOCK = """
c = get_config()
c.CourseDirectory.course_id = "toy"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.startup_timeout = 600
c.ExecutePreprocessor.iopub_timeout = 600
"""
UNGRADED = shutil.ignore_patterns(".grading", "autograded", "g*.*")
ASKING = 'difference = ask("scale(n) - n", n=10)'
HERE = "difference = scale(10) - 10"
DOUBLE, TOTAL, SCALE = (corpus.RIGHT[name] for name in ("double", "total", "scale"))
SUBMISSIONS = {
    "right": ((DOUBLE, TOTAL, SCALE), 12),
    "otherwise": (
        (
            "double = lambda x: x + x",
            "import itertools\ndef total(values):\n    return [*itertools.accumulate(values)]",
            "class Scale:\n    def __call__(self, x):\n        return 3 * x\nscale = Scale()",
        ),
        12,
    ),
    "in_place": (
        (
            DOUBLE,
            "def total(v):\n    for i in range(1, len(v)):\n        v[i] += v[i - 1]\n    return v",
            SCALE,
        ),
        12,
    ),
    "half": (
        ("def double(x):\n    return abs(2 * x)", TOTAL, "def scale(x):\n    return x / 3"),
        4,
    ),
    "tuple": ((DOUBLE, "def total(v):\n    return (1, 3, 6)", "def scale(x):\n    return 30.2"), 8),
    "broken": (("def double(x)\n    return", TOTAL, "def scale(x):\n    raise ValueError(x)"), 4),
    "blank": (None, 0),
}


def course(root, settings):
    """A course with all submissions; its tests ask nobody, for stock nbgrader has nobody to ask."""
    folder = root / "solutions" / NAME
    folder.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(settings)
    source = corpus.source()
    for cell in source.cells:
        cell.source = cell.source.replace(ASKING, HERE)
    nbformat.write(source, folder / FILE)
    for name, text in corpus.FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    released = Assignment.read(Course.open(root), NAME).releases[FILE]
    for student, (answers, _) in SUBMISSIONS.items():
        notebook = nbformat.from_dict(json.loads(nbformat.writes(released)))
        cells = {cell.id: cell for cell in notebook.cells}
        for name, text in zip(corpus.RIGHT, answers or (), strict=False):
            cells[name].source = text
        submitted = root / "submitted" / student / NAME
        submitted.mkdir(parents=True)
        nbformat.write(notebook, submitted / FILE)
    return root


def scores(root):
    with (root / "grades.csv").open(newline="") as file:
        return {row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)}


def nbgrader(root, *words):
    """Run one of nbgrader's own commands."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=root,
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": path, "NBGRADER_UNPROTECTED": "1"},
    )


def stock(root, name=NAME):
    """Grade with nbgrader's own commands."""
    for command in (["generate_assignment", name, "--force"], ["autograde", name], ["export"]):
        nbgrader(root, *command)
    return scores(root)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    ours = course(tmp_path_factory.mktemp("ours"), STOCK)
    grade(Course.open(ours), NAME, Options(workers=2))
    theirs = tmp_path_factory.mktemp("stock") / "course"
    shutil.copytree(ours, theirs, ignore=UNGRADED)
    return scores(ours), stock(theirs)


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_honest_submission_gets_the_same_points_from_both(both, student):
    ours, theirs = both
    assert ours[student] == theirs[student] == SUBMISSIONS[student][1]


def test_the_course_that_comes_with_nbgrader_is_graded_alike(tmp_path):
    """One of its tests deletes a student's function, to see whether another one relies on it."""
    nbgrader(tmp_path, "quickstart", "ours")
    ours, theirs = tmp_path / "ours", tmp_path / "stock"
    nbgrader(ours, "generate_assignment", "ps1")
    for student, folder in (("right", "source"), ("alone", "source"), ("blank", "release")):
        shutil.copytree(ours / folder / "ps1", ours / "submitted" / student / "ps1")
    path = ours / "submitted" / "alone" / "ps1" / "problem1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    [answer] = [c for c in notebook.cells if c.source.startswith("def sum_of_squares")]
    answer.source = "def sum_of_squares(n):\n    return n * (n + 1) * (2 * n + 1) // 6"
    nbformat.write(notebook, path)
    (ours / "gradebook.db").unlink()
    shutil.copytree(ours, theirs, ignore=UNGRADED)
    grade(Course.open(ours), "ps1", Options(workers=2))
    found = scores(ours)
    assert found == stock(theirs, "ps1")
    assert found["right"] == found["alone"] + 0.5 > found["blank"] == 0
