"""nbgrader's whole flow: submissions in, gradebook, feedback and grades out."""

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata

import nbformat
import pytest
from notebook_runs import ROOT

from course_lib.grading.__main__ import main
from course_lib.notebooks.build import write

pytestmark = pytest.mark.notebook

TOY = '''# %% grade="locked" grade_id="setup"
import math

# %% grade="solution" grade_id="double"
def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION

# %% grade="test" grade_id="test_double" points=3
assert math.isclose(double(1.5), 3, rel_tol=1e-9), "double(1.5) is three"
### BEGIN HIDDEN TESTS
hidden_input = -4321
assert double(hidden_input) == -8642, "it holds for negative numbers too"
### END HIDDEN TESTS

# %% [markdown] grade="written" grade_id="why" points=2
# Because addition commutes.
'''
ANSWER = "    return x + x\n"


@pytest.fixture(autouse=True)
def kernels_find_the_library(monkeypatch):
    """Let kernels import this checkout, installed or not."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path.rstrip(os.pathsep))


def submit(course, student, assignment, source, change=None):
    """Put a copy of a notebook where a submission lies, changed by a function of its cells."""
    notebook = nbformat.read(source / assignment / f"{assignment}.ipynb", as_version=4)
    if change:
        notebook.cells = change({cell.id: cell for cell in notebook.cells})
    folder = course / "submitted" / student / assignment
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{assignment}.ipynb")


def graded(assignment, course):
    """Grade with whatever walls this machine has, write feedback, and return the exit status."""
    status = main(["run", assignment, "--isolation", "limits", "--root", str(course)])
    assert main(["feedback", assignment, "--root", str(course)]) == 0
    return status


def answer(source):
    """Return a change that writes an answer into the toy exercise."""

    def change(cells):
        cells["double"].source = source
        return list(cells.values())

    return change


def without_test(cells):
    cells["double"].source = "def double(x):\n    return x * 2"
    return [cell for cell in cells.values() if cell.id != "test_double"]


def easier_test(cells):
    cells["test_double"].source = "pass"
    cells["test_double"].metadata.nbgrader.points = 100
    return list(cells.values())


SUBMISSIONS = {
    "reference": (answer("def double(x):\n    return 2 * x"), 3),
    "blank": (None, 0),
    "half": (answer("def double(x):\n    return abs(2 * x)"), 0),
    "warns": (
        answer("import warnings\ndef double(x):\n    warnings.warn('hm')\n    return 2*x"),
        3,
    ),
    "easier": (easier_test, 0),
    "deleted": (without_test, 3),
    "quits": (answer("raise SystemExit"), 0),
    "spaced out [1]": (answer("def double(x):\n    return x - (-x)"), 3),
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A toy course, all submissions graded once."""
    course = tmp_path_factory.mktemp("toy")
    (course / "solutions" / "ps0_toy").mkdir(parents=True)
    (course / "solutions/ps0_toy/ps0_toy.py").write_text(TOY)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    write(course)
    for student, (change, _) in SUBMISSIONS.items():
        submit(course, student, "ps0_toy", course / "assignments", change)
    (course / "submitted/broken/ps0_toy").mkdir(parents=True)
    (course / "submitted/broken/ps0_toy/ps0_toy.ipynb").write_text("{ not json")
    (course / "submitted/empty/ps0_toy").mkdir(parents=True)
    return course, graded("ps0_toy", course)


def scores(course):
    with (course / "grades.csv").open() as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def feedback(course, student):
    return (course / "feedback" / student / "ps0_toy" / "ps0_toy.html").read_text()


def test_every_submission_gets_what_it_earned_whatever_the_others_are(toy):
    course, status = toy
    assert status == 1, "two submissions cannot be graded"
    assert {s: scores(course)[s] for s in SUBMISSIONS} == {
        s: p for s, (_, p) in SUBMISSIONS.items()
    }
    assert (course / "gradebook.db").is_file()


def test_feedback_shows_messages_and_neither_hidden_tests_nor_tracebacks(toy):
    course, _ = toy
    for student in SUBMISSIONS:
        page = feedback(course, student)
        assert "hidden_input" not in page
        assert "4321" not in page
    assert "it holds for negative numbers too" in feedback(course, "half")
    assert "double: your code goes here" in feedback(course, "blank")


def test_second_run_repeats_nothing_and_changes_no_grade(toy, capsys):
    course, _ = toy
    before, stamps = scores(course), executed(course)
    assert graded("ps0_toy", course) == 1
    lines = capsys.readouterr().out
    assert lines.count("unchanged") == len(SUBMISSIONS)
    assert "broken: malformed" in lines
    assert "empty: missing, no ps0_toy.ipynb handed in" in lines
    assert scores(course) == before
    assert executed(course) == stamps


def executed(course):
    return {p: p.stat().st_mtime_ns for p in (course / "autograded").rglob("*.ipynb")}


def test_new_submission_over_an_old_one_is_graded(toy):
    course, _ = toy
    shutil.rmtree(course / "submitted" / "blank")
    submit(course, "blank", "ps0_toy", course / "solutions")
    graded("ps0_toy", course)
    assert scores(course)["blank"] == 3


def test_nbgraders_own_commands_make_the_same_release_and_grade(toy, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(toy[0] / "solutions", course / "solutions")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    write(course)
    built = (course / "assignments/ps0_toy/ps0_toy.ipynb").read_bytes()
    submit(course, "ada", "ps0_toy", course / "solutions")
    nbgrader(course, "generate_assignment", "ps0_toy", "--force")
    assert [path.name for path in (course / "assignments/ps0_toy").iterdir()] == ["ps0_toy.ipynb"]
    assert (course / "assignments/ps0_toy/ps0_toy.ipynb").read_bytes() == built
    for step in ("autograde", "generate_feedback"):
        nbgrader(course, step, "ps0_toy")
    nbgrader(course, "export")
    assert scores(course) == {"ada": 3}


def test_the_formgraders_button_runs_no_student_code_and_the_next_run_mends_it(toy):
    course, _ = toy
    left = course / "left.txt"
    cell = f"def double(x):\n    return 2 * x\nopen({str(left)!r}, 'w').close()"
    submit(course, "nick", "ps0_toy", course / "assignments", answer(cell))
    graded("ps0_toy", course)
    command = ["nbgrader", "autograde", "ps0_toy", "--student=nick", "--force"]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=course, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "this would run student code with your rights" in done.stderr
    assert not left.exists()
    graded("ps0_toy", course)
    assert (course / "autograded/nick/ps0_toy/ps0_toy.ipynb").is_file()
    assert scores(course)["nick"] == 3
    shutil.rmtree(course / "submitted/nick")


def nbgrader(course, *arguments):
    """Run a command as one does without activating the environment."""
    folders = os.environ["PATH"].split(os.pathsep)
    elsewhere = os.pathsep.join(f for f in folders if f != sysconfig.get_path("scripts"))
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | {"PATH": elsewhere, "NBGRADER_UNPROTECTED": "1"}
    subprocess.run(command, cwd=course, check=True, capture_output=True, env=environment)


@pytest.mark.parametrize("assignment", [p.name for p in sorted(ROOT.glob("assignments/*"))])
def test_reference_has_full_marks_and_untouched_release_has_none(assignment, tmp_path, capsys):
    for name in ("solutions", "assignments"):
        shutil.copytree(ROOT / name / assignment, tmp_path / name / assignment)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    submit(tmp_path, "reference", assignment, tmp_path / "solutions")
    submit(tmp_path, "untouched", assignment, tmp_path / "assignments")
    assert graded(assignment, tmp_path) == 0, capsys.readouterr().out
    source = nbformat.read(tmp_path / "solutions" / assignment / f"{assignment}.ipynb", 4)
    cells = [cell for cell in source.cells if cell.metadata.get("nbgrader", {}).get("points")]
    automatic = sum(c.metadata.nbgrader.points for c in cells if c.cell_type == "code")
    assert automatic > 0 or assignment.startswith("project_")  # graded by hand
    assert scores(tmp_path) == {"reference": automatic, "untouched": 0}
    for student in ("reference", "untouched"):
        page = tmp_path / "feedback" / student / assignment / f"{assignment}.html"
        assert "BEGIN HIDDEN TESTS" not in page.read_text()


def test_library_imports_from_any_folder_once_installed(tmp_path, monkeypatch):
    try:
        metadata.distribution("course-lib")
    except metadata.PackageNotFoundError:
        pytest.skip("course_lib is not installed in this environment")
    monkeypatch.delenv("PYTHONPATH")
    subprocess.run([sys.executable, "-c", "import course_lib.checks"], cwd=tmp_path, check=True)
