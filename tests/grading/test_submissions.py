"""What was handed in is looked at before anything runs, and every refusal says what is wanted."""

import pytest

from course_lib.grading.__main__ import main
from course_lib.grading.submissions import CourseProblem, find_submissions, source_notebooks


@pytest.fixture
def course(tmp_path):
    """A course with one assignment and two submissions that are never run."""
    (tmp_path / "nbgrader_config.py").write_text("")
    for folder in ("solutions", "submitted/ada", "submitted/bob"):
        (tmp_path / folder / "ps0_toy").mkdir(parents=True)
        (tmp_path / folder / "ps0_toy" / "ps0_toy.ipynb").write_text("{}")
    return tmp_path


def problem(submission):
    return submission.problem(["ps0_toy.ipynb"])


def test_submissions_are_found_by_student(course):
    assert source_notebooks(course, "ps0_toy") == ["ps0_toy.ipynb"]
    found = find_submissions(course, "ps0_toy")
    assert [submission.student for submission in found] == ["ada", "bob"]
    assert [problem(submission) for submission in found] == [None, None]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ps0_toi", "did you mean ps0_toy"),
        ("quite another", "there are: ps0_toy"),
        ("", "there are"),
    ],
)
def test_unknown_assignment_is_named_with_those_there_are(course, name, message):
    with pytest.raises(CourseProblem, match=message):
        source_notebooks(course, name)


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    with pytest.raises(CourseProblem, match=r"no nbgrader_config\.py"):
        source_notebooks(tmp_path, "ps0_toy")


def test_nothing_handed_in_is_told_with_the_place_it_is_expected_in(course):
    (course / "submitted").rename(course / "elsewhere")
    with pytest.raises(CourseProblem, match="no folder submitted/"):
        find_submissions(course, "ps0_toy")
    (course / "submitted").mkdir()
    with pytest.raises(CourseProblem, match=r"expected it in submitted/STUDENT/ps0_toy/"):
        find_submissions(course, "ps0_toy")


def test_links_and_missing_notebooks_are_refused(course):
    ada, bob = find_submissions(course, "ps0_toy")
    (ada.folder / "answers").symlink_to(course / "solutions")
    (bob.folder / "ps0_toy.ipynb").rename(bob.folder / "final.ipynb")
    assert "answers is a link" in problem(ada)
    assert "no ps0_toy.ipynb" in problem(bob)


def test_names_that_nbgrader_would_take_for_patterns_are_refused(course):
    (course / "submitted/ada").rename(course / "submitted/ada[1]")
    assert "rename the folder" in problem(find_submissions(course, "ps0_toy")[0])


def test_digest_follows_the_submission_and_the_assignment(course):
    ada, bob = find_submissions(course, "ps0_toy")
    before = ada.digest(course, "ps0_toy")
    assert before == bob.digest(course, "ps0_toy"), "it is about what was handed in, not by whom"
    (course / "solutions/ps0_toy/ps0_toy.ipynb").write_text("{ }")
    after = ada.digest(course, "ps0_toy")
    assert before != after
    (ada.folder / "ps0_toy.ipynb").write_text("{  }")
    assert ada.digest(course, "ps0_toy") != after


def test_command_line_refuses_with_status_2_and_leaves_nothing_behind(course, capsys):
    before = sorted(course.rglob("*"))
    assert main(["run", "ps1", "--root", str(course)]) == 2
    assert capsys.readouterr().err.startswith("grading: no assignment 'ps1'")
    assert sorted(course.rglob("*")) == before
