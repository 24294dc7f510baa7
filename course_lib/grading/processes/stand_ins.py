"""Stand-ins in the judge's process for the student's functions, objects and errors."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

from course_lib.grading.processes.codec import NotData

__all__ = ["LONGEST_NAME", "NoData", "StandIn", "StudentError", "error_of"]

LONGEST_NAME, LONGEST_TEXT = 100, 20_000
# Exceptions that would silently end the judge's loop or process.
NOT_RAISED = (
    *("KeyboardInterrupt", "SystemExit", "GeneratorExit", "StopIteration"),
    *("StopAsyncIteration", "CancelledError"),
)


class StudentError(Exception):
    """An error of a student's function, of a type that the judge does not know."""


class StandIn:
    """A student's function, called in the student's process.

    Args:
        name: its name there.
        doc: its docstring.
        question: sends a question to the student's process and returns the answer.
    """

    def __init__(self, name: str, doc: Any, question: Callable[[dict[str, Any]], Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc if isinstance(doc, str) else None
        self._question = question

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result of the call; arguments that the call changed are changed here too."""
        request = {"do": "call", "name": self.__name__, "args": list(args), "kwargs": kwargs}
        try:
            answer = self._question(request)
        except NotData as error:
            raise TypeError(f"{self.__name__} takes only data here: {error}") from None
        given = *args, *kwargs.values()
        for i, now in dict(answer.get("changed", {})).items():
            _change(given[i], now)
        for i in list(answer.get("same", [])):  # an argument itself, not a copy
            return given[i]
        return answer["value"]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__dict__.get('__name__')} is the student's: a test may call it or ask about it,"
            f" but not use its {name}"
        )


class NoData:
    """A student's object that a test cannot use; using it raises a TypeError."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        raise TypeError(self.__dict__["_text"])

    def _refuse(self, *_: Any) -> Any:
        raise TypeError(self._text)

    __eq__ = __ne__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __call__ = _refuse
    __hash__ = None


def error_of(answer: dict[str, Any]) -> Exception:
    """Return the error in an answer: of its built-in type, or a StudentError with its name."""
    kinds = [kind[:LONGEST_NAME] for kind in answer["error"] if isinstance(kind, str)]
    text = str(answer.get("text", ""))[:LONGEST_TEXT]
    if not kinds or any(kind in NOT_RAISED for kind in kinds):
        return StudentError(f"the code stopped: {' '.join([*kinds[:1], text])}")
    for kind in kinds:
        known = getattr(builtins, kind, None)
        if isinstance(known, type) and issubclass(known, Exception) and known is not Exception:
            try:
                return known(text) if kind == kinds[0] else type(kinds[0], (known,), {})(text)
            except Exception:  # such as UnicodeDecodeError, which needs more than a text
                continue
    return type(kinds[0], (StudentError,), {})(text)


def _change(old: Any, now: Any) -> None:
    """Change an argument in place to its value after the call; immutable ones stay."""
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
