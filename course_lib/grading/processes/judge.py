"""The process that runs the test cells, and never runs a line of a student's code.

A name that the tests use but do not bind is looked up in the student's process. Data is passed as
data; a function becomes a stand-in, which sends the arguments there and returns the result. So
tests are written as for an ordinary notebook, while a patched library, a rebound name or an object
that equals everything stays in the student's process. A name that an answer of the course's own
notebook binds is the student's from that cell on, until a test or a locked cell binds it again. A
test may also delete or rebind the name of a function: during that cell, this holds in the student's
process too. What an answer imports is the judge's own, but only if the student has the same under
that name.
"""

from __future__ import annotations

import builtins
import contextlib
import re
from collections.abc import Callable
from typing import Any

from course_lib.grading.processes.codec import NotData, decode, encode
from course_lib.grading.processes.shell import Shell, origin
from course_lib.grading.processes.stand_ins import (
    LONGEST_NAME,
    NoData,
    StandIn,
    StudentError,
    error_of,
)
from course_lib.notebooks.names import bound_names, deferred_names, defined_names, free_names

__all__ = ["Judge"]

UNDEFINED = re.compile(r"name '(\w{1,100})' is not defined\n?")


class Judge:
    """The judge's response to each message.

    Args:
        shell: where the test cells run.
        room: the most output of a cell, in bytes.
        ask_student: sends encoded bytes to the student's process, returns the encoded answer.
    """

    def __init__(self, shell: Shell, room: int, ask_student: Callable[[bytes], bytes]) -> None:
        self.shell, self.room, self._send = shell, room, ask_student
        self._wanted: set[str] = set()
        self._own: set[str] = set()
        self._answers: set[str] = set()  # functions and classes that the course's answers define
        self._values: set[str] = set()  # other names that they bind
        self._offered: list[str] = []  # the import statements in them
        self._borrowed: dict[str, Any] = {}  # the namespace before the running cell
        self._known: set[str] = set()  # the borrowed names in it
        self._heard = 0  # how many characters of student output the cell may still print
        self._tests: set[str] = set()  # names bound by test cells
        self.kinds: dict[str, Callable[[Any], Any]] = {
            "I": self.take,
            "N": self.cede,
            "L": self.prepare,
            "X": self.run,
        }

    def take(self, request: dict[str, Any]) -> bytes:
        """Run the imports of the course's notebook; the names they bind are the judge's own."""
        self._offered = list(request["offered"])
        for statement in request["source"]:  # one by one, since some may fail
            self._show(statement, {})
            self._own |= _names(bound_names, statement) & self.shell.user_ns.keys()
        return self._show("", {})

    def cede(self, request: dict[str, Any]) -> bytes:
        """Make the names that an answer binds the student's."""
        functions, values = map(set, request["source"])
        self._answers |= functions | (values & vars(builtins).keys())  # never free in a test
        self._values |= values - self._answers
        return self._show("", {})

    def prepare(self, request: dict[str, Any]) -> bytes:
        """Run a locked cell; the names that it binds are the judge's own, even if it fails."""
        source = request["source"]
        self._wanted |= _names(free_names, source)
        self._bind(_names(bound_names, source))
        self._answers -= _names(bound_names, source)
        borrowed = {}
        with contextlib.suppress(Exception):  # the course's cell then runs without it
            borrowed = self._borrow(_names(free_names, source))
        return self._show(source, borrowed)

    def run(self, request: dict[str, Any]) -> bytes:
        """Run a test cell and return what it showed, as JSON."""
        source = request["source"]
        self._answers -= _names(defined_names, source)
        self._bind(_names(bound_names, source))
        self._tests |= _names(bound_names, source)
        self._wanted |= _names(deferred_names, source)
        try:
            borrowed = self._borrow(self._wanted | self._answers | _names(free_names, source))
        except Exception as error:  # a hostile process may answer anything
            return self.shell.failed(type(error).__name__, str(error))
        return self._show(source, borrowed)

    def _bind(self, names: set[str]) -> None:
        """Make the names that one of the judge's cells binds its own."""
        self._own |= names
        self._values -= names

    def _show(self, source: str, borrowed: dict[str, Any]) -> bytes:
        """Run a cell with borrowed names, which are removed afterwards."""
        here = self.shell.user_ns
        for name in self._answers | self._values:  # an import, or changed by an earlier cell
            here.pop(name, None)
        here.update(borrowed)
        self._borrowed, self._known = borrowed, set(here)
        self._heard = self.room // 2  # the test's own output gets the rest
        shown = self.shell.show(source, self.room)
        for name, value in borrowed.items():
            if here.get(name) is value:
                del here[name]
        if "ask" not in here or getattr(here["ask"], "__module__", "").endswith("checks.ask"):
            here["ask"] = self.ask
        return shown

    def ask(self, expression: str, **data: Any) -> Any:
        """Return the value of an expression, evaluated in the student's process."""
        return self.value({"do": "ask", "expression": expression, "data": data})["value"]

    def value(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the student's answer to a question that runs code, given the cell's rebound names.

        The output of the call is printed here, so that a test can see it.
        """
        answer = self.question({**request, "names": self._rebound()})
        text = str(answer.get("printed", ""))[: self._heard]
        self._heard -= len(text)
        print(text, end="")
        return answer

    def _rebound(self) -> dict[str, tuple[str, Any]]:
        """Return the borrowed names that the running cell has deleted, rebound or set to data.

        Raises:
            TypeError: if it replaced a student's function by one of its own.
        """
        here = self.shell.user_ns
        found: dict[str, tuple[str, Any]] = dict.fromkeys(self._known - here.keys(), ("gone", None))
        for name in self._answers & self._borrowed.keys() & here.keys():
            now = here[name]
            if now is self._borrowed[name]:
                continue
            if isinstance(now, StandIn):
                found[name] = ("as", now.__name__)
            elif callable(now):
                raise TypeError(f"{name} is a function of the test, which the code cannot call")
            else:
                found[name] = ("data", now)
        return found

    def question(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the student's answer to a question.

        Raises:
            Exception: the error that the student's code raised, of the same type if it is built in.
        """
        try:
            answer = decode(self._send(encode(request)))
        except NotData as error:
            if request["do"] == "call":
                raise
            raise TypeError(str(error)) from None
        if not isinstance(answer, dict) or not ("error" in answer or "value" in answer):
            raise StudentError("the answer of the student's process is invalid")
        if "error" in answer:
            raise error_of({**answer, "text": self._explained(answer)})
        return answer

    def _explained(self, answer: dict[str, Any]) -> str:
        """Return the text of an error, explained if it is about a global name of the tests."""
        text = str(answer.get("text", ""))
        found = UNDEFINED.fullmatch(text) if answer["error"][:1] == ["NameError"] else None
        if found is None or found[1] not in self._tests:
            return text
        return f"{text} in your code: a test has a variable of that name, which it cannot see"

    def _borrow(self, names: set[str]) -> dict[str, Any]:
        """Look up names in the student's process: those of answers, and those not bound here."""
        mine = self._own | self.shell.user_ns.keys() | vars(builtins).keys()
        foreign = sorted(names - (mine - self._answers - self._values))
        if not foreign:
            return {}
        found = self.question({"do": "look", "names": foreign})["value"]
        borrowed = {}
        for name in foreign:
            kind, value, theirs = found.get(name, ("missing", None, ""))
            if kind == "missing":
                continue
            ours = [] if name in self._answers | self._values else self._imported(name)
            if ours:
                text = f"{name} is not what the course's own answer imports: {origin(ours[0])}"
                borrowed[name] = ours[0] if origin(ours[0]) == theirs else NoData(text)
            elif kind == "callable":
                borrowed[name] = StandIn(name, value, self.value)
            elif kind == "other":
                what = str(value)[:LONGEST_NAME]
                text = f"{name} is a {what}, which is not plain data: a test must use ask"
                borrowed[name] = NoData(text)
            elif kind == "data":
                borrowed[name] = value
        return borrowed

    def _imported(self, name: str) -> list[Any]:
        """Return the object that the imports of the course's own answers bind to a name, if any."""
        for statement in reversed(self._offered):
            here: dict[str, Any] = {}
            if name in _names(bound_names, statement) or statement.endswith("*"):
                with contextlib.suppress(Exception):
                    exec(statement, here)
            if name in here:
                return [here[name]]
        return []


def _names(kind: Callable[[str], set[str]], source: str) -> set[str]:
    """Return the names of a kind in a cell; none if it is not Python."""
    try:
        return kind(source)
    except SyntaxError:
        return set()
