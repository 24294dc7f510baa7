"""``python -m course_lib.grading`` as an instructor calls it, from an environment not activated."""

from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from small_course import Course, line_of, small_notebook

pytestmark = pytest.mark.notebook


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
    assert "malformed" in line_of(run.stdout, "broken")
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
    run = course.grade("--force")
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
