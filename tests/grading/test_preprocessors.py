"""The verdict on a test cell is its error, and nothing else; feedback shows its message alone."""

from copy import deepcopy

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.utils import determine_grade

from course_lib.grading.preprocessors import FairVerdict, MessagesOnly

ERROR = new_output(
    "error", ename="AssertionError", evalue="x is off", traceback=["...", "assert secret == 1"]
)
STDERR = new_output("stream", name="stderr", text="UserWarning")
VALUE = new_output("execute_result", data={"text/plain": "4"}, execution_count=1)


def cell_with(*outputs, grade=True):
    flags = {"grade": grade, "solution": False, "locked": True, "grade_id": "t", "points": 4}
    return new_code_cell("1", outputs=deepcopy(list(outputs)), metadata={"nbgrader": flags})


def through(preprocessor, cell):
    notebook, _ = preprocessor().preprocess(new_notebook(cells=[cell]), {})
    return notebook.cells[0]


@pytest.mark.parametrize(
    ("outputs", "points"),
    [
        ((), 4),
        ((STDERR,), 4),
        ((VALUE,), 4),
        ((ERROR,), 0),
        ((VALUE, ERROR), 0),
        ((STDERR, ERROR), 0),
    ],
)
def test_points_follow_the_error_alone(outputs, points):
    assert determine_grade(through(FairVerdict, cell_with(*outputs)))[0] == points


def test_what_was_printed_is_kept():
    assert through(FairVerdict, cell_with(STDERR, ERROR)).outputs[0].text == "UserWarning"


def test_traceback_of_a_test_is_cut_to_its_message_and_others_stay():
    cut = through(MessagesOnly, cell_with(ERROR)).outputs[0].traceback
    assert cut == ["AssertionError: x is off"]
    assert through(MessagesOnly, cell_with(ERROR, grade=False)).outputs[0].traceback[0] == "..."
