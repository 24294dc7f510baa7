"""The process that runs the test cells, and never runs a line of a student's code.

A name that the tests use and that is not theirs is looked up in the student's process. Data comes
over as data; a function as a stand-in, whose call sends the arguments there and the result back.
So a test is written as for the student's own notebook, and a patched library, a rebound name or
an object that equals everything stays on the other side.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import sys
from collections.abc import Callable
from typing import Any

from course_lib.grading.processes.codec import NotData, decode, encode
from course_lib.grading.processes.shell import Shell

__all__ = ["Judge", "StudentError"]


class StudentError(Exception):
    """An error of a student's function, of a kind that the judge does not know."""


class StandIn:
    """A student's function, called from afar.

    Args:
        name: its name there.
        question: sends a question to the student's process and returns the answer.
    """

    def __init__(self, name: str, question: Callable[[dict[str, Any]], Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self._question = question

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result of the call, with the arguments changed as the call changed them."""
        request = {"do": "call", "name": self.__name__, "args": list(args), "kwargs": kwargs}
        try:
            answer = self._question(request)
        except NotData as error:
            raise TypeError(f"{self.__name__} takes data alone here: {error}") from None
        for i, now in dict(answer.get("changed", {})).items():
            _change((*args, *kwargs.values())[i], now)
        return answer["value"]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__dict__.get('__name__')} is the student's: a test may call it or ask about it,"
            f" but not use its {name}"
        )


class NoData:
    """What stands for a student's object that is neither data nor can be called."""

    def __init__(self, name: str, kind: str) -> None:
        self._text = f"{name} is a {kind}, which is no plain data: a test must ask about it"

    def __getattr__(self, name: str) -> Any:
        raise TypeError(self.__dict__["_text"])


class Judge:
    """What the judge's process does with each message.

    Args:
        shell: where the test cells run.
        room: bytes of output that a cell may show.
        ask_student: sends encoded bytes to the student's process, returns the encoded answer.
    """

    def __init__(self, shell: Shell, room: int, ask_student: Callable[[bytes], bytes]) -> None:
        self.shell, self.room, self._send = shell, room, ask_student
        self._wanted: set[str] = set()
        self._borrowed: set[str] = set()
        self.kinds: dict[str, Callable[[Any], Any]] = {"X": self.run, "L": self.prepare}

    def prepare(self, request: dict[str, Any]) -> Any:
        """Run a locked cell, or the imports of a notebook, whose names are then the judge's own."""
        self._wanted |= _names(request["source"])
        if request.get("borrow", True):
            with contextlib.suppress(Exception):  # the course's cell then goes without
                self._borrow(_names(request["source"]))
        answer = self._show(request["source"])
        self._borrowed -= _bound(request["source"])
        return answer

    def run(self, request: dict[str, Any]) -> Any:
        """Run a test cell and return what it showed."""
        try:
            self._borrow(self._wanted | _names(request["source"]))
        except Exception as error:  # whatever a hostile process may answer
            name, text = type(error).__name__, str(error)
            shown = {"output_type": "error", "ename": name, "evalue": text, "traceback": [text]}
            return {"outputs": [shown], "failure": name}
        return self._show(request["source"])

    def _show(self, source: str) -> dict[str, Any]:
        shown, failure = self.shell.show(source, self.room)
        here = self.shell.user_ns
        if "ask" not in here or getattr(here["ask"], "__module__", "").endswith("checks.ask"):
            here["ask"] = self.ask
        return {"outputs": shown, "failure": failure}

    def ask(self, expression: str, **data: Any) -> Any:
        """Return the value of an expression, evaluated where the student's names are known."""
        return self.question({"do": "ask", "expression": expression, "data": data})["value"]

    def question(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the student's answer to a question.

        Raises:
            Exception: what the student's code raised: of the same kind if it is a built-in one.
        """
        try:
            answer = decode(self._send(encode(request)))
        except NotData as error:
            if request["do"] == "call":
                raise
            raise TypeError(str(error)) from None
        if not isinstance(answer, dict) or not ("error" in answer or "value" in answer):
            raise StudentError("the answer of the student's process makes no sense")
        if "error" in answer:
            raise _error(answer)
        return answer

    def _borrow(self, names: set[str]) -> None:
        """Look the names up in the student's process, those that are not the judge's own."""
        here = self.shell.user_ns
        for name in self._borrowed:
            here.pop(name, None)
        foreign = sorted(name for name in names if name not in here and not hasattr(builtins, name))
        self._borrowed = set(foreign)
        if not foreign:
            return
        found = self.question({"do": "look", "names": foreign})["value"]
        for name in foreign:
            kind, value = found.get(name, ("missing", None))
            if kind == "callable":
                here[name] = StandIn(name, self.question)
            elif kind == "other":
                here[name] = NoData(name, str(value))
            elif kind == "data":
                here[name] = value


def _names(source: str) -> set[str]:
    """The names that a cell reads."""
    return {node.id for node in ast.walk(_parse(source)) if isinstance(node, ast.Name)}


def _bound(source: str) -> set[str]:
    """The names that a cell gives a value of its own."""
    found = set()
    for node in ast.walk(_parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return found


def _parse(source: str) -> ast.AST:
    lines = [line for line in source.split("\n") if not line.lstrip().startswith(("%", "!"))]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.parse("")


def _error(answer: dict[str, Any]) -> Exception:
    """The error that an answer tells of: of a built-in kind, or one that bears its name."""
    kinds = [kind for kind in answer["error"] if isinstance(kind, str)]
    text = str(answer.get("text", ""))
    if not kinds or kinds[0] in ("KeyboardInterrupt", "SystemExit", "GeneratorExit"):
        return StudentError(f"the code stopped: {' '.join([*kinds[:1], text])}")
    for kind in kinds:
        known = getattr(builtins, kind, None)
        if isinstance(known, type) and issubclass(known, Exception) and known is not Exception:
            try:
                return known(text) if kind == kinds[0] else type(kinds[0], (known,), {})(text)
            except Exception:  # such as UnicodeDecodeError, which wants more than a text
                continue
    return type(kinds[0], (StudentError,), {})(text)


def _change(old: Any, now: Any) -> None:
    """Make an argument what the call made of it, in place; what cannot be changed stays."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch and isinstance(old, torch.Tensor) and isinstance(now, torch.Tensor):
        if old.shape == now.shape and old.dtype == now.dtype:
            with torch.no_grad():
                old.copy_(now)
    elif numpy and isinstance(old, numpy.ndarray) and isinstance(now, numpy.ndarray):
        if old.shape == now.shape and old.dtype == now.dtype:
            old[...] = now
    elif type(old) is type(now) and isinstance(old, list):
        old[:] = now
    elif type(old) is type(now) and isinstance(old, dict | set):
        old.clear()
        old.update(now)
