"""Every finding, on a course that is broken in just that way."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from toy_course import NOTEBOOK, TOY, result, source, submit, toy_course

from course_lib.grading import doctor as module
from course_lib.grading.doctor import Finding, doctor, show
from course_lib.grading.records.gradebook import open_gradebook
from course_lib.grading.records.results import Results
from course_lib.grading.sandbox.tiers import Tier


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path, monkeypatch):
    """A run that was killed on this machine leaves a folder, which the doctor would report."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def course(tmp_path):
    """A course on a machine on which nobody left anything."""
    (tmp_path / "course").mkdir()
    return toy_course(tmp_path / "course")


@pytest.fixture(scope="module")
def fresh_gradebook(tmp_path_factory):
    """A gradebook without grades; nbgrader takes seconds to make one."""
    root = tmp_path_factory.mktemp("fresh")
    with open_gradebook(toy_course(root)):
        pass
    return root / "gradebook.db"


@pytest.fixture
def gradebook(course, fresh_gradebook):
    return shutil.copy(fresh_gradebook, course.root / "gradebook.db")


def bad(course):
    """What is found to be wrong or worth a note, the machine itself apart."""
    found = [f for f in doctor(course.root) if f.level != "ok"]
    return [f for f in found if not f.text.startswith(("isolation", "alembic"))]


def only(course, level, *words):
    """The one thing that is found to be wrong, which has this level and holds these words."""
    found = bad(course)
    assert len(found) == 1, found
    assert found[0].level == level
    for word in words:
        assert word in f"{found[0].text} -> {found[0].remedy}"
    return found[0]


def write(course, notebook):
    nbformat.write(notebook, course.root / "solutions" / TOY / NOTEBOOK)


@pytest.mark.usefixtures("gradebook")
def test_a_sound_course_has_no_problem(course):
    submit(course, "ada")
    assert bad(course) == []
    assert "gradebook.db is intact and not locked" in [f.text for f in doctor(course.root)]


def test_an_interpreter_that_submissions_cannot_see_is_a_problem(course, monkeypatch, tmp_path):
    monkeypatch.setattr(module.bubblewrap, "python_folders", lambda: [tmp_path])
    [found] = [f for f in doctor(course.root) if "submissions cannot see" in f.text]
    assert (found.level, found.text.split()[0]) == ("problem", "IPython")


def test_it_changes_nothing(course):
    submit(course, "ada")
    before = sorted(course.root.rglob("*"))
    doctor(course.root)
    assert sorted(course.root.rglob("*")) == before


class TestMachine:
    @pytest.mark.parametrize("name", ["files", "limits"])
    def test_a_weaker_isolation_says_what_it_means_and_what_helps(self, monkeypatch, course, name):
        monkeypatch.setattr(module, "probe", lambda: Tier(name, reasons=["install it"]))
        first = doctor(course.root)[0]
        assert first.level == "note"
        assert f"isolation: {name}: " in first.text
        assert first.remedy == "install it"

    def test_a_missing_alembic_is_a_problem_one_off_the_path_a_note(self, monkeypatch, course):
        monkeypatch.setattr(shutil, "which", lambda name, path=None: path and f"{path}/{name}")
        found = [f for f in doctor(course.root) if f.text.startswith("alembic")]
        assert found[0].level == "note"
        assert "export PATH" in found[0].remedy
        monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
        found = [f for f in doctor(course.root) if f.text.startswith("alembic")]
        assert found == [Finding("problem", "alembic is not installed", "pip install alembic")]

    def test_a_full_disk(self, monkeypatch, course):
        usage = shutil.disk_usage(course.root)._replace(free=10**6)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        only(course, "problem", "free on disk: 0.0 GiB")

    def test_a_folder_that_cannot_be_written(self, monkeypatch, course):
        monkeypatch.setattr(os, "access", lambda path, mode: path != course.root)
        only(course, "problem", "is not writable", "chmod u+w")


class TestCourse:
    def test_no_course(self, tmp_path):
        last = doctor(tmp_path)[-1]
        assert last.level == "problem"
        assert "no nbgrader_config.py" in last.text

    def test_a_configuration_that_fails(self, course):
        (course.root / "nbgrader_config.py").write_text("1 / 0")
        last = doctor(course.root)[-1]
        assert last.level == "problem"
        assert "cannot be opened" in last.text

    def test_no_assignments(self, course):
        shutil.rmtree(course.root / "solutions")
        only(course, "problem", "no assignment", "solutions/NAME/")


class TestGradebook:
    def test_half_made_and_empty(self, course, gradebook):
        with closing(sqlite3.connect(gradebook)) as connection:
            connection.execute("DROP TABLE alembic_version")
        only(course, "problem", "incomplete", "delete gradebook.db")
        gradebook.write_bytes(b"")
        only(course, "problem", "incomplete", "delete gradebook.db")

    def test_half_made_with_grades_and_its_remedy_works(self, course, gradebook):
        with closing(sqlite3.connect(gradebook)) as connection, connection:
            connection.execute("INSERT INTO submitted_assignment (id) VALUES ('1')")
            connection.execute("DROP TABLE alembic_version")
        remedy = only(course, "problem", "has no version").remedy
        command = remedy.partition(": ")[2].split()
        assert command[0] == "python"
        scripts = os.path.dirname(sys.executable)
        subprocess.run(
            [sys.executable, *command[1:]],
            cwd=course.root,
            env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},
            capture_output=True,
            check=True,
        )
        assert bad(course) == []

    def test_damaged(self, course, gradebook):
        gradebook.write_bytes(b"no database" * 1000)
        only(course, "problem", "gradebook.db is damaged", ".grading/backups")

    @pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
    def test_locked(self, course, gradebook, how):
        with closing(sqlite3.connect(gradebook)) as connection:
            connection.execute(f"BEGIN {how}")
            only(course, "problem", "locked by another program")
            connection.rollback()

    def test_read_only(self, monkeypatch, course, gradebook):
        monkeypatch.setattr(os, "access", lambda place, mode: place != gradebook)
        only(course, "problem", "gradebook.db is read-only")

    def test_in_a_server(self, tmp_path):
        course = toy_course(tmp_path, 'c.CourseDirectory.db_url = "postgresql://here/grades"')
        only(course, "note", "database server")


class TestLeftovers:
    def test_an_interrupted_write_once_it_is_old(self, course):
        partial = course.store / "results" / ".x.part"
        partial.parent.mkdir(parents=True)
        partial.touch()
        assert bad(course) == []
        os.utime(partial, (time.time() - 7200,) * 2)
        only(course, "note", ".x.part", "delete it")

    def test_a_work_folder(self, course, tmp_path):
        left = tmp_path / "temporary" / "grading-abc"
        left.mkdir()
        os.utime(left, (time.time() - 7200,) * 2)
        only(course, "note", "grading-abc")

    def test_a_result_that_cannot_be_read(self, course):
        store = Results(course.store / "results")
        store.put(result("ada"))
        assert bad(course) == []
        (store.folder / "f00.json").write_text("{")
        only(course, "note", "f00.json", "run again")


class TestAssignments:
    def test_no_notebook(self, course):
        (course.root / "solutions" / TOY / NOTEBOOK).write_text("{")
        only(course, "problem", "not a notebook")

    def test_nothing_that_gives_points(self, course):
        notebook = source()
        notebook.cells = notebook.cells[:1]
        write(course, notebook)
        only(course, "problem", "no cell gives points")

    def test_a_grade_id_twice(self, course):
        notebook = source()
        notebook.cells[2].metadata.nbgrader.grade_id = "test_double"
        write(course, notebook)
        only(course, "problem", "2 cells have the grade id test_double")

    @pytest.mark.parametrize("what", ["HIDDEN TESTS", "SOLUTION"])
    def test_an_open_marker(self, course, what):
        notebook = source()
        for cell in notebook.cells:
            lines = cell.source.splitlines()
            cell.source = "\n".join(line for line in lines if f"END {what}" not in line)
        write(course, notebook)
        only(course, "problem", f"BEGIN {what} and ", "do not alternate")

    def test_markers_in_the_wrong_order(self, course):
        notebook = source()
        notebook.cells[2].source = "### END HIDDEN TESTS\nassert double(4)\n### BEGIN HIDDEN TESTS"
        write(course, notebook)
        only(course, "problem", "test_more: BEGIN HIDDEN TESTS and ", "do not alternate")

    def test_a_marker_in_a_plain_cell(self, course):
        notebook = source()
        notebook.cells.append(
            new_code_cell("### BEGIN HIDDEN TESTS\nassert double(4)\n### END HIDDEN TESTS")
        )
        write(course, notebook)
        only(course, "problem", "in a cell of the wrong kind")

    def test_markers_of_the_course_count(self, tmp_path):
        course = toy_course(tmp_path, 'c.ClearHiddenTests.begin_test_delimeter = "HIDE"')
        only(course, "problem", "HIDE and END HIDDEN TESTS do not alternate")

    def test_a_test_for_no_points_is_a_note(self, course):
        notebook = source()
        notebook.cells[2].metadata.nbgrader.points = 0
        write(course, notebook)
        only(course, "note", "test_more: a test without points")
        assert any("every test can be judged" in finding.text for finding in doctor(course.root))

    @pytest.mark.parametrize(
        ("test", "words"),
        [
            ("assert double.__code__", "uses double other than by calling it"),
            ("f = [double]\nassert f[0](1) == 2", "uses double other than"),
            ("assert isinstance(double, object)", "uses double other than"),
            ("assert hasattr(double, 'x')", "uses double other than"),
            ("import pickle\npickle.dumps(double(1))", "imports pickle"),
            ("from inspect import signature\nsignature(double)", "imports inspect"),
            ("assert Net()(1) == 2", "uses the student's class Net"),
            ("assert double(", "not Python"),
        ],
    )
    def test_what_no_judge_can_judge(self, course, test, words):
        notebook = source()
        notebook.cells[0].source += "\n\nclass Net:\n    pass"
        notebook.cells[2].source = test
        write(course, notebook)
        only(course, "problem", f"test_more: {words}")

    @pytest.mark.parametrize(
        "test",
        [
            "assert double(2) == 4 == max(map(double, [1, 2]))",
            "check.all(double, seed=1, of=double)",
            "assert ask('double.__name__') == 'double'",
            "assert isinstance(double(1), int)",
            "%matplotlib inline\nassert answer == 42",
            "assert double.__doc__ is None and double.__name__ == 'double'",
            "said = !echo\nassert double(2) == 4",
        ],
    )
    def test_what_a_judge_can_judge(self, course, test):
        notebook = source()
        notebook.cells[0].source += "\nanswer = 42"
        notebook.cells[2].source = test
        write(course, notebook)
        assert bad(course) == []


class TestSolutions:
    """What the doctor says of a test is what a run would say."""

    def found(self, course, test):
        notebook = source()
        notebook.cells[2].source = test
        write(course, notebook)
        found = doctor(course.root, solutions=True)
        return [f for f in found if f.text.startswith(f"{TOY}") and f.level != "ok"]

    def test_a_solution_that_gets_all_points_makes_of_a_suspicion_a_note(self, course):
        test = "f = [double]\nassert f[0](1) == 2"
        assert [f.level for f in self.found(course, test)] == ["note"]

    def test_a_test_that_fails_on_the_solution_is_named_with_the_reason(self, course):
        found = self.found(course, "assert double(lambda: 1)")
        assert not any("gets all points" in f.text for f in doctor(course.root, solutions=True))
        [problem] = [f for f in found if "fails on the course's own solution" in f.text]
        assert f"{TOY}/{NOTEBOOK}: test_more" in problem.text
        assert "double takes only data" in problem.text
        assert "--unjudged person" in problem.remedy

    def test_a_solution_that_does_not_run_to_its_end_is_a_problem(self, course):
        notebook = source()
        notebook.cells[0].source += "\nimport os\nos._exit(1)"
        write(course, notebook)
        found = [f for f in doctor(course.root, solutions=True) if "did not run" in f.text]
        assert [f.level for f in found] == ["problem"]


class TestHandedIn:
    def place(self, course, path):
        target = course.root / "submitted" / path
        target.parent.mkdir(parents=True)
        target.write_text("{}")

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("toy.ipynb", "not in a folder STUDENT/ASSIGNMENT"),
            ("ada/toy.ipynb", "not in a folder STUDENT/ASSIGNMENT"),
            ("toy/ada/toy.ipynb", "toy is an assignment, where a student's id should be"),
            ("ada/Toy1/toy.ipynb", "no assignment is called Toy1"),
            ("ada/toyy/toy.ipynb", "did you mean toy?"),
        ],
    )
    def test_a_wrong_place(self, course, path, why):
        self.place(course, path)
        only(course, "note", f"submitted/{path} is not graded", why, "submitted/STUDENT/")

    @pytest.mark.parametrize(
        "path", ["ada/toy/toy.ipynb", "ada/toy/in/toy.ipynb", "ada/.x/a.ipynb"]
    )
    def test_a_right_place(self, course, path):
        self.place(course, path)
        assert bad(course) == []

    def test_many_are_counted(self, course):
        for name in "abcdefgh":
            self.place(course, f"{name}/toyy/toy.ipynb")
        found = bad(course)
        assert len(found) == 6
        assert "3 more" in found[-1].text


def test_a_look_that_fails_stops_no_other(monkeypatch, course):
    def broken(*_):
        raise PermissionError("no")

    monkeypatch.setattr(module, "database", broken)
    found = only(course, "problem", "looking at gradebook failed: no")
    assert found.remedy == ""


def test_findings_are_shown_one_a_line(capsys):
    show([Finding("ok", "all is well"), Finding("problem", "broken", "mend it")])
    assert capsys.readouterr().out == "ok      all is well\nproblem broken\n          -> mend it\n"
