"""The student's cells run in one process, the tests in another; only data goes between them."""

import itertools
import re
import socket
import threading
from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.grading.cells import declared
from course_lib.grading.intake.merging import Merged
from course_lib.grading.processes import wire
from course_lib.grading.running.execution import Execution, execute
from course_lib.grading.running.hosts import HostClient
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.tiers import probe
from course_lib.grading.verdicts import filled

LIMITS = Limits(cell_seconds=120, memory=400 * 2**20, output=20_000, message=2**20)
SHORT = replace(LIMITS, cell_seconds=3)  # where that is to be exceeded


@pytest.fixture(scope="module")
def hosts():
    """Warm hosts behind the best walls that this machine has."""
    pair = HostClient("student", probe().name, []), HostClient("judge", probe().name, [])
    for host in pair:
        host.ask_to_import([])
    for host in pair:
        host.await_ready()
    yield pair
    for host in pair:
        host.close()


def student(source):
    return ("student", source)


def locked(source):
    return ("locked", source)


def test(source):
    return ("test", source)


test.__test__ = False
MARKS = {
    "student": {"grade": False, "solution": True, "locked": False},
    "locked": {"grade": False, "solution": False, "locked": True},
    "test": {"grade": True, "solution": False, "locked": True, "points": 1},
}


def notebook(*cells):
    made = []
    for number, (kind, source) in enumerate(cells):
        marks = {"nbgrader": {**MARKS[kind], "grade_id": f"c{number}"}} if kind in MARKS else {}
        made.append(new_code_cell(source, id=f"c{number}", metadata=marks))
    return new_notebook(cells=made)


def run(hosts, *cells, files=None, limits=LIMITS) -> Execution:
    book = notebook(*cells)
    return execute(book, declared(book), files or {}, {}, hosts, limits)


def error(result, number):
    """The error of a cell, as NAME: TEXT, or nothing."""
    outputs = result.outputs.get(f"c{number}", [])
    found = [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]
    return found[-1] if found else None


def passes(hosts, *cells, **more):
    result = run(hosts, *cells, **more)
    return [error(result, i) for i, (kind, _) in enumerate(cells) if kind == "test"]


def test_a_test_calls_functions_reads_data_and_asks(hosts):
    source = "def double(x): return [2 * v for v in x]\nK = {'a': (1, 2.5)}\nclass C:\n    n = 7"
    assert passes(
        hosts,
        student(source),
        test("assert double([1, 2]) == [2, 4]\nassert double(x=(3,)) == [6]"),
        test("assert K == {'a': (1, 2.5)}"),
        test("assert ask('C().n + k', k=1) == 8"),
        test("assert double([1]) == [3], 'one becomes two'"),
        test("from math import tau\nassert double([tau]) == [2 * tau]"),
    ) == [None, None, None, "AssertionError: one becomes two", None]


def test_names_that_nobody_has_and_objects_that_are_no_data_say_so(hosts):
    source = "class C:\n    n = 7\nc = C()\ndef f(x): return C()\ndef g(x): return x"
    found = passes(
        hosts,
        student(source),
        test("missing"),
        test("c.n"),
        test("f(1)"),
        test("g(lambda: 1)"),
        test("g.__code__"),
    )
    assert found[0] == "NameError: name 'missing' is not defined"
    assert "c is a C, which is not plain data" in found[1]
    assert "a C is not plain data" in found[2]
    assert "takes only data" in found[3]
    assert "the student's" in found[4]


def test_a_global_name_that_a_test_alone_binds_is_explained(hosts):
    source = "def f(): return rate\ndef g(): return other"
    first, own, foreign = passes(
        hosts, student(source), test("rate = 2\nf()"), test("f()"), test("g()")
    )
    said = "NameError: name 'rate' is not defined in your code: a test has a variable of that name"
    assert first.startswith(said)
    assert own == first
    assert foreign == "NameError: name 'other' is not defined"


def test_arguments_that_a_function_changes_are_changed_for_the_test_too(hosts):
    source = "def f(x, d):\n    x.append(3)\n    d['k'] = x"
    assert passes(
        hosts,
        student(source),
        test("x, d = [1], {}\nf(x, d)\nassert x == [1, 3]\nassert d == {'k': [1, 3]}"),
        test("x = [1]\nf(x=x, d={})\nassert x == [1, 3]"),
    ) == [None, None]


def test_errors_arrive_by_their_kind_and_text(hosts):
    source = (
        "class Odd(ValueError): pass\nclass Own(Exception): pass\n"
        "def f(n):\n    raise {0: ValueError('no'), 1: Odd('odd'), 2: Own('own'),"
        " 3: NotImplementedError('f: your code goes here')}[n]"
    )
    assert passes(
        hosts,
        student(source),
        test("try: f(0)\nexcept ValueError as e: assert str(e) == 'no'"),
        test("try: f(1)\nexcept ValueError as e: assert type(e).__name__ == 'Odd'"),
        test("f(2)"),
        test("f(3)"),
        test("try: f(9)\nexcept KeyError: pass"),
    ) == [None, None, "Own: own", "NotImplementedError: f: your code goes here", None]


def test_what_is_locked_or_imported_by_the_course_is_not_the_students_to_change(hosts):
    def cells(answer):
        return notebook(
            ("plain", "import math"),
            locked("def helper(x): return x + 1"),
            student(answer),
            test("assert helper(1) == 2 and math.floor(1.5) == 1 and len([1]) == 1"),
            locked("from math import floor"),
            test("assert floor(2.5) == 2 and f(1) == 1"),
        )

    answer = "def f(x): return x"
    book = cells(f"helper = math = len = lambda *a: 42\n{answer}")
    result = execute(book, declared(cells(answer)), {}, {}, hosts, LIMITS)
    assert [error(result, 3), error(result, 5)] == [None, None]


def test_a_test_sees_the_names_as_they_are_when_its_turn_comes(hosts):
    assert passes(
        hosts,
        student("def f(): return 1"),
        test("assert f() == 1"),
        student("def f(): return 2\nn = 5"),
        test("assert f() == 2 and n == 5"),
        student("del n"),
        test("n"),
    ) == [None, None, "NameError: name 'n' is not defined"]


def test_nothing_is_run_behind_the_last_cell_that_counts(hosts):
    result = run(hosts, student("n = 1"), test("assert n == 1"), ("plain", "print('never')"))
    assert result.outputs.keys() == {"c0", "c1"}


def test_files_lie_beside_the_notebook_and_can_be_imported(hosts):
    files = {"helper.py": b"N = 3", "data/x.txt": "é".encode()}
    source = "from helper import N\ntext = open('data/x.txt', encoding='utf8').read()"
    assert passes(hosts, student(source), test("assert N == 3 and text == 'é'"), files=files) == [
        None
    ]


def test_a_cell_that_takes_too_long_is_stopped_and_the_others_go_on(hosts):
    result = run(
        hosts,
        student("n = 1\nwhile True: pass"),
        test("assert n == 1"),
        student("import time\ndef slow(): time.sleep(1000)\ndef quick(): return 1"),
        test("slow()"),
        test("assert quick() == 1"),
        limits=SHORT,
    )
    assert error(result, 0) == "Timeout: the cell was stopped after 3 s"
    assert error(result, 1) is None
    assert re.fullmatch("TimeoutError: the call was stopped after [23] s", error(result, 3))
    assert error(result, 4) is None
    assert result.ending == "timed out"
    assert "longer than 3 s" in result.reason


def test_a_machine_that_stands_still_takes_nobodys_time(monkeypatch):
    clock = itertools.count(step=50)
    monkeypatch.setattr(wire, "monotonic", lambda: next(clock))
    here, there = socket.socketpair()
    with here, there:
        slow = threading.Timer(0.7, wire.Link(there).send, "R")
        slow.start()
        assert wire.Link(here).receive(0, 40) == ("R", b"")
        slow.join()
        with pytest.raises(TimeoutError):
            wire.Link(here).receive(0, 1)


def test_after_one_cell_ran_out_of_time_the_others_get_less(hosts, monkeypatch):
    monkeypatch.setattr("course_lib.grading.running.execution.AT_LEAST", 1.0)
    loop = "def loop():\n    while True: pass"
    limits = Limits(cell_seconds=5)
    result = run(hosts, student(loop), test("loop()"), test("loop()"), limits=limits)
    assert re.fullmatch("TimeoutError: the call was stopped after [45] s", error(result, 1))
    assert re.fullmatch("TimeoutError: the call was stopped after [01] s", error(result, 2))
    assert result.reason == "the cell c1 ran longer than 5 s and was stopped"


def test_when_the_whole_time_is_over_nothing_of_the_students_runs(hosts):
    stubborn = "import time\ntry:\n    time.sleep(1000)\nexcept KeyboardInterrupt:\n    n = 1"
    limits = replace(LIMITS, cell_seconds=20, seconds=4)
    result = run(hosts, student(stubborn), student("n = 2"), test("ask('n')"), limits=limits)
    assert result.reason == "the notebook ran longer than 4 s and was stopped"
    assert error(result, 1) == f"NotRun: not run: {result.reason}"
    assert error(result, 2) == f"StudentGone: the code is no longer running: {result.reason}"


def test_a_test_that_does_not_end_counts_as_time_of_the_code(hosts, monkeypatch):
    monkeypatch.setattr("course_lib.grading.running.execution.GRACE", 1.0)
    source = "def f(): return range(10**15)"
    result = run(hosts, student(source), test("for x in f(): pass"), limits=SHORT)
    assert result.ending == "timed out"
    assert result.reason == "the cell c1 ran longer than 3 s and was stopped"


def test_code_that_cannot_be_interrupted_is_killed_and_its_tests_say_so(hosts):
    source = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    cells = student("def f(): return 1"), student(source), test("f()")
    result = run(hosts, *cells, limits=SHORT)
    assert result.ending == "timed out"
    assert "is no longer running" in error(result, 2)


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("import os\nos._exit(0)", "crashed"),
        ("import ctypes\nctypes.string_at(0)", "crashed"),
        ("x = bytearray(700 * 2**20)", "graded"),  # a MemoryError, and life goes on
    ],
)
def test_an_end_of_the_process_is_told_and_not_more(hosts, source, ending):
    result = run(hosts, student("def f(): return 1"), student(source), test("f()"))
    assert result.ending == ending
    assert (error(result, 2) is None) == (ending == "graded")


def test_memory_of_all_processes_together_is_limited(hosts):
    source = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        x = b'x' * (200 * 2**20)\n"
        "        time.sleep(1000)\n"
        "time.sleep(1000)"
    )
    result = run(hosts, student(source))  # none of them alone reaches the limit
    assert (result.ending, error(result, 0)[:4]) == ("out of memory", "Gone")


def test_what_a_cell_shows_is_cut_to_size(hosts):
    flood = "for i in range(10**5): print(i)\nprint('x' * 10**7)"
    result = run(hosts, student(flood), student("raise ValueError('y' * 10**7)"), test("1"))
    for number in (0, 1):
        assert len(str(result.outputs[f"c{number}"])) < 3 * LIMITS.output
    assert result.ending == "graded"


def test_what_a_call_prints_can_be_looked_at(hosts):
    source = "def hello(name):\n    print('hello', name)\n    print('é', end='')\n    return 1"
    listen = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n"
    heard = f"{listen}    assert hello('you') == 1\nassert out.getvalue() == 'hello you\\né'"
    result = run(hosts, student(source), test(heard), test("hello('me')"))
    assert error(result, 1) is None
    assert result.outputs["c2"][0]["text"] == "hello me\né"


@pytest.mark.parametrize("flood", ["print('x' * 10**7)", "[print(i) for i in range(10**5)]"])
def test_nothing_that_is_printed_takes_the_place_of_partial_credit(hosts, flood):
    source = f"def f():\n    {flood}\n    return 'y' * 10**5"
    own = test("f()\nprint('of the test')\n0.25")
    result = run(hosts, student(source), own, test("print(f())\nf()\n0.25"))
    assert "of the test" in str(result.outputs["c1"])
    for number in (1, 2):
        values = [o for o in result.outputs[f"c{number}"] if o["output_type"] == "execute_result"]
        assert [value["data"]["text/plain"] for value in values] == ["0.25"]
        assert len(str(result.outputs[f"c{number}"])) < 3 * LIMITS.output


def test_an_answer_that_is_too_large_ends_it(hosts):
    result = run(hosts, student("def f(): return 'z' * 2**22"), test("f()"), test("f()"))
    assert result.ending == "crashed"
    assert "more data than a message may hold" in result.reason
    assert error(result, 2) is not None


def test_a_tests_value_and_prints_are_kept(hosts):
    result = run(hosts, student("n = 0.5"), test("print('seen')\nn"))
    kinds = [output["output_type"] for output in result.outputs["c1"]]
    assert kinds == ["stream", "execute_result"]
    assert result.outputs["c1"][1]["data"]["text/plain"] == "0.5"


def test_sessions_are_strangers_to_each_other(hosts):
    leave = "open('/tmp/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')"
    run(hosts, student(leave), test("1"))
    look = "import os\nfound = os.path.exists('/tmp/left') or os.path.exists('/dev/shm/left')"
    if probe().name == "full":
        assert passes(hosts, student(look), test("assert not found")) == [None]


DESCRIPTORS = """
import os, stat
null, kinds = os.stat("/dev/null").st_rdev, {}
for n in range(256):
    try:
        about = os.fstat(n)
    except OSError:
        continue
    kinds[n] = "null" if about.st_rdev == null else oct(stat.S_IFMT(about.st_mode))
streams = [kinds.get(n) for n in range(3)]
sockets = [n for n, kind in kinds.items() if kind == oct(stat.S_IFSOCK)]
others = {n: kind for n, kind in kinds.items() if kind != "null" and n not in sockets}
"""


@pytest.mark.skipif(probe().name == "limits", reason="no walls here")
def test_a_session_inherits_no_stream_and_no_descriptor_but_its_own_socket(hosts):
    """Neither the host's log, nor its control socket, nor what leads to another session."""
    neighbour = hosts[0].session(LIMITS, {})
    try:
        found = passes(
            hosts,
            student(DESCRIPTORS),
            test("assert streams == ['null'] * 3, streams"),
            test("assert len(sockets) == 1, sockets"),
            test("assert others == {}, others"),
        )
    finally:
        neighbour.close()
    assert found == [None] * 3


SQUARES = """
def squares(n): return [i * i for i in range(1, n + 1)]
def cubes(n): return [i ** 3 for i in range(1, n + 1)]
def total(n): return sum(squares(n))
def root(x): return math.sqrt(x)
"""
MATH = ("plain", "import math")


@pytest.mark.parametrize(
    "source",
    [
        # the name is put aside and back, as in the course that comes with nbgrader
        "kept = squares\ndel squares\ntry:\n    total(1)\nexcept NameError:\n    pass\n"
        "else:\n    raise AssertionError\nfinally:\n    squares = kept\nassert total(2) == 5",
        "kept = squares\ndel squares\nassert kept(2) == [1, 4]",
        "kept = math\ndel math\ntry:\n    root(9)\nexcept NameError:\n    pass\n"
        "else:\n    raise AssertionError\nfinally:\n    math = kept\nassert root(9) == 3",
        "squares = cubes\nassert total(2) == 9 and squares(2) == [1, 8]",
        "squares = 3\ntry:\n    total(2)\nexcept TypeError as e:\n    assert 'int' in str(e)\n"
        "else:\n    raise AssertionError",
        "squares = cubes\nassert ask('total(2)') == 9 and ask('squares(2)') == [1, 8]",
    ],
)
def test_a_test_may_take_away_or_replace_a_function_for_a_while(hosts, source):
    after = "assert squares(2) == [1, 4] and total(2) == 5"
    found = passes(hosts, MATH, student(SQUARES), test(source), test(after))
    assert found == [None, None]


def test_code_cannot_call_what_a_test_puts_in_place_of_a_function(hosts):
    [found] = passes(hosts, student(SQUARES), test("squares = lambda n: [7]\ntotal(2)"))
    assert found == "TypeError: squares is a function of the test, which the code cannot call"


def test_only_functions_of_the_courses_own_answers_may_be_replaced(hosts):
    source = "def total(n): return n\ndef check(x): pass"  # the course's answer has no check
    book = notebook(student(source), test("1/0\ndef check(x): assert x"), test("check(0)"))
    theirs = declared(notebook(student("def total(n): return 2 * n")))
    result = execute(book, theirs, {}, {}, hosts, LIMITS)
    assert error(result, 2) == "NameError: name 'check' is not defined"


def test_names_are_taken_from_answers_alone():
    book = notebook(
        ("plain", "def a(): pass"),
        locked("def b(): pass"),
        student("import re\ndef c():\n    def d(): pass\nif 1:\n    class E: pass\nf = lambda: 1"),
        test("def g(): pass"),
    )
    assert declared(book).answers == {"c2": (("E", "c"), ("f",))}


IMPORTS = ("plain", "from math import *\nfrom statistics import mean")


@pytest.mark.parametrize("right", [True, False])
def test_an_answer_is_tested_though_it_has_the_name_of_an_import_or_a_builtin(hosts, right):
    value = "2" if right else "0"
    answer = "\n".join(f"def {name}(*_): return {value}" for name in ("factorial", "mean", "pow"))
    tests = [test(f"assert {name}(2, 1) == 2") for name in ("factorial", "mean", "pow")]
    assert [e is None for e in passes(hosts, IMPORTS, student(answer), *tests)] == [right] * 3


def test_a_test_that_defines_a_name_of_an_answers_owns_it_from_then_on(hosts):
    own, use = test("def close(a, b): return abs(a - b) < 1e-9"), test("assert close(f(2), 4)")
    source = "def f(x): return 0\ndef close(a, b): return True"
    assert passes(hosts, student(source), own, use) == [None, "AssertionError: "]


def test_what_a_test_makes_of_a_name_ends_with_its_cell_though_the_answer_is_missing(hosts):
    answered = student("def squares(n): return []\ndef cubes(n): return [1, 8]")
    book = notebook(
        student("def cubes(n): return [1, 8]"), test("squares = cubes"), test("squares(2)")
    )
    result = execute(book, declared(notebook(answered)), {}, {}, hosts, LIMITS)
    assert error(result, 2) == "NameError: name 'squares' is not defined"


def test_a_function_of_a_test_reaches_the_students_from_later_cells(hosts):
    helper = test("def check(n): assert total(n) == 5")
    assert passes(hosts, student(SQUARES), helper, test("check(2)")) == [None, None]


def test_an_error_that_would_end_a_loop_unseen_is_seen(hosts):
    source = "class E(StopIteration): pass\ndef f(x): raise E"
    [found] = passes(hosts, student(source), test("assert all(map(f, [1, 2]))"))
    assert found.startswith("StudentError")


def test_an_argument_that_is_returned_is_that_argument(hosts):
    source = "import copy\ndef same(x): return x\ndef other(x): return copy.deepcopy(x)"
    use = (
        "a = [[1]]\nb = {}(a)\nb[0].append(2)\nassert (a == [[1, 2]]) == {}\nassert (a is b) == {}"
    )
    tests = test(use.format("same", True, True)), test(use.format("other", False, False))
    assert passes(hosts, student(source), *tests) == [None, None]


def test_what_a_function_says_of_itself_is_its_own(hosts):
    source = "def f(): 'Text.'\ndef g(): pass\nclass C: pass\nr = C()"
    tests = "assert f.__doc__ == 'Text.'", "assert g.__doc__", "assert r", "assert r != 0"
    found = passes(hosts, student(source), *map(test, tests))
    assert [e and e.split(":")[0] for e in found] == [
        None,
        "AssertionError",
        "TypeError",
        "TypeError",
    ]


def test_imports_of_answers_are_kept_apart_and_those_of_tests_left_out():
    book = notebook(
        ("plain", "import a\n%matplotlib inline\nfrom b import c as d"),
        locked("import a\nif True:\n    import hidden"),
        student("import e"),
        test("import f"),
        ("plain", "this is no Python"),
    )
    assert declared(book).imports == ("import a", "from b import c as d")
    assert declared(book).offered == ("import e",)


@pytest.mark.parametrize(
    ("tier", "many"), [("full", True), ("full", False), ("files", True), ("limits", True)]
)
def test_behind_any_walls_cells_are_run_and_judged_alike(tier, many):
    best = probe()
    if not best.at_least(tier) or (many and tier == "full" and not best.warm):
        pytest.skip(f"this machine cannot isolate: {'; '.join(best.reasons)}")
    pair = HostClient("student", tier, [], many), HostClient("judge", tier, [], many)
    try:
        for host in pair:
            host.ask_to_import(["json"])
        for host in pair:
            host.await_ready()
        source = "open('mine.txt', 'w').write('x')\ndef f(x): return [x, open('data.txt').read()]"
        outside = "import os\nfound = os.path.exists(PATH)\ntry: seen = open(PATH).read()\n"
        outside += "except OSError: seen = ''"
        cells = [
            locked(f"PATH = {__file__!r}"),
            student(source),
            test("assert f(2) == [2, 'y']"),
            student(outside),
            test(f"assert bool(seen) == {tier == 'limits'}"),
            student("raise SystemExit"),
            test("assert f(3)[0] == 4, 'four'"),
        ]
        found = passes(pair, *cells, files={"data.txt": b"y"})
        assert found == [None, None, "AssertionError: four"]
    finally:
        for host in pair:
            host.close()


def test_a_picture_keeps_the_size_at_which_it_is_shown(hosts):
    source = (
        "class P:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        data = {'image/png': 'iVBORw0KGgo=', 'text/html': '<script>1</script>'}\n"
        "        return data, {'image/png': {'width': 3, 'alt': 'x', 'height': 'tall'}}\nP()"
    )
    shown = run(hosts, student(source)).outputs["c0"]
    assert shown[0]["metadata"] == {"image/png": {"width": 3}}
    assert "text/html" not in shown[0]["data"]


@pytest.mark.parametrize(
    "kind", ["StopIteration", "GeneratorExit", "SystemExit", "KeyboardInterrupt"]
)
def test_no_error_of_a_function_ends_a_loop_or_the_judge_in_silence(hosts, kind):
    found = passes(
        hosts,
        student(f"def f(x): raise {kind}"),
        test("assert list(map(f, [1])) == []"),
        test("assert True"),
    )
    assert found[0].startswith("StudentError")
    assert found[1] is None


def test_a_failed_test_stays_failed_whatever_it_shows_before(hosts):
    flood = "print('x' * 10**6)\nraise ValueError('y' * 10**6)"
    source = "class E(ValueError): pass\nE.__name__ = 'z' * 10**6\ndef f(): raise E('w' * 10**6)"
    found = passes(hosts, student(source), test(flood), test("f()"))
    assert [text[:4] for text in found] == ["Valu", "zzzz"]


def test_variables_of_one_test_are_there_in_the_next(hosts):
    assert passes(
        hosts,
        student("reach = 5\ndef f(x): return x"),
        test("reach = f(2)\nlimits = [reach for reach in (1, 9)]"),
        test("assert reach == 2 and limits == [1, 9]"),
    ) == [None, None]


def test_a_name_of_a_locked_cell_that_fails_is_not_the_students(hosts):
    assert passes(
        hosts,
        student("TOLERANCE = 1e9\ndef f(): raise ValueError"),
        locked("f()\nTOLERANCE = 1e-6"),
        test("assert TOLERANCE == 1e-6"),
    ) == ["NameError: name 'TOLERANCE' is not defined"]


def test_a_test_that_was_never_reached_has_failed(hosts):
    result = run(hosts, student("import os\nos._exit(0)"), test("1"), test("assert True"))
    assert result.ending == "crashed"
    assert error(result, 1) is None  # it asks nothing of the student
    made = filled(
        Merged(notebook(test("1"), student("2"), ("plain", "3")), [], False, {}), {"c1": []}
    )
    kinds = [[output["output_type"] for output in cell["outputs"]] for cell in made["cells"]]
    assert kinds == [["error"], [], []]
