"""One run after another: nothing is lost, nothing done twice, and nobody spoils it for others."""

import shutil
import signal

import nbformat
import pytest
from nbgrader.api import Gradebook
from small_course import Course, line_of, small_notebook

from course_lib.grading import __main__ as command_line
from course_lib.grading import commands, run
from course_lib.grading.course import Course as GradedCourse
from course_lib.grading.running import engine
from course_lib.grading.sandbox.tiers import Tier

pytestmark = pytest.mark.notebook


@pytest.fixture
def course(tmp_path):
    """Four submissions: two right ones, a wrong one, and one that takes a while."""
    made = Course(tmp_path, "ps9")
    made.add_source(small_notebook())
    solved = made.source.read_bytes()
    made.submit("ada", solved)
    made.submit("bob", solved.replace(b"return 2 * x", b"return x + x"))
    made.submit("eve", solved.replace(b"return 2 * x", b"return x"))
    made.submit("slow", solved.replace(b"return 3 * x", b"__import__('time').sleep(2)"))
    return made


@pytest.fixture
def grade(course, capsys):
    """Grade in this process; return the exit status and what was said."""

    def call(*options):
        arguments = ["run", "ps9", "--root", str(course.root), "--isolation", "limits"]
        status = command_line.main([*arguments, *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return call


def points(course):
    return {student: float(row["score"]) for student, row in course.rows().items()}


RIGHT = {"ada": 5, "bob": 5, "eve": 3, "slow": 2}


def test_a_run_that_is_killed_goes_on_where_it_was(course):
    killed = course.begin("--workers", "1")
    for line in killed.stdout:
        if line.startswith("[2/"):
            killed.send_signal(signal.SIGKILL)
            break
    killed.communicate()
    before = course.root.joinpath(".grading").is_dir()
    again = course.grade()
    assert before
    assert again.returncode == 0
    assert again.stdout.count("unchanged") >= 2
    assert points(course) == RIGHT


def test_a_run_that_is_interrupted_says_so_and_leaves_a_clean_state(course, tmp_path):
    gate = tmp_path / "closed"
    gate.touch()
    wait = f"import os, time\\n    while os.path.exists('{gate}'): time.sleep(0.1)".encode()
    solved = course.source.read_bytes()
    course.submit("slow", solved.replace(b"return 3 * x", wait))
    stopped = course.begin("--workers", "1", "--timeout", "1000")
    for line in stopped.stdout:
        if line.startswith("[1/"):
            stopped.send_signal(signal.SIGINT)
            break
    out, err = stopped.communicate(timeout=500)
    gate.unlink()
    assert "the same command resumes" in out
    assert "Traceback" not in err
    assert course.grade().returncode == 0
    assert points(course) == RIGHT


def test_two_runs_at_once_do_not_meet(course, grade):
    with run.course_lock(GradedCourse.open(course.root)):
        status, said = grade()
    assert status == 2
    assert "another run is grading this course" in said
    assert not (course.root / "gradebook.db").exists()
    assert grade()[0] == 0


def test_some_students_alone_are_graded_and_unknown_ones_named(course, grade):
    status, said = grade("--students", "b*", "eve")
    assert (status, said.count(": graded, ")) == (0, 2)
    assert points(course) == {"bob": 5, "eve": 3}
    assert grade("--students", "nobody") == (2, grade("--students", "nobody")[1])
    assert "no submission by nobody" in grade("--students", "nobody")[1]


def test_a_solution_that_fails_its_own_test_stops_the_run_and_names_the_test(course, grade):
    notebook = nbformat.read(course.source, 4)
    notebook.cells[3].source = "assert triple(3) == 10, 'three tripled'"
    nbformat.write(notebook, course.source)
    status, said = grade()
    assert status == 2
    assert "fails the test test_triple of ps9.ipynb: AssertionError: three tripled" in said
    assert not (course.root / "grades.csv").exists()


def test_a_test_that_cannot_be_judged_goes_to_a_person_if_the_instructor_says_so(course, grade):
    notebook = nbformat.read(course.source, 4)
    notebook.cells[3].source = "assert triple(lambda: 3), 'three tripled'"
    nbformat.write(notebook, course.source)
    shutil.rmtree(course.root / "submitted" / "slow")
    status, said = grade()
    assert status == 2
    assert "takes only data" in said
    assert "--unjudged person" in said
    status, said = grade("--unjudged", "person")
    assert status == 0
    assert "a person grades: test_triple" in said
    assert points(course) == {"ada": 2, "bob": 2, "eve": 0}
    assert course.scores("ada")["test_triple"] == (None, 3)
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "generative-combinations") as book:
        grade_of = book.find_grade("test_triple", "ps9", "ps9", "ada")
        assert grade_of.needs_manual_grade
        grade_of.manual_score, grade_of.needs_manual_grade = 3, False
        book.db.commit()
    shown = (course.root / "autograded/ada/ps9/ps9.ipynb").read_text()
    assert "a person gives its points" in shown
    assert grade("--unjudged", "person")[0] == 0
    assert points(course)["ada"] == 5, "what a person gave stays"


def test_a_solution_that_is_not_marked_stops_the_run(course, grade):
    notebook = nbformat.read(course.source, 4)
    del notebook.cells[2].metadata["nbgrader"]
    nbformat.write(notebook, course.source)
    status, said = grade()
    assert status == 2
    assert "cell 3 of ps9.ipynb contains a solution but is not marked as one" in said


def test_walls_that_are_too_weak_end_the_run_with_a_status_of_its_own(course, grade, monkeypatch):
    weak = Tier("files", reasons=["bubblewrap is not installed: apt install bubblewrap"])
    monkeypatch.setattr(commands, "probe", lambda: weak)
    status, said = grade("--isolation", "full")
    assert status == 3
    assert "isolation: files\n  bubblewrap is not installed" in said
    assert not (course.root / "gradebook.db").exists()


def test_who_kills_the_process_that_serves_all_is_alone_in_the_end(course, grade, monkeypatch):
    monkeypatch.setattr(engine, "probe", lambda: Tier("limits"))  # where it can
    solved = course.source.read_bytes()
    # nobody but its host: whose child it is once that is gone, a test must not find out
    kill = (
        b"import os\\n    host = os.getppid()\\n"
        b"    if b'processes.host' in open(f'/proc/{host}/cmdline', 'rb').read():\\n"
        b"        os.kill(host, 9)\\n    return 2 * x"
    )
    course.submit("killer", solved.replace(b"return 2 * x", kill))
    status, said = grade()
    assert status == 0, said
    assert said.count("crashed") == said.count("killer: crashed")
    assert {student: points(course)[student] for student in RIGHT} == RIGHT


def test_a_breakdown_of_the_machinery_is_no_grade_and_the_next_run_mends_it(
    course, grade, monkeypatch
):
    grade("--students", "ada")

    def broken(job, loaded=None):
        raise RuntimeError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "work", broken)
        status, said = grade()
    assert status == 1
    assert "failed, the grader failed: RuntimeError: no space left" in line_of(said, "bob")
    assert "Not graded: bob, eve, slow" in said
    assert points(course) == {"ada": 5}
    assert grade()[0] == 0
    assert points(course) == RIGHT


def test_equal_answers_are_told_of_and_keep_their_points(course, grade, monkeypatch):
    monkeypatch.setattr("course_lib.grading.preparing.ENOUGH", -1000)
    course.submit("copier", course.submission("eve").read_bytes())
    status, said = grade()
    assert status == 0
    assert "copied, 3 of 9" in line_of(said, "copier")
    assert "the same as: eve" in line_of(said, "copier")
    assert "the same as: the course's own solution" in line_of(said, "ada")
    assert command_line.main(["feedback", "ps9", "--root", str(course.root)]) == 0
    page = (course.root / "feedback/copier/ps9/ps9.html").read_text()
    assert "identical, character for character, to another submission" in page
    assert "the same as" not in page  # who it is, is not for the student
    assert "not been marked yet" in page
    assert points(course)["copier"] == 3


def test_force_runs_again_and_changes_nothing(course, grade):
    grade()
    before = points(course)
    _, said = grade()
    assert said.count("unchanged") == 4
    _, said = grade("--force")
    assert said.count("unchanged") == 0
    assert points(course) == before == RIGHT
