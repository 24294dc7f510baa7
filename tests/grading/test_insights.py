"""What a class got right and wrong, from results as the grader makes them."""

import csv
import re
from html.parser import HTMLParser

import pytest
from nbformat.v4 import new_output
from test_report import FORMULAS
from toy_course import TOY, executed, result, submit, toy_course

from course_lib.grading.__main__ import main
from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.exercises import exercises
from course_lib.grading.insights import insights, rows
from course_lib.grading.insights_page import insights_page
from course_lib.grading.records.recording import Recorder

STUB = 'def double(x):\n    raise NotImplementedError("double: your code goes here")'
NAMED = """double: it is not doubled.
  got       3
  why       2x is x + x
  try       x + x,
            or 2 * x"""


def failed(kind, message):
    return new_output("error", ename=kind, evalue=message, traceback=[message])


def wrong(kind, message, **more):
    return executed(double=[failed(kind, message)], **more)


def stub(notebook):
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "double")
    cell["source"] = STUB
    return notebook


# By student: what came of them. "double" and "test_more" are one exercise of 5 points, "why" of 4.
CLASS = {
    "ada": executed(),
    "bob": wrong("CheckFailed", NAMED),
    "cat": wrong("CheckFailed", NAMED.replace("got       3", "got       5")),
    "dan": wrong("CheckFailed", NAMED, more=[failed("CheckFailed", NAMED)]),
    "eve": wrong("IndexError", "index 7 is out of bounds for axis 0 with size 2"),
    "fay": wrong("IndexError", "index 12 is out of bounds for axis 0 with size 3"),
    "gil": stub(wrong("AssertionError", "three doubled")),
    "hal": wrong("AssertionError", "<script>alert(1)</script> \u202e" + "long " * 100),
    "ivy": wrong("NotStarted", "double: not started yet."),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = toy_course(tmp_path_factory.mktemp("course"))
    recorder = Recorder(course, TOY)
    recorder.register()
    for number, (student, notebook) in enumerate(CLASS.items()):
        submit(course, student)
        times = {"toy.ipynb": {"double": 1.0 + number, "test_double": 0.5, "other": 99.0}}
        made = result(student, notebook, times=times)
        recorder.results.put(made)
        recorder.record(made)
    submit(course, "jim")
    recorder.results.put(result("jim", state="malformed", reason="not a notebook"))
    submit(course, "kim")
    recorder.results.put(result("kim", executed()))  # not recorded
    return course


@pytest.fixture(scope="module")
def found(course):
    return insights(course, TOY)


def test_everybody_is_in_one_state_of_each_exercise(found):
    assert found.graded == len(CLASS)
    assert found.others == {"malformed": 1, "graded": 1}
    code, written = found.exercises
    assert code.students == {
        "solved": ["ada"],
        "tried": ["bob", "cat", "dan", "eve", "fay", "hal"],
        "not started": ["gil", "ivy"],
        "to be read": [],
    }
    assert written.students["to be read"] == list(CLASS)
    for one in found.exercises:
        assert sorted(who for some in one.students.values() for who in some) == sorted(CLASS)


def test_mistakes_are_counted_once_a_student_and_the_most_frequent_come_first(found):
    [code, _] = found.exercises
    named, index, *rest = code.mistakes
    assert named.text == "double: it is not doubled."
    assert named.students == ["bob", "cat", "dan"]
    assert named.advice == "x + x, or 2 * x"
    assert index.students == ["eve", "fay"], "they differ in numbers alone"
    assert [len(mistake.students) for mistake in rest] == [1], "a stub makes no mistake"
    assert all(len(mistake.text) <= 120 for mistake in code.mistakes)
    assert [(n, m.text) for n, _, m in found.topics()] == [(3, named.text), (2, index.text)]


def test_points_are_the_gradebooks_and_times_those_of_the_exercise(found):
    [code, written] = found.exercises
    assert (code.exercise.points, written.exercise.points, found.most) == (5, 4, 9)
    assert code.points[:4] == [5, 2, 2, 0]
    assert found.totals[:4] == [5, 2, 2, 0]
    assert code.seconds == [1.5 + number for number in range(len(CLASS))]


def test_the_table_says_what_the_insights_say_and_who_only_if_asked(found):
    plain = list(rows(found))
    assert all(row.keys() == plain[0].keys() for row in plain)
    assert "who" not in plain[0]
    [line] = [row for row in plain if row["text"] == "double: it is not doubled."]
    assert (line["what"], line["students"], line["of"]) == ("mistake", "3", "9")
    [line] = [row for row in rows(found, names=True) if row["text"] == line["text"]]
    assert line["who"] == "bob cat dan"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href"}]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_needs_nothing_and_runs_nothing_and_names_nobody(found):
    text = insights_page(found)
    page = Page(text)
    assert "svg" in page.tags
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.addresses == []
    assert "default-src 'none'" in text
    assert "\u202e" not in text
    words = set(re.findall(r"\w+", " ".join(page.words)))
    assert not words & CLASS.keys()
    assert {"bob", "cat", "dan"} <= set(re.findall(r"\w+", insights_page(found, names=True)))


def test_what_to_take_up_comes_first(found):
    text = insights_page(found)
    first = text[text.index("To discuss in class") : text.index("How far they got")]
    assert "<b>3 of 9</b>: double: it is not doubled." in first
    assert "try: x + x, or 2 * x" in first
    assert "<b>2 of 9</b> did not start" in first


@pytest.mark.parametrize("start", FORMULAS)
def test_the_command_writes_a_page_and_a_table_without_formulas(tmp_path, capsys, start):
    course = toy_course(tmp_path)
    recorder = Recorder(course, TOY)
    recorder.register()
    for student in ("ada", "=bob"):
        submit(course, student)
        made = result(student, wrong("AssertionError", f"{start}HYPERLINK(1)"))
        recorder.results.put(made)
        recorder.record(made)
    assert main(["insights", TOY, "--names", "--root", str(tmp_path)]) == 0
    assert "2 of 2" in capsys.readouterr().out
    assert (tmp_path / f"insights-{TOY}.html").is_file()
    with (tmp_path / f"insights-{TOY}.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [
        cell for cell in cells if cell.startswith(tuple(FORMULAS)) or cell[:1] in "=+@" if cell
    ]


def test_nothing_graded_is_a_problem(tmp_path):
    with pytest.raises(CourseProblem, match="make grade"):
        insights(toy_course(tmp_path), TOY)


def test_an_exercise_has_the_heading_above_it_its_answers_and_all_tests_behind(tmp_path):
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell
    from toy_course import metadata, source

    course, book = toy_course(tmp_path), source()
    test = {"grade": True, "locked": True, "points": 1}
    text = "## The `first`\n```\n# no heading\n```"
    book.cells[0:0] = [new_markdown_cell(text), new_markdown_cell("No heading.")]
    book.cells.insert(4, new_markdown_cell("# Another"))
    book.cells.append(new_code_cell("1", metadata=metadata("again", solution=True)))
    book.cells.append(new_code_cell("1", metadata=metadata("test_again", **test)))
    nbformat.write(book, course.root / "solutions" / TOY / "toy.ipynb")
    made = exercises(Assignment.read(Course.open(tmp_path), TOY))
    assert [(one.title, one.graded, one.points) for one in made] == [
        ("The first", ("test_double", "test_more"), 5),
        ("Another (why)", ("why",), 4),
        ("Another (test_again)", ("test_again",), 1),
    ]
    assert [list(one.stubs) for one in made] == [["double"], ["why"], ["again"]]
