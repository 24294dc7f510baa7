"""The process that runs a student's cells, and answers the judge's questions about their names.

Nothing here is trusted: student code shares this process and may change all of it. Its answers are
only data to the judge, and its outputs are cut to size by the receiver.
"""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from course_lib.grading.processes.codec import NotData, decode, encode
from course_lib.grading.processes.shell import Shell, origin

__all__ = ["Student"]

LONGEST_TEXT = 20_000


class _Heard(io.TextIOBase):
    """Keep the beginning of what is printed."""

    text = ""

    def write(self, text: str) -> int:
        """Keep the text, as far as there is room."""
        self.text += str(text)[: LONGEST_TEXT - len(self.text)]
        return len(text)


class Student:
    """The response of a student's process to each message.

    Args:
        shell: where the cells run.
        room: the most output of a cell, in bytes.
    """

    def __init__(self, shell: Shell, room: int) -> None:
        self.shell, self.room = shell, room
        self.kinds: dict[str, Callable[[Any], Any]] = {"X": self.run, "C": self.answer}

    def run(self, request: dict[str, Any]) -> bytes:
        """Run a cell and return what it showed, as JSON."""
        return self.shell.show(request["source"], self.room)

    def answer(self, request: dict[str, Any]) -> Any:
        """Return the reply to one of the judge's questions: a value, or an error."""
        try:
            return getattr(self, f"_{request['do']}")(request)
        except BaseException as error:  # an exit in the function counts as an error
            return _as_error(error)

    def _look(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what each name refers to: data, a callable, or neither; and its origin."""
        return {"value": {name: self._describe(name) for name in request["names"]}}

    def _describe(self, name: str) -> tuple[str, Any, str]:
        if name not in self.shell.user_ns:
            return "missing", None, ""
        value = self.shell.user_ns[name]
        return *self._as_data(value), origin(value)

    def _as_data(self, value: Any) -> tuple[str, Any]:
        if callable(value):
            doc = getattr(value, "__doc__", None)
            return "callable", doc[:LONGEST_TEXT] if isinstance(doc, str) else None
        try:
            if isinstance(value, Iterator):  # sending it would use it up
                raise NotData
            encode(value)
        except NotData:
            return "other", type(value).__name__
        return "data", value

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function; also report which arguments it changed, and which one it returned."""
        args, kwargs = request["args"], request["kwargs"]
        before = [encode(value) for value in (*args, *kwargs.values())]
        function = self.shell.user_ns[request["name"]]
        said = _Heard()
        with self._rebound(request["names"]), contextlib.redirect_stdout(said):
            value = function(*args, **kwargs)
        pairs = zip(before, (*args, *kwargs.values()), strict=True)
        changed = {i: now for i, (old, now) in enumerate(pairs) if encode(now) != old}
        all_given = [] if isinstance(value, tuple) else [*args, *kwargs.values()]
        same = [i for i, given in enumerate(all_given) if given is value]
        return {"value": value, "changed": changed, "same": same[:1], "printed": said.text}

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Evaluate an expression of the tests among the student's names."""
        with self._rebound(request["names"]):
            names = {**self.shell.user_ns, **request["data"]}
            if "torch" in sys.modules:
                names.setdefault("torch", sys.modules["torch"])
            return {"value": eval(request["expression"], names)}

    @contextlib.contextmanager
    def _rebound(self, names: dict[str, tuple[str, Any]]) -> Iterator[None]:
        """Apply a test's changes to names for a while: deleted, rebound or set to data."""
        here = self.shell.user_ns
        before = {name: here[name] for name in names if name in here}
        now = {name: here[v] if how == "as" else v for name, (how, v) in names.items()}
        try:
            for name, (how, _) in names.items():
                here.pop(name, None)
                if how != "gone":
                    here[name] = now[name]
            yield
        finally:
            for name in names:
                here.pop(name, None)
            here.update(before)

    def _modules(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the modules that are loaded here, for a warm start to load in advance."""
        return {"value": [name for name in sys.modules if name.isascii()]}


def reply(handler: Callable[[Any], Any], payload: bytes) -> bytes:
    """Return the encoded answer to an encoded message, whatever the handler does.

    Args:
        handler: from the message to the answer.
        payload: the message.
    """
    try:
        answer = handler(decode(payload))
        return answer if isinstance(answer, bytes) else encode(answer)
    except BaseException as error:
        return encode(_as_error(error))


def _as_error(error: BaseException) -> dict[str, Any]:
    """Return an error as data: its type and base types, and its text."""
    kinds = [str(kind.__name__) for kind in type(error).__mro__]
    try:
        text = str(error)[:LONGEST_TEXT]
    except Exception:
        text = ""
    lines = "".join(traceback.format_exception_only(type(error), None))[:LONGEST_TEXT]
    return {"error": kinds, "text": text or ("" if "None" in lines else lines)}
