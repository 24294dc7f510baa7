"""No points for what is not handed in: nothing of an answer of the course's reaches the judge."""

import ast

import pytest
from test_execution import LIMITS, error, hosts, locked, notebook, passes, student, test

from course_lib.grading.cells import declared
from course_lib.grading.running.execution import execute

__all__ = ["hosts"]

# For every kind of statement: an answer that needs it, and a test that only such an answer passes.
ANSWERS = {
    "Import": ("import math", "assert math.sqrt(4) == 2"),
    "ImportFrom": ("from math import floor", "assert floor(4.5) == 4"),
    "FunctionDef": ("def mean(x): return 1", "assert mean(1) == 1"),
    "AsyncFunctionDef": ("async def f(): pass", "assert ask('f.__name__') == 'f'"),
    "ClassDef": ("class C:\n    n = 7", "assert ask('C.n') == 7"),
    "Return": ("def f():\n    return 5", "assert f() == 5"),
    "Delete": ("x = y = 1\ndel x", "assert y == 1"),
    "Assign": ("mean = 3", "assert mean == 3"),
    "TypeAlias": ("x = 1", "assert x == 1"),
    "AugAssign": ("x = 1\nx += 1", "assert x == 2"),
    "AnnAssign": ("x: int = 1", "assert x == 1"),
    "For": ("for x in range(3): pass", "assert x == 2"),
    "AsyncFor": (
        "async def g():\n    yield 4\nasync def f():\n    async for x in g(): return x\n"
        "x = await f()",
        "assert x == 4",
    ),
    "While": ("x = 0\nwhile x < 3: x += 1", "assert x == 3"),
    "If": ("if True:\n    def mean(x): return 2", "assert mean(1) == 2"),
    "With": ("import io\nwith io.StringIO('a') as x: x = x.read()", "assert x == 'a'"),
    "AsyncWith": (
        "import contextlib\n@contextlib.asynccontextmanager\nasync def g():\n    yield 4\n"
        "async def f():\n    async with g() as x: return x\nx = await f()",
        "assert x == 4",
    ),
    "Match": ("match 3:\n    case mean: pass", "assert mean == 3"),
    "Raise": ("def f():\n    raise ValueError('no')", "try: f()\nexcept ValueError: pass"),
    "Try": ("try: import math as m\nfinally: x = m.e", "assert 2 < x < 3"),
    "TryStar": ("try: x = 1\nexcept* ValueError: pass", "assert x == 1"),
    "Assert": ("x = 1\nassert x", "assert x == 1"),
    "Global": ("def f():\n    global mean\n    mean = 4\nf()", "assert mean == 4"),
    "Nonlocal": (
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n"
        "    g()\n    return x",
        "assert f() == 2",
    ),
    "Expr": ("[x := 5]", "assert x == 5"),
    "Pass": ("pass\nx = 1", "assert x == 1"),
    "Break": ("for x in range(3): break", "assert x == 0"),
    "Continue": ("for x in range(3): continue", "assert x == 2"),
    "a star": ("from math import *", "assert floor(4.5) == 4 and tau > 6"),
    "a submodule": ("import os.path", "assert os.path.basename('a/b') == 'b'"),
    "another name": ("import statistics as s", "assert s.median([1, 2, 9]) == 2"),
    "a line before": ("import math\ndef f(x): return x", "assert math.floor(f(2.5)) == 2"),
    "a class of a library": ("from collections import Counter", "assert Counter('aa')['a'] == 2"),
    "a number of a library": ("from math import pi", "assert 3 < pi < 4"),
    "a magic": ("%precision 3\nx = 1", "assert x == 1"),
    "a lambda": ("mean = lambda x: 7", "assert mean(1) == 7"),
    "a change in place": ("def f():\n    seen.append(3)\nf()", "assert seen == [3]"),
    "an entry": ("table['a'] = 1", "assert table == {'a': 1}"),
    "a name of a builtin": ("max = 7", "assert max == 7"),
}
STUBS = ("", "raise NotImplementedError", "# YOUR CODE HERE", "mean = None")
ELSE = ("plain", "from statistics import mean")  # what an answer may take the name of
SEEN = locked("seen, table = [], {}")


def handed_in(hosts, answer, given, tested):
    """The error of a test where the course's answer is one text and the student's another."""
    cells, own = (notebook(ELSE, SEEN, student(text), test(tested)) for text in (answer, given))
    return error(execute(own, declared(cells), {}, {}, hosts, LIMITS), 3)


def test_there_is_an_answer_of_every_kind_of_statement():
    kinds = {kind.__name__ for kind in ast.stmt.__subclasses__()}
    assert kinds - ANSWERS.keys() == set()
    for kind, (answer, _) in ANSWERS.items():
        if kind in kinds - {"TypeAlias"} and "%" not in answer:
            assert any(type(node).__name__ == kind for node in ast.walk(ast.parse(answer))), kind


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_answer_gets_the_points_and_no_stub_does(hosts, kind):
    answer, tested = ANSWERS[kind]
    assert handed_in(hosts, answer, answer, tested) is None
    for stub in STUBS:
        assert handed_in(hosts, answer, stub, tested) is not None, stub


@pytest.mark.parametrize(
    ("answer", "given", "tested"),
    [
        ("import math", "math = [1]", "assert math"),
        ("from math import isclose", "def isclose(*a): return True", "assert isclose(1, 2)"),
        ("from math import *", "def isclose(*a): return True", "assert isclose(1, 2)"),
        ("import math", "import cmath as math", "assert math.isclose(1, 1)"),
        ("from math import pi", "pi = 3", "assert pi"),
    ],
)
def test_what_an_answer_imports_is_used_as_the_judges_own_or_not_at_all(
    hosts, answer, given, tested
):
    found = handed_in(hosts, answer, given, tested)
    assert "is not what the course's own answer imports" in found


def test_an_import_of_an_answer_that_is_the_stubs_too_stays(hosts):
    answer = "import math\ndef f(x): return x"
    stub = "import math\ndef f(x): raise NotImplementedError"
    assert handed_in(hosts, answer, stub, "assert math.floor(2.5) == 2") is None
    assert handed_in(hosts, answer, stub, "assert math.floor(f(2.5)) == 2") is not None


def test_of_several_that_bind_a_name_the_last_one_counts(hosts):
    assert (
        passes(
            hosts,
            test("x = 1\ndef own(): return 'test'"),
            test("assert x == 1"),
            student("x = 2\ndef own(): return 'answer'"),
            test("assert x == 2 and own() == 'answer'"),
            locked("x = 3"),
            test("assert x == 3"),
            student("x += 1"),
            test("assert x == 4"),
            test("x = 5\ndef own(): return 'test'"),
            test("assert x == 5 and own() == 'test'"),
        )
        == [None] * 7
    )


def test_what_a_test_binds_is_nobodys_but_where_an_answer_of_the_courses_binds_it(hosts):
    own = notebook(test("expected = 1"), student("expected = 2"), test("assert expected == 1"))
    course = notebook(test("expected = 1"), student("pass"), test("assert expected == 1"))
    result = execute(own, declared(course), {}, {}, hosts, LIMITS)
    assert error(result, 2) is None


def test_an_import_that_fails_takes_no_other_along(hosts):
    cells = ("plain", "from google.colab import drive\nimport no_such_module, math")
    found = passes(hosts, cells, ("plain", "import math"), test("assert math.tau > 6"))
    assert found == [None]
