"""Grades as Canvas and Moodle import them."""

import csv

import pytest
from nbgrader.api import Gradebook
from toy_course import ERROR, TOY, executed, result, submit, toy_course

from course_lib.grading.__main__ import main
from course_lib.grading.records.recording import Recorder

# The columns of the files that each of them exports, and so imports.
COLUMNS = {
    "canvas": ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Problem set (7)"],
    "moodle": ["First name", "Last name", "ID number", "Email address", "Problem set (7)"],
}
ID = {"canvas": "SIS Login ID", "moodle": "ID number"}
EVIL = ("=1+1", "+1", "-1", "@SUM(A1)")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = toy_course(tmp_path_factory.mktemp("course"))
    recorder = Recorder(course, TOY)
    recorder.register()
    handed_in = {
        "ada": executed(),
        "bob": executed(double=[ERROR]),
        **dict.fromkeys(EVIL, executed()),
    }
    for student, notebook in handed_in.items():
        submit(course, student)
        recorder.results.put(result(student, notebook))
        recorder.record(result(student, notebook))
    with Gradebook(f"sqlite:///{course.root}/gradebook.db", "generative-combinations") as book:
        named = {"last_name": 'O"Neil, =A', "first_name": "Ada", "email": "ada@example.org"}
        book.update_or_create_student("ada", **named)
        book.add_student("absent", last_name="@x")
    return course


def exported(course, kind):
    title = ["--title", "Problem set (7)"]
    assert main(["export", TOY, "--format", kind, *title, "--root", str(course.root)]) == 0
    with (course.root / f"{kind}-{TOY}.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_and_points_are_as_they_are_wanted(course, kind, capsys):
    head, *rows = exported(course, kind)
    assert head == COLUMNS[kind]
    assert "6 submissions have written answers that are not marked" in capsys.readouterr().out
    if kind == "canvas":
        most = rows.pop(0)
        assert (most[0].strip(), most[1:]) == ("Points Possible", ["", "", "", "", "9"])
    found = {row[head.index(ID[kind])]: row for row in rows}
    assert found["ada"][-1] == "5"
    assert found["bob"][-1] == "2"
    assert found["absent"][-1] == "", "no zero for who handed nothing in"
    if kind == "canvas":
        assert found["ada"][0] == 'O"Neil, =A, Ada'
    else:
        assert found["ada"][:4] == ["Ada", 'O"Neil, =A', "ada", "ada@example.org"]


@pytest.mark.parametrize("kind", COLUMNS)
def test_nothing_in_a_file_is_a_formula(course, kind):
    cells = [cell for row in exported(course, kind) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(f"'{text}" in cells for text in EVIL)


def test_without_grades_there_is_nothing_to_export(tmp_path, capsys):
    toy_course(tmp_path)
    assert main(["export", TOY, "--format", "canvas", "--root", str(tmp_path)]) == 2
    assert "make grade" in capsys.readouterr().err
    assert main(["export", "toi", "--format", "canvas", "--root", str(tmp_path)]) == 2
    assert "did you mean toy?" in capsys.readouterr().err
