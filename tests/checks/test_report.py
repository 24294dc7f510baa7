"""What the reader sees fits nbgrader's validator, says its piece in words, and never on stderr."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from course_lib.checks.report import (
    FIRST_LINE,
    LINE,
    CheckFailed,
    NotStarted,
    Passed,
    skip_unfinished,
)

LONG = "a sentence that goes on and on, " * 9


def test_lines_fit_whatever_comes():
    error = CheckFailed(LONG, got=LONG, expected="x" * 200, why=LONG + "\n" + LONG, hint=LONG)
    first, *others = str(error).splitlines()
    assert len(first) <= FIRST_LINE
    assert max(map(len, others)) <= LINE
    # The validator cuts at 87 characters, the name of the class and an indent included.
    assert max(len(f"    CheckFailed: {first}"), *(4 + len(line) for line in others)) <= 87


def test_labels_stand_in_one_column_and_continuations_under_their_text():
    error = CheckFailed("kl: wrong.", got="1", expected="2", why="a\nb", hint="c")
    assert str(error).splitlines() == [
        "kl: wrong.",
        "  got       1",
        "  expected  2",
        "  why       a",
        "            b",
        "  try       c",
    ]


def test_failure_counts_as_a_failed_assertion():
    assert issubclass(CheckFailed, AssertionError)
    assert issubclass(NotStarted, CheckFailed)


def test_ipython_shows_the_message_and_no_frames():
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    with capture_output() as shown:
        shell.run_cell(
            "from course_lib.checks.report import CheckFailed\n"
            "def inner(): raise CheckFailed('kl: wrong.', got='1')\n"
            "inner()"
        )
    assert shown.stdout.split("\n")[:2] == ["kl: wrong.", "  got       1"]
    assert "inner" not in shown.stdout
    assert shown.stderr == ""


def test_success_is_said_in_words_and_escaped(capsys):
    passed = Passed("kl", "a < b")
    passed.show()
    assert capsys.readouterr().out == "✓ kl: a < b\n"
    page = passed._repr_html_()
    assert "a &lt; b" in page
    assert "background" not in page


def test_unfinished_exercise_does_not_stop_the_notebook(capsys):
    with skip_unfinished():
        raise NotImplementedError
    assert capsys.readouterr().out.startswith("Not started yet: an exercise this cell needs.")


@pytest.mark.parametrize("error", [ValueError("x"), NotImplementedError("no kernel for Long")])
def test_other_errors_do(error):
    with pytest.raises(type(error)), skip_unfinished():
        raise error
