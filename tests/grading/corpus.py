"""Submissions that nobody should have to grade by hand: hostile, malformed, oddly named, harmless.

Each is made from the released toy notebook, and says what a right grader makes of it. Sources may
name places of the test's own world, such as ``@ROOT@``, the folder of the course.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

__all__ = ["CASES", "FILES", "HIDDEN", "MARKER", "MODEL_ANSWER", "TOKEN", "Case", "source"]

NAME = "ps0_toy"
FILE = f"{NAME}.ipynb"
MARKER, HIDDEN = "marker_of_the_solution_5521", "only the instructor reads this 9917"
MODEL_ANSWER, TOKEN = "the model answer 6604", "escaped_7f3a"
FILES = {
    "marking.py": "def close(a, b):\n    return abs(a - b) < 1e-9\n",
    "data/numbers.csv": "1,2,3\n",
}
FULL, ALL = 12, "graded"

SETUP = "import math\nfrom marking import close"
DOUBLE = f'''def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    # The sum of a number with itself is twice that number: so it is for whole numbers, for
    # fractions, for negative numbers and for zero, and even for vectors, which the tests of this
    # exercise do not try. Whoever reads this has read the solution, and nobody else would put it
    # in these words, at this length, with a variable of this name, which no student has heard of.
    {MARKER} = x + x
    return {MARKER}
    ### END SOLUTION'''
TEST_DOUBLE = f"""reach = 3
assert close(double(1.5), 3), "double(1.5) is three"
### BEGIN HIDDEN TESTS
# {HIDDEN}
hidden_input = -4321
assert double(hidden_input) == -8642, "it holds for negative numbers too"
### END HIDDEN TESTS"""
DEMO = "shown = double(4)\nTOLERANCE = 0.25"
TOTAL = '''def total(values):
    """Return the running totals of a list."""
    ### BEGIN SOLUTION
    return [sum(values[: i + 1]) for i in range(len(values))]
    ### END SOLUTION'''
TEST_TOTAL = """values = list(range(1, reach + 1))
found = total(values)
assert found == [1, 3, 6], f"the totals of 1, 2, 3 are 1, 3, 6, not {found}"
"""
SCALE = '''def scale(x):
    """Return three times x."""
    ### BEGIN SOLUTION
    return 3 * x
    ### END SOLUTION'''
TEST_SCALE = """difference = ask("scale(n) - n", n=10)
assert math.isclose(difference, 20, abs_tol=TOLERANCE), "scale(10) is 20 more than 10"
"""
RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "total": "from itertools import accumulate\ndef total(v):\n    return list(accumulate(v))",
    "scale": "def scale(x):\n    return 3 * x",
}
WRONG = {
    "double": "def double(x):\n    return 0",
    "total": "def total(values):\n    return []",
    "scale": "def scale(x):\n    return 0",
}

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src='javascript:alert(1)'>"
LINK = """
import os, stat, json, threading, time
def socket_of():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode): return fd
        except OSError: pass
def frame(text, kind=b"R", rest=b""):
    payload = len(text).to_bytes(4, "big") + text + rest
    return kind + len(payload).to_bytes(8, "big") + payload
def write(data):
    view = memoryview(data)
    while view: view = view[os.write(socket_of(), view):]
"""
STUDENT = """
import gc
from course_lib.grading.processes import codec, session, shell, student
"""
LOOK = """
import glob, os, sys
def leak(what, content): print("LEAK", what, str(content)[:3000])
def read(path):
    try: leak(path, open(path, errors="replace").read())
    except OSError: pass
"""
PLACES = """
import os, sys, glob
places = [os.path.expanduser("~/.ipython/profile_default/startup/0.py"), "/tmp/plant.py",
          os.path.expanduser("~/.bashrc"), "/tmp/work/marking.py", "/dev/shm/plant",
          os.path.expanduser("~/.config/matplotlib/matplotlibrc"),
          os.path.expanduser("~/.local/lib/python3.11/site-packages/usercustomize.py"),
          os.path.expanduser("~/.jupyter/nbgrader_config.py")]
"""
PARTS = {
    "LINK": LINK,
    "STUDENT": STUDENT,
    "LOOK": LOOK,
    "PLACES": PLACES,
    "SCRIPT": repr(SCRIPT),
}


def source() -> NotebookNode:
    """Return the instructor's notebook: tests of 3, 4 and 5 points, and a written answer of 2."""
    test = {"grade": True, "locked": True}
    cells = [
        _cell("setup", SETUP, locked=True),
        _cell("double", DOUBLE, solution=True),
        _cell("test_double", TEST_DOUBLE, points=3, **test),
        _cell("demo", DEMO, locked=True),
        _cell("total", TOTAL, solution=True),
        _cell("test_total", TEST_TOTAL, points=4, **test),
        _cell("scale", SCALE, solution=True),
        _cell("test_scale", TEST_SCALE, points=5, **test),
        _cell("why", MODEL_ANSWER, new_markdown_cell, grade=True, solution=True, points=2),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


def _cell(
    name: str, text: str, new: Callable[..., NotebookNode] = new_code_cell, **marks: object
) -> NotebookNode:
    keys = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return new(text, id=name, metadata={"nbgrader": {**keys, **marks, "grade_id": name}})


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes:
        name: of the case.
        category: what it tries.
        state: the state that its result must have.
        points: the points it must get; None if it cannot be graded.
        why: what it is, in a few words.
        make: lays it into a folder, given the notebook as released.
        student: the id, if it is not the name.
        knows: whether it holds the reference solution, having stolen it.
    """

    name: str
    category: str
    state: str
    points: float | None
    why: str
    make: Callable[[Path, NotebookNode, Callable[[str], str]], None]
    student: str = ""
    knows: bool = False

    @property
    def who(self) -> str:
        """The student's id."""
        return self.student or self.name


CASES: list[Case] = []
Change = Callable[[NotebookNode], NotebookNode | None]


def _solved(released: NotebookNode, name: str, answers: dict[str, str]) -> NotebookNode:
    """The released notebook with answers; a comment tells it from all others."""
    notebook = deepcopy(released)
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = answers[cell.id]
    notebook.cells[1].source += f"\n# {name}"
    notebook.cells[-1].source = "Because it is."
    return notebook


def _notebook(
    category: str,
    name: str,
    state: str,
    points: float | None,
    why: str,
    answers: dict[str, str],
    change: Change = lambda notebook: None,
    student: str = "",
    knows: bool = False,
) -> None:
    """Add a submission that is a notebook with answers, changed by a function."""

    def make(folder: Path, released: NotebookNode, fill: Callable[[str], str]) -> None:
        filled = {cell: fill(text) for cell, text in answers.items()}
        notebook = _solved(released, name, filled)
        notebook = change(notebook) or notebook
        folder.mkdir(parents=True)
        (folder / FILE).write_text(json.dumps(notebook))

    CASES.append(Case(name, category, state, points, why, make, student, knows))


def _read(text: str) -> None:
    """Add the submissions of ``hostile.txt``, whose one answer does more than it should."""
    for block in text.split("\n## ")[1:]:
        head, _, attack = block.partition("\n")
        (category, name), state, points, why, how = (
            part.split() if at == 0 else part.strip() for at, part in enumerate(head.split("|"))
        )
        base, at, *after = how.split()
        answers = {"right": RIGHT, "wrong": WRONG, "none": dict.fromkeys(RIGHT, "pass")}[base]
        for word, lines in PARTS.items():
            attack = attack.replace(f"@{word}@", lines)
        parts = [answers[at], attack] if after else [attack, answers[at]]
        answers = {**answers, at: "\n".join(parts)}
        _notebook(category, name, state, float(points), why, answers)


def _bytes(
    name: str, state: str, points: float | None, why: str, change: Callable[[bytes], bytes]
) -> None:
    """Add a submission whose file's bytes were changed."""

    def make(folder: Path, released: NotebookNode, fill: Callable[[str], str]) -> None:
        folder.mkdir(parents=True)
        text = nbformat.writes(_solved(released, name, RIGHT))
        (folder / FILE).write_bytes(change(text.encode()))

    CASES.append(Case(name, "malformed", state, points, why, make))


def _json(
    name: str, state: str, points: float | None, why: str, change: Callable[[dict], object]
) -> None:
    """Add a submission whose file's JSON was changed."""

    def changed(data: bytes) -> bytes:
        document = json.loads(data)
        new = change(document)
        return json.dumps(document if new is None else new).encode()

    _bytes(name, state, points, why, changed)


def _folder(
    category: str,
    name: str,
    state: str,
    points: float | None,
    why: str,
    lay: Callable[[Path, str, Callable[[str], str]], None],
    answers: dict[str, str] = RIGHT,
) -> None:
    """Add a submission whose files a function lays out, given the notebook's text."""

    def make(folder: Path, released: NotebookNode, fill: Callable[[str], str]) -> None:
        folder.mkdir(parents=True)
        lay(folder, nbformat.writes(_solved(released, name, answers)), fill)

    CASES.append(Case(name, category, state, points, why, make))


# ---- honest
for student in ("aaa_honest", "earlier_honest", "mmm_honest", "zzz_honest"):
    _notebook("honest", student, ALL, FULL, "right", RIGHT)
for student in ("aab_half", "earlier_half", "nnn_half"):
    _notebook("honest", student, ALL, 7, "right but for scale", {**RIGHT, "scale": WRONG["scale"]})
_notebook("honest", "honest_blank", ALL, 0, "nothing done", {})
_notebook("honest", "honest_wrong", ALL, 0, "everything wrong", WRONG)


_read((Path(__file__).parent / "hostile.txt").read_text())


def _edited(name: str, state: str, points: float, why: str, change: Change, base=WRONG) -> None:
    _notebook("tamper", name, state, points, why, base, change)


def _by_id(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in notebook.cells}


def _tests(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.id.startswith("test_")]


def _easier(notebook: NotebookNode) -> None:
    for cell in _tests(notebook):
        cell.source = "pass"


def _richer(notebook: NotebookNode) -> None:
    for cell in _tests(notebook):
        cell.metadata.nbgrader.points = 100


def _flags(notebook: NotebookNode) -> None:
    for cell in _tests(notebook):
        cell.metadata.nbgrader |= {"grade": False, "solution": True, "locked": False}


def _deleted(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if not cell.id.startswith("test_")]


def _duplicated(notebook: NotebookNode) -> None:
    copies = deepcopy(_tests(notebook))
    for cell in copies:
        cell.id, cell.source = f"{cell.id}-2", "pass"
    notebook.cells += copies


def _retyped(notebook: NotebookNode) -> None:
    for cell in _tests(notebook):
        cell.cell_type = "markdown"
        del cell["outputs"], cell["execution_count"]


def _reordered(notebook: NotebookNode) -> None:
    notebook.cells.reverse()


def _stripped(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata = {}


def _stripped_of_ids(notebook: NotebookNode) -> None:
    _stripped(notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"new{number}"


def _setup_edited(notebook: NotebookNode) -> None:
    _by_id(notebook)["setup"].source = "close = lambda *a: True\nimport math"


def _taken_over(notebook: NotebookNode) -> None:
    """An answer that bears a test's grade id."""
    cell = _by_id(notebook)["double"]
    cell.metadata.nbgrader.grade_id = "test_double"


def _stolen(notebook: NotebookNode) -> NotebookNode:
    return source()


def _outputs_forged(notebook: NotebookNode) -> None:
    for cell in _tests(notebook):
        result = nbformat.v4.new_output("execute_result", {"text/plain": "100"}, execution_count=1)
        cell.outputs = [result]


_edited("tests_edited", "tampered", 0, "easier tests", _easier)
_edited("points_edited", "tampered", 0, "more points", _richer)
_edited("flags_edited", "tampered", 0, "tests turned into answers", _flags)
_edited("tests_deleted", ALL, 0, "no tests", _deleted)
_edited("tests_duplicated", ALL, 0, "each test twice, the second easier", _duplicated)
_edited("tests_retyped", "tampered", 0, "tests as text", _retyped)
_edited("reordered", ALL, FULL, "cells in another order", _reordered, RIGHT)
_edited("stripped", ALL, FULL, "no metadata", _stripped, RIGHT)
_edited("stripped_of_ids", ALL, FULL, "neither metadata nor ids", _stripped_of_ids, RIGHT)
_edited("setup_edited", "tampered", 0, "another set-up cell", _setup_edited)
_edited("outputs_forged", ALL, 0, "outputs that say 100", _outputs_forged)
_edited("id_taken_over", "tampered", 9, "an answer under a test's grade id", _taken_over, RIGHT)
_notebook("tamper", "stolen", "copied", FULL, "the reference solution", {}, _stolen, knows=True)
COPY = """
def double(x):
    # A long way to say it, in words which two people would hardly choose by themselves,
    # one like the other, character by character, comments and all, in all three answers.
    # It goes on for as long as it must, for what is short may well be the same by chance:
    # a function of one line has few forms, and many students find the same one. A comment
    # has many forms, and this one is longer than all of the stubs that were given out.
    twice = x
    twice += x
    return twice"""


def _copy(notebook: NotebookNode) -> None:
    _by_id(notebook)["double"].source = COPY


for student in ("copied_a", "copied_b"):
    _notebook("tamper", student, "copied", FULL, "another's answers", RIGHT, _copy)


def _with_files(**files: str) -> Callable[[Path, str, Callable[[str], str]], None]:
    def lay(folder: Path, text: str, fill: Callable[[str], str]) -> None:
        (folder / FILE).write_text(text)
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return lay


SHADOW = "close = isclose = ask = lambda *a, **k: True\n"
_folder(
    "tamper",
    "shadow_modules",
    ALL,
    0,
    "modules that shadow the course's",
    _with_files(
        marking_py=SHADOW,
        math_py=SHADOW,
        torch_py=SHADOW,
        json_py="raise SystemExit",
        IPython__x_py="",
        course_lib__grading__processes__judge_py=SHADOW,
    ),
    WRONG,
)
_folder(
    "tamper",
    "file_in_place_of_folder",
    ALL,
    FULL,
    "a file named as the course's folder",
    _with_files(data="x"),
)
_folder(
    "tamper",
    "folder_in_place_of_file",
    ALL,
    FULL,
    "a folder named as the course's file",
    lambda folder, text, fill: (
        (folder / FILE).write_text(text),
        (folder / "marking.py").mkdir(),
        (folder / "marking.py" / "x").write_text("x"),
    ),
)

# ---- leak: each prints LEAK and what it got hold of


def _link_to(path: str, name: str) -> Callable[[Path, str, Callable[[str], str]], None]:
    def lay(folder: Path, text: str, fill: Callable[[str], str]) -> None:
        if name != FILE:
            (folder / FILE).write_text(text)
        os.symlink(fill(path), folder / name)

    return lay


READS = {**RIGHT, "double": f'{RIGHT["double"]}\nprint("LE" + "AK", open("notes.txt").read())'}
_folder(
    "leak",
    "linked_notebook",
    "malformed",
    None,
    "a link to the solution",
    _link_to(f"@ROOT@/solutions/{NAME}/{FILE}", FILE),
)
_folder(
    "leak",
    "linked_file",
    ALL,
    FULL,
    "a link to the solution as a data file",
    _link_to(f"@ROOT@/solutions/{NAME}/{FILE}", "notes.txt"),
    READS,
)
_folder("leak", "linked_folder", ALL, FULL, "a link to the whole course", _link_to("@ROOT@", "all"))


def _folder_is_link(folder: Path, released: NotebookNode, fill: Callable[[str], str]) -> None:
    folder.parent.mkdir(parents=True)
    os.symlink(fill(f"@ROOT@/solutions/{NAME}"), folder)


CASES.append(
    Case("linked_whole", "leak", "malformed", None, "the folder is a link", _folder_is_link)
)
_folder(
    "leak",
    "pipe",
    ALL,
    FULL,
    "a named pipe that nobody writes to",
    lambda folder, text, fill: (
        (folder / FILE).write_text(text),
        os.mkfifo(folder / "numbers.csv"),
    ),
)


# ---- malformed
GOOD: tuple[str, float] = (ALL, FULL)
BAD: tuple[str, None] = ("malformed", None)
_bytes("empty_file", *BAD, "no byte", lambda data: b"")
_bytes("blank_file", *BAD, "white space", lambda data: b" \n\n")
_bytes("truncated", *BAD, "half the upload", lambda data: data[: len(data) // 2])
_bytes("not_json", *BAD, "a Python file", lambda data: b"import math\nprint(1)\n")
_bytes("binary", *BAD, "random bytes", lambda data: bytes(range(256)) * 100)
_bytes("zeros", *BAD, "null bytes", lambda data: bytes(10_000))
_bytes("zip", *BAD, "an archive", lambda data: b"PK\x03\x04" + bytes(100))
_bytes("web_page", *BAD, "a web page", lambda data: b"<!DOCTYPE html><script>alert(1)</script>")
_bytes("deep", *BAD, "nested deeply", lambda data: b"[" * 300_000)
_bytes("deep_and_closed", *BAD, "nested deeply", lambda data: b'{"a":' * 200_000)
_bytes("digits", *BAD, "a number without end", lambda data: b'{"cells": ' + b"9" * 10_000 + b"}")
_bytes("bom", *GOOD, "a byte order mark", lambda data: b"\xef\xbb\xbf" + data)
_bytes("utf16", *GOOD, "UTF-16", lambda data: data.decode().encode("utf-16"))
_bytes("latin1", *GOOD, "a letter of Latin-1", lambda data: data.replace(b"it is.", b"\xe9 is."))
_bytes("crlf", *GOOD, "ends of lines of Windows", lambda data: data.replace(b"\n", b"\r\n"))
_bytes(
    "conflict",
    *BAD,
    "a merge conflict in the file",
    lambda data: data.replace(b'"cells"', b'<<<<<<< HEAD\n"cells"', 1),
)
_json(
    "nan_in_file",
    *GOOD,
    "NaN in the metadata",
    lambda document: document["metadata"].update(x=float("nan")),
)
_bytes("two_documents", *BAD, "twice in one file", lambda data: data + data)
_json("list", *BAD, "a list", lambda document: [document])
_json("number", *BAD, "a number", lambda document: 7)
_json("no_cells", *BAD, "no cells", lambda document: document.pop("cells") and None)
_json("cells_null", *BAD, "cells is null", lambda document: document.update(cells=None))
_json(
    "cells_odd",
    *GOOD,
    "things that are no cells",
    lambda document: document["cells"].extend([None, 3, [], {}, {"cell_type": 5, "source": {}}]),
)
_json("format_5", *BAD, "notebook format 5", lambda document: document.update(nbformat=5))
_json(
    "format_text", *GOOD, "a format that is a text", lambda document: document.update(nbformat="4")
)


def _format_3(document: dict) -> dict:
    for cell in document["cells"]:
        cell["input" if cell["cell_type"] == "code" else "source"] = cell.pop("source")
        cell["language"] = "python"
    metadata = {"name": ""}
    return {"nbformat": 3, "metadata": metadata, "worksheets": [{"cells": document["cells"]}]}


_json("format_3", *GOOD, "notebook format 3", _format_3)
_json("format_2", *GOOD, "notebook format 2", lambda d: _format_3(d) | {"nbformat": 2})


def _each(change: Callable[[dict], object]) -> Callable[[dict], None]:
    def changed(document: dict) -> None:
        for cell in document["cells"]:
            change(cell)

    return changed


for version in (1, 99, "x"):
    _json(
        f"schema_{version}",
        *GOOD,
        "another schema of nbgrader's metadata",
        _each(lambda c, v=version: c["metadata"]["nbgrader"].update(schema_version=v)),
    )
_json("duplicate_ids", *GOOD, "the same id in every cell", _each(lambda c: c.update(id="same")))
_json("no_metadata", *GOOD, "no metadata at all", _each(lambda c: c.pop("metadata")))
_json("metadata_list", *GOOD, "metadata that are a list", _each(lambda c: c.update(metadata=[1])))
_json(
    "source_list",
    *GOOD,
    "sources as lists of lines",
    _each(
        lambda c: c.update(
            source=c["source"] if isinstance(c["source"], list) else c["source"].splitlines(True)
        )
    ),
)
_json(
    "attachments",
    *GOOD,
    "attachments",
    lambda d: d["cells"][-1].update(attachments={"x.png": {"image/png": "AAAA"}}),
)
_json(
    "foreign_kernel",
    *GOOD,
    "a kernel that is not there",
    lambda d: d["metadata"].update(kernelspec={"name": "julia", "display_name": "J"}),
)


def _big_outputs(document: dict) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 25_000_000}
    document["cells"][1]["outputs"] = [output, output]


def _big_source(document: dict) -> None:
    cell = document["cells"][1]
    cell["source"] = "".join(cell["source"]) + "\n#" + "x" * 20_000_000


_json("outputs_50_mb", *GOOD, "outputs of 50 MB", _big_outputs)
_json("source_20_mb", *GOOD, "a cell of 20 MB", _big_source)


# ---- naming
def _as(*names: str) -> Callable[[Path, str, Callable[[str], str]], None]:
    def lay(folder: Path, text: str, fill: Callable[[str], str]) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    return lay


def _second_is_broken(folder: Path, text: str, fill: Callable[[str], str]) -> None:
    (folder / FILE).write_text(text)
    (folder / f"{NAME} (1).ipynb").write_text("{")


_folder("naming", "renamed_copy", ALL, FULL, "as a browser names it", _as(f"{NAME} (1).ipynb"))
_folder("naming", "renamed_txt", ALL, FULL, "with one more ending", _as(f"{FILE}.txt"))
_folder("naming", "renamed_wholly", ALL, FULL, "the only one", _as("Homework final FINAL.ipynb"))
_folder("naming", "renamed_case", ALL, FULL, "in capitals", _as("PS0_Toy.IPYNB"))
_folder("naming", "nested", ALL, FULL, "a folder deeper", _as(f"{NAME}/{FILE}"))
_folder("naming", "two_notebooks", ALL, FULL, "a second one, broken", _second_is_broken)
_folder("naming", "other_file", "missing", None, "no notebook", _as("answers.docx"))
_folder("naming", "empty_folder", "missing", None, "nothing", _as())
for number, student in enumerate(
    [
        "with space",
        "Zoë 学生",
        "[ab]*?",
        'o\'hara "x"',
        "-rf",
        "a..b",
        "x" * 200,
        "{student_id}",
        "%s%(x)s",
        "=1+1",
        "new\nline",
        "<img src=x onerror=alert(1)>",
        "$(touch @TOKEN@)",
        "a;b&c|d",
        "Doe, Jane",
        "eve@example.org",
        "007",
        "~root",
        "\\d+",
    ]
):
    _notebook("naming", f"id_{number}", ALL, FULL, "an odd id", RIGHT, student=student)

# ---- content


def _written(text: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[-1].source = text
        notebook.cells.insert(0, new_markdown_cell(text))

    return change


_notebook(
    "content",
    "script_in_answer",
    ALL,
    FULL,
    "script in a written answer",
    RIGHT,
    _written(f"{SCRIPT}\n\n[x](javascript:alert(1)) <a href='javascript:alert(1)'>y</a>"),
)
_notebook(
    "content",
    "script_in_code_fence",
    ALL,
    FULL,
    "script after a fence",
    RIGHT,
    _written(f"```\n</pre>{SCRIPT}\n```\n$\\href{{javascript:alert(1)}}{{x}}$"),
)
