"""Every submission is in the report once, with the gradebook's points and the grader's reason."""

import csv

import pytest
from nbgrader.api import Gradebook
from toy_course import ERROR, TOY, executed, result, submit, toy_course

from course_lib.grading.course import CourseProblem
from course_lib.grading.records.recording import Recorder
from course_lib.grading.records.report import Line, report, summary, table, write_csv

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = toy_course(tmp_path_factory.mktemp("course"))
    recorder = Recorder(course, TOY)
    recorder.register()
    given = {
        "ada": {"notebook": executed(), "notes": ["renamed file", "restored test cell"]},
        "bob": {"notebook": executed(double=[ERROR]), "state": "timed out", "reason": "cell 3"},
        "cat": {"state": "malformed", "reason": "not a notebook"},
        "again": {"notebook": executed()},
        "late": {"notebook": executed()},
    }
    for student, values in given.items():
        submit(course, student)
        recorder.results.put(result(student, **values))
        if student != "late":
            recorder.record(result(student, **values))
    submit(course, "new")
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "generative-combinations") as book:
        book.add_student("absent")
    return course


def current(submission):
    """The digest that a submission's result has; that of one student has changed since."""
    version = "2" if submission.student == "again" else "1"
    return result(submission.student, version=version).digest


@pytest.fixture(scope="module")
def lines(course):
    return report(course, TOY, current)


def test_everybody_is_there_once_in_order(lines):
    students = [line.student for line in lines]
    assert students == ["absent", "ada", "again", "bob", "cat", "late", "new"]


def test_states_say_what_became_of_each(lines):
    assert {line.student: line.state for line in lines} == {
        "absent": "nothing handed in",
        "ada": "graded",
        "again": "handed in again since",
        "bob": "timed out",
        "cat": "malformed",
        "late": "not recorded yet",
        "new": "not graded yet",
    }


def test_points_are_the_gradebooks(lines):
    points = {line.student: (line.points, line.max_points) for line in lines}
    assert points["ada"] == points["again"] == (5, 9)
    assert points["bob"] == (2, 9)
    assert {points[s] for s in ("absent", "cat", "late", "new")} == {(None, None)}
    assert {line.student for line in lines if line.waits} == {"ada", "again", "bob"}


def test_reasons_and_notes_are_the_results(lines):
    found = {line.student: line for line in lines}
    assert found["bob"].reason == "cell 3"
    assert found["ada"].notes == "renamed file; restored test cell"
    assert (found["ada"].seconds, found["ada"].isolation) == (1.5, "full")


def test_summary_counts_every_line(lines):
    assert sum(int(part.split()[0]) for part in summary(lines).split(", ")) == len(lines)


def test_without_a_gradebook_nothing_is_made(tmp_path):
    course = toy_course(tmp_path)
    submit(course, "ada")
    [line] = report(course, TOY, current)
    assert (line.state, line.points) == ("not graded yet", None)
    assert not (tmp_path / "gradebook.db").exists()


def test_nothing_handed_in_at_all_is_a_problem(tmp_path):
    with pytest.raises(CourseProblem):
        report(toy_course(tmp_path), TOY, current)


def test_a_table_has_one_printable_line_each(lines):
    hostile = Line("\x1b[2J\nada\r\u202e", "graded", 1.0, 2.0, reason="a\tb\u2028c")
    text = table([*lines, hostile])
    assert len(text.splitlines()) == len(lines) + 2
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("column", ["student", "reason", "notes"])
def test_nothing_in_the_file_is_a_formula(tmp_path, text, column):
    write_csv([Line(**{"student": "ada", "state": "graded", column: text})], tmp_path / "r.csv")
    with open(tmp_path / "r.csv", newline="") as file:
        [row] = csv.DictReader(file)
    assert row[column] == f"'{text}"
    assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in row.values())


def test_the_file_holds_what_the_lines_say(lines, tmp_path):
    odd = Line('a,"b"\nc', "graded", 0.5, 9.0, notes="bad\udcff")
    write_csv([*lines, odd], tmp_path / "r.csv")
    with open(tmp_path / "r.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == [line.student for line in [*lines, odd]]
    assert rows[1]["points"] == "5"
    assert rows[-1]["points"] == "0.5"
