"""Grade an assignment in this process: its real cells, in order, in a namespace of their own."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jupytext
from torch import Tensor

from course_lib.checks.ask import evaluate
from course_lib.notebooks.release import NameStubs

ROOT = Path(__file__).parents[2]
ANSWER = re.compile(r"^( *)### BEGIN SOLUTION.*?### END SOLUTION", re.MULTILINE | re.DOTALL)
VISIBLE = re.compile(r"check\.(\w+)\(")


@dataclass(frozen=True)
class Cell:
    """One code cell that matters to a grade; kind is locked, solution, visible or test."""

    kind: str
    exercise: str
    points: float
    source: str


@dataclass(frozen=True)
class Answer:
    """One entry of the corpus.

    Attributes:
        message: what a wrong answer must be told; empty for a right answer.
        named: whether that is the whole headline, as for every mistake that the checks know.
    """

    exercise: str
    name: str
    source: str
    message: str = ""
    named: bool = False

    def explains(self, error: Exception) -> bool:
        """Return whether the error is the message that this answer must get."""
        text = str(error)
        if self.named:
            return text.splitlines()[0] == f"{self.exercise}: {self.message}"
        return text.startswith(f"{self.exercise}: ") and self.message in text

    def __str__(self) -> str:
        return f"{self.exercise}-{self.name}"


@dataclass(frozen=True)
class Outcome:
    """What one check or test cell did: its error, if any, and what it wrote to stderr."""

    error: Exception | None
    stderr: str


def cells(assignment: str) -> list[Cell]:
    """Return the cells of solutions/NAME/NAME.py that a grader runs, hidden tests included."""
    path = ROOT / "solutions" / assignment / f"{assignment}.py"
    found = []
    for cell in jupytext.read(path, fmt="py:percent").cells:
        if cell.cell_type != "code":
            continue
        kind, name = cell.metadata.get("grade"), cell.metadata.get("grade_id", "")
        visible = VISIBLE.match(cell.source)
        if kind is None and visible:
            kind, name = "visible", visible[1]
        if kind:
            exercise = name.removeprefix("test_")
            found.append(Cell(kind, exercise, cell.metadata.get("points", 0), cell.source))
    return found


def corpus(assignment: str) -> list[Answer]:
    """Return every right and wrong answer written down for an assignment.

    Those that the checks name stand beside the checks, the others here.
    """
    topic = assignment.split("_", 1)[1]
    beside_the_checks = sorted((ROOT / "course_lib" / "checks" / topic).glob("*.toml"))
    here = sorted((Path(__file__).parent / assignment).glob("*.toml"))
    return [answer for path in [*beside_the_checks, *here] for answer in _answers(path)]


def _answers(path: Path) -> list[Answer]:
    groups = tomllib.loads(path.read_text(encoding="utf-8"))
    mistakes = [
        Answer(path.stem, f"mistake_{number}", entry["source"], entry["headline"], named=True)
        for number, entry in enumerate(groups.pop("mistake", []), start=1)
    ]
    return mistakes + [
        Answer(path.stem, entry["name"], entry["source"], entry.get("message", ""))
        for group in groups.values()
        for entry in group
    ]


def as_released(cell: Cell) -> str:
    """Return the source of a solution cell as a student receives it."""
    return NameStubs().named(ANSWER.sub(rf"\1{NameStubs.stub}", cell.source))


def grade(
    notebook: list[Cell], answers: Mapping[str, str], *, released: bool = False, only: str = ""
) -> dict[tuple[str, str], Outcome]:
    """Run the notebook with some answers replaced.

    Args:
        notebook: the cells, in order.
        answers: sources by exercise; the others keep the reference.
        released: whether they have the stub instead.
        only: the exercise whose cells check something; all, if empty.

    Returns:
        The outcome of each cell that checks something, by (kind, exercise).
    """
    outcomes = {}
    with _main_module() as namespace:
        for cell in notebook:
            source = cell.source
            if cell.kind in ("visible", "test") and only not in ("", cell.exercise):
                continue
            if cell.kind == "solution":
                source = answers.get(cell.exercise, as_released(cell) if released else source)
            outcome = _run(source, namespace)
            if cell.kind in ("visible", "test"):
                outcomes[cell.kind, cell.exercise] = outcome
            elif outcome.error is not None:
                raise outcome.error
    return outcomes


class Distant:
    """A stand-in for a student's function in another process: data in, data out, nothing else."""

    def __init__(self, namespace: dict[str, object], name: str) -> None:
        self._call = lambda *inputs: namespace[name](*_as_data(inputs))

    def __call__(self, *inputs: object) -> object:
        return _as_data(self._call(*_as_data(inputs)))

    def __getattr__(self, name: str) -> object:
        raise TypeError(f"a test cell used {name} of a student's function")


def _as_data(value: object) -> object:
    """Return what crosses between two processes: values, without graphs or identity."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple | list):
        return type(value)(_as_data(part) for part in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} is not data")


def grade_at_a_distance(
    notebook: list[Cell], answers: Mapping[str, str], *, released: bool = False, only: str = ""
) -> dict[str, Outcome]:
    """Run the test cells in a namespace that reaches the answers only by data and by ``ask``.

    Args:
        notebook: the cells, in order.
        answers: sources by exercise; the others keep the reference.
        released: whether they have the stub instead.
        only: the exercise whose test cell runs; all, if empty.

    Returns:
        The outcome of each test cell, by exercise.
    """
    student: dict[str, object] = {}
    for cell in notebook:
        if cell.kind in ("locked", "solution"):
            stub = as_released(cell) if released else cell.source
            _run(answers.get(cell.exercise, stub), student)

    def distant_ask(expression: str, **data: object) -> object:
        values = {name: _as_data(value) for name, value in data.items()}
        return _as_data(evaluate(expression, student, values))

    judge: dict[str, object] = {}
    for cell in notebook:
        if cell.kind == "locked":
            _run(cell.source, judge)
        elif cell.kind == "solution":
            judge[cell.exercise] = Distant(student, cell.exercise)
    judge["ask"] = distant_ask
    tests = [cell for cell in notebook if cell.kind == "test" and only in ("", cell.exercise)]
    return {cell.exercise: _run(cell.source, judge) for cell in tests}


@contextlib.contextmanager
def _main_module():
    """Let ``__main__`` be an empty module, as it is in a fresh kernel."""
    before, module = sys.modules["__main__"], types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        yield vars(module)
    finally:
        sys.modules["__main__"] = before


def _run(source: str, namespace: dict[str, object]) -> Outcome:
    error, stderr = None, io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(stderr):
        try:
            exec(compile(source, "<cell>", "exec"), namespace)
        except Exception as raised:
            error = raised
    return Outcome(error, stderr.getvalue())
