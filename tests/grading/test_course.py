"""The folder of a course: what is missing in it is named, with what was expected where."""

import pytest

from course_lib.grading.__main__ import main
from course_lib.grading.course import Course, CourseProblem


@pytest.fixture
def folder(tmp_path):
    """A course with one assignment and two submissions that are never run."""
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.source_directory = 'solutions'\n"
    )
    for place in ("solutions", "submitted/ada", "submitted/bob"):
        (tmp_path / place / "ps0_toy").mkdir(parents=True)
        (tmp_path / place / "ps0_toy" / "ps0_toy.ipynb").write_text("{}")
    return tmp_path


def test_assignments_and_submissions_are_found(folder):
    course = Course.open(folder)
    assert list(course.notebooks("ps0_toy")) == ["ps0_toy.ipynb"]
    found = course.submissions("ps0_toy")
    assert [submission.student for submission in found] == ["ada", "bob"]


def test_folders_are_called_as_the_configuration_says(folder):
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.source_directory = 'source'\n"
        "c.CourseDirectory.submitted_directory = 'inbox'\n"
    )
    (folder / "solutions").rename(folder / "source")
    (folder / "submitted").rename(folder / "inbox")
    course = Course.open(folder)
    assert list(course.notebooks("ps0_toy")) == ["ps0_toy.ipynb"]
    assert len(course.submissions("ps0_toy")) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ps0_toi", "did you mean ps0_toy"),
        ("quite another", "there are: ps0_toy"),
        ("", "there are"),
    ],
)
def test_unknown_assignment_is_named_with_those_there_are(folder, name, message):
    with pytest.raises(CourseProblem, match=message):
        Course.open(folder).notebooks(name)


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    with pytest.raises(CourseProblem, match=r"no nbgrader_config\.py"):
        Course.open(tmp_path)


def test_nothing_handed_in_is_told_with_the_place_it_is_expected_in(folder):
    (folder / "submitted").rename(folder / "elsewhere")
    with pytest.raises(CourseProblem, match="no folder submitted/"):
        Course.open(folder).submissions("ps0_toy")
    (folder / "submitted").mkdir()
    with pytest.raises(CourseProblem, match=r"expected it in submitted/STUDENT/ps0_toy/"):
        Course.open(folder).submissions("ps0_toy")


def test_command_line_refuses_with_status_2_and_leaves_nothing_behind(folder, capsys):
    before = sorted(folder.rglob("*"))
    assert main(["run", "ps1", "--isolation", "limits", "--root", str(folder)]) == 2
    assert "grading: no assignment 'ps1'" in capsys.readouterr().err
    assert main(["report", "ps0_toi", "--root", str(folder)]) == 2
    assert "did you mean ps0_toy" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
