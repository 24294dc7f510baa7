"""Results reach the gradebook by nbgrader's own rules, whatever a student's id; none is lost."""

import csv
import io
import shutil
import sqlite3
import threading
from contextlib import contextmanager
from datetime import datetime

import nbformat
import pytest
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin
from toy_course import (
    ERROR,
    NOTEBOOK,
    TOY,
    contents,
    executed,
    result,
    source,
    submit,
    toy_course,
    value,
)

from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.records.export import grades
from course_lib.grading.records.gradebook import NotRecorded, Score, back_up, open_gradebook
from course_lib.grading.records.recording import Recorder

IMPATIENT = """
import os
c.CourseDirectory.db_url = f"sqlite:///{os.path.dirname(os.path.abspath(__file__))}/gradebook.db?timeout=0.05"
"""
ODD = ["a*", "ab", "[ab]", "a?", " a b ", "..ada.", "Ὑπατία", "a\nb", "{0}", "a+b", "a;'--", "-x"]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A course whose gradebook knows the assignment; to make one takes seconds."""
    course = toy_course(tmp_path_factory.mktemp("template"))
    Recorder(course, TOY).register()
    return course.root


@pytest.fixture
def registered(template, tmp_path):
    """Return a function that makes a recorder of a course with some settings of its own."""

    def make(settings="", **options):
        shutil.copytree(template, tmp_path, dirs_exist_ok=True)
        with open(tmp_path / "nbgrader_config.py", "a") as file:
            file.write(settings)
        return Recorder(Course.open(tmp_path), TOY, **options)

    return make


@pytest.fixture
def recorder(registered):
    return registered()


def open_book(recorder):
    course = recorder.course.directory(TOY)
    return Gradebook(course.db_url, course.course_id)


def put_and_record(recorder, *arguments, **given):
    made = result(*arguments, **given)
    recorder.results.put(made)
    return recorder.record(made)


def auto_scores(recorder, student):
    with open_book(recorder) as book:
        found = book.find_submission_notebook(TOY, TOY, student)
        return {grade.name: grade.auto_score for grade in found.grades}


@contextmanager
def locked(recorder):
    connection = sqlite3.connect(recorder.course.root / "gradebook.db", check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


def test_points_follow_the_outputs_and_written_answers_wait(recorder):
    assert put_and_record(recorder, "ada", executed()) == Score(5, 9, True)
    assert put_and_record(recorder, "bob", executed(double=[ERROR])) == Score(2, 9, True)
    assert auto_scores(recorder, "bob") == {"test_double": 0, "test_more": 2, "why": None}
    assert recorder.results.recorded(TOY) == {"ada", "bob"}


def test_an_answer_that_was_not_written_gets_no_points_and_awaits_nobody(recorder):
    untouched = executed("YOUR ANSWER HERE")
    assert put_and_record(recorder, "ada", untouched) == Score(5, 9, False)


@pytest.mark.parametrize(
    ("text", "points"),
    [("nan", 0), ("inf", 0), ("-inf", 0), ("-1", 0), ("1e300", 3), ("1.5", 1.5), ("", 3), ("x", 3)],
)
def test_partial_credit_is_between_none_and_all(recorder, text, points):
    put_and_record(recorder, "ada", executed(double=[value(text)]))
    assert auto_scores(recorder, "ada")["test_double"] == points


def test_what_lies_in_autograded_is_what_was_executed_and_nothing_else(recorder):
    folder = submit(recorder.course, "ada")
    (folder / "helper.py").write_text("secret")
    before = contents(recorder.course.root / "submitted")
    put_and_record(recorder, "ada", executed(double=[value("2.0")]))
    graded = recorder.course.root / "autograded" / "ada" / TOY
    assert [path.name for path in graded.iterdir()] == [NOTEBOOK]
    cells = nbformat.read(graded / NOTEBOOK, 4).cells
    assert cells[1].outputs[0].data["text/plain"] == "2.0"
    assert cells[1].source == source().cells[1].source
    assert contents(recorder.course.root / "submitted") == before


def test_a_student_may_be_called_anything(recorder):
    for number, student in enumerate(ODD):
        put_and_record(recorder, student, executed(f"answer {number}"))
    put_and_record(recorder, "a*", executed("another answer", more=[ERROR]))
    with open_book(recorder) as book:
        assert {student.id for student in book.students} == set(ODD)
    graded = recorder.course.root / "autograded"
    assert {path.name for path in graded.iterdir()} == set(ODD)
    for number, student in enumerate(ODD):
        text = nbformat.read(graded / student / TOY / NOTEBOOK, 4).cells[3].source
        assert text == ("another answer" if student == "a*" else f"answer {number}")
        assert auto_scores(recorder, student)["test_more"] == (0 if student == "a*" else 2)


def test_points_given_by_hand_survive(recorder):
    put_and_record(recorder, "ada", executed())
    with open_book(recorder) as book:
        grade = book.find_grade("why", TOY, TOY, "ada")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        comment = book.find_comment("why", TOY, TOY, "ada")
        comment.manual_comment = "well said"
        book.db.commit()
    for version in ("1", "2"):
        assert put_and_record(recorder, "ada", executed(), version=version).points == 8.5
    with open_book(recorder) as book:
        assert book.find_comment("why", TOY, TOY, "ada").comment == "well said"


def test_recording_again_changes_nothing(recorder):
    put_and_record(recorder, "ada", executed(double=[ERROR]))
    before = contents(recorder.course.root / "autograded"), auto_scores(recorder, "ada")
    put_and_record(recorder, "ada", executed(double=[ERROR]))
    after = contents(recorder.course.root / "autograded"), auto_scores(recorder, "ada")
    assert after == before


def test_what_was_not_run_leaves_the_gradebook_alone(recorder):
    assert put_and_record(recorder, "ada", state="malformed") is None
    with open_book(recorder) as book, pytest.raises(MissingEntry):
        book.find_student("ada")
    assert recorder.results.recorded(TOY) == {"ada"}


def test_a_locked_gradebook_is_waited_for(registered):
    recorder = registered(IMPATIENT, patience=300)
    with locked(recorder) as connection:
        release = threading.Timer(0.5, connection.rollback)
        release.start()
        assert put_and_record(recorder, "ada", executed()) == Score(5, 9, True)
        release.join()


def test_after_a_long_lock_the_result_is_still_there_to_be_recorded(registered):
    recorder = registered(IMPATIENT, patience=0.3)
    made = result("ada", executed())
    recorder.results.put(made)
    with locked(recorder), pytest.raises(NotRecorded, match="locked"):
        recorder.record(made)
    again = Recorder(recorder.course, TOY)
    assert again.results.latest(TOY) == {"ada": made}
    assert again.results.recorded(TOY) == set()
    assert again.record(made) == Score(5, 9, True)
    assert again.results.recorded(TOY) == {"ada"}


def test_a_notebook_that_nbgrader_refuses_costs_nobody_else_anything(recorder):
    put_and_record(recorder, "ada", executed())
    broken = executed()
    broken["cells"][1]["metadata"]["nbgrader"]["points"] = "many"
    made = result("bob", broken)
    recorder.results.put(made)
    with pytest.raises(NotRecorded):
        recorder.record(made)
    assert recorder.results.recorded(TOY) == {"ada"}
    assert put_and_record(recorder, "eve", executed()).points == 5
    assert auto_scores(recorder, "ada")["test_double"] == 3


LATE = """
from nbgrader.plugins import LateSubmissionPlugin
class OnePoint(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 1.0
c.AssignLatePenalties.plugin_class = OnePoint
"""


@pytest.mark.parametrize(
    ("stamp", "points"),
    [
        ("2030-01-02 00:00:00 UTC", 4),
        ("2029-12-31 00:00:00.5 UTC", 5),
        ("2030-01-01 23:00:00 +0300", 4),
        ("soon", 5),
        ("2030-99-02 00:00:00 UTC", 5),
        ("", 5),
        ("2030-01-02 00:00:00 /dev/zero", 5),
    ],
)
def test_being_late_costs_what_the_course_says(registered, stamp, points):
    recorder = registered(LATE)
    with open_book(recorder) as book:
        book.update_or_create_assignment(TOY, duedate=datetime(2030, 1, 1))
    (submit(recorder.course, "ada") / "timestamp.txt").write_text(stamp)
    assert put_and_record(recorder, "ada", executed()).points == points


def test_a_timestamp_that_is_a_link_is_not_followed(recorder, tmp_path):
    (tmp_path / "when").write_text("2030-01-02 00:00:00 UTC")
    (submit(recorder.course, "ada") / "timestamp.txt").symlink_to(tmp_path / "when")
    put_and_record(recorder, "ada", executed())
    with open_book(recorder) as book:
        assert book.find_submission(TOY, "ada").timestamp is None


def test_the_gradebook_is_copied_before_the_first_write_of_a_run(recorder):
    put_and_record(recorder, "ada", executed())
    folder = recorder.course.store / "backups"
    [old.unlink() for old in folder.glob("*")]
    later = Recorder(recorder.course, TOY)
    later.register()
    assert not list(folder.glob("*.db")), "nothing was written yet"
    for student in ("bob", "eve"):
        put_and_record(later, student, executed())
    [copy] = folder.glob("*.db")
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT id FROM student").fetchall() == [("ada",)]


def test_the_last_ten_copies_are_kept(recorder):
    folder = recorder.course.store / "backups"
    folder.mkdir(exist_ok=True)
    for number in range(12):
        (folder / f"gradebook-20200101-0000{number:02}.db").touch()
    newest = back_up(recorder.course)
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 10
    assert kept[-1] == newest.name
    assert kept[0] == "gradebook-20200101-000003.db"


def test_an_assignment_is_registered_once_and_again_when_it_changes(recorder, monkeypatch):
    writes = []
    real = Recorder._before_writing
    monkeypatch.setattr(Recorder, "_before_writing", lambda self: (writes.append(1), real(self)))
    Recorder(recorder.course, TOY).register()
    assert not writes
    path = recorder.course.notebooks(TOY)[NOTEBOOK]
    changed = source()
    changed.cells[1].metadata.nbgrader.points = 30
    nbformat.write(changed, path)
    Recorder(recorder.course, TOY).register()
    assert writes
    with open_book(recorder) as book:
        assert book.find_assignment(TOY).max_score == 36
    (recorder.course.root / "gradebook.db").unlink()
    Recorder(recorder.course, TOY).register()
    with open_book(recorder) as book:
        assert book.find_assignment(TOY).max_score == 36
    assert not (recorder.course.root / "assignments").exists()


def test_an_assignment_that_nbgrader_refuses_is_a_problem_of_the_course(tmp_path):
    course = toy_course(tmp_path)
    twice = source()
    twice.cells.append(nbformat.from_dict({**twice.cells[0], "id": "other"}))
    nbformat.write(twice, course.notebooks(TOY)[NOTEBOOK])
    with pytest.raises(CourseProblem, match="toy"):
        Recorder(course, TOY).register()


def test_export_names_those_whose_grade_is_not_of_their_submission(recorder):
    for student in ("ada", "bob", "eve", "joe"):
        submit(recorder.course, student)
    put_and_record(recorder, "ada", executed())
    put_and_record(recorder, "bob", state="malformed")
    recorder.results.put(result("eve", executed()))
    assert recorder.export() == ["bob", "eve", "joe"]
    with open(recorder.course.root / "grades.csv", newline="") as file:
        assert {r["student_id"]: float(r["score"]) for r in csv.DictReader(file)} == {"ada": 5}


def test_nbgrader_finds_its_tools_and_says_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", "/nowhere")
    course = toy_course(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    recorder = Recorder(course, TOY)
    recorder.register()
    put_and_record(recorder, "ada", executed())
    assert capfd.readouterr() == ("", "")
    assert "Converting notebook" in (course.store / "grading.log").read_text()


def test_grades_have_nbgraders_columns_and_any_id(tmp_path):
    course = toy_course(tmp_path)
    recorder = Recorder(course, TOY)
    recorder.register()
    for student in ("ada", 'Doe, "Jane"', "new\nline"):
        submit(course, student)
        recorder.record(result(student, executed()))
    with open_gradebook(course) as gradebook:
        text = grades(gradebook)
        CsvExportPlugin(to=str(tmp_path / "theirs.csv")).export(gradebook)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["student_id"] for row in rows} == {"ada", 'Doe, "Jane"', "new\nline"}
    theirs = list(csv.DictReader((tmp_path / "theirs.csv").open(newline="")))
    assert next(row for row in rows if row["student_id"] == "ada") == theirs[0]
