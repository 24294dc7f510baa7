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
def test_errors_of_the_course_itself_are_left_alone(error):
    with pytest.raises(type(error)), skip_unfinished():
        raise error


def stopped(*cells):
    """Run a notebook's cells, of which the last one stops; return what it says."""
    names = {"__name__": "__main__", "skip_unfinished": skip_unfinished}
    *before, last = cells
    for cell in before:
        exec(cell, names)
    with pytest.raises(CheckFailed) as caught:
        exec(f"with skip_unfinished():\n    {last}", names)
    return str(caught.value).splitlines()


def test_an_error_in_a_function_of_the_notebook_is_a_calm_message_that_names_it():
    first, *others = stopped(
        "def other(x): return x",
        "def kl(x): return sorted([1, 2], key=lambda _: 1 // x)",
        "kl(0)",
    )
    assert first == "kl: it stops with ZeroDivisionError."
    assert "integer" in others[0]


def test_an_error_made_of_a_function_s_result_names_the_function():
    first, *others = stopped("def kl(x): return None", "def other(x): return x", "kl(1) + 1")
    assert first == "this cell stops with TypeError."
    assert "it cannot handle what kl returns" in "\n".join(others)


def test_an_error_in_a_class_of_the_notebook_names_the_functions_that_it_calls():
    vae = "class Vae:\n    def losses(self): return kl(1).mean()\nvae = Vae()"
    first, *others = stopped("def kl(x): return None", vae, "vae.losses()")
    assert first == "this cell stops with AttributeError."
    assert "what kl returns" in "\n".join(others)
