"""A student's function as a check sees it: calls with data, and expressions about it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, NoReturn

import torch
from torch import Tensor

from course_lib.checks.ask import Ask, evaluate
from course_lib.checks.report import CheckFailed, NotStarted, is_stub

__all__ = ["Answer"]

LONGEST_ERROR = 200


class Answer:
    """An answer under test; what goes wrong inside it becomes a message.

    Nothing but its calls is used: under a grader it may be a stand-in for a function that lives in
    another process.

    Args:
        name: the exercise, which is also the function's name in the notebook.
        function: the answer.
        ask: evaluates expressions where the student's names are known; None if that is here.
        parts: names of the results, if the function returns several.
        why: the formula with its slide, for failures about which no more is known.
        hint: what to try then.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        ask: Ask | None = None,
        *,
        parts: tuple[str, ...] = (),
        why: str,
        hint: str,
    ) -> None:
        self.name, self.parts, self.why, self.hint = name, parts, why, hint
        self._function = function
        self._ask = ask or (lambda expression, **data: evaluate(expression, {name: function}, data))

    def __call__(self, *inputs: Tensor) -> Any:
        """Return the result on copies of the inputs; fail if the answer changed them."""
        copies = [value.clone() for value in inputs]
        with self._watched():
            result = self._function(*copies)
        for i, (before, after) in enumerate(zip(inputs, copies, strict=True), start=1):
            if not torch.equal(before, after):
                self.fail(
                    f"it changes its input, argument {i}.",
                    why="whoever calls it still needs the tensor that was passed in",
                    hint="avoid +=, *= and methods that end in _, such as exp_()",
                )
        return result

    def ask(self, expression: str, **data: Tensor) -> Any:
        """Return the value of an expression that uses the function by the exercise's name."""
        with self._watched():
            return self._ask(expression, **{name: value.clone() for name, value in data.items()})

    def fail(self, headline: str, **lines: str) -> NoReturn:
        """Raise a failure; the exercise's own formula and hint stand in where none is given."""
        lines = {"why": self.why, "hint": self.hint} | lines
        raise CheckFailed(f"{self.name}: {headline}", **lines) from None

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Turn errors of the student's code into messages, and keep stderr clean."""
        try:
            with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            if is_stub(error):
                raise NotStarted(self.name) from None
            self._report(error)

    def _report(self, error: Exception) -> NoReturn:
        text = " ".join(str(error).split())
        self.fail(
            f"it stops with {type(error).__name__}.",
            got=text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 3] + "...",
            expected="a result",
            why=_place(error) or self.why,
            hint="call it yourself in a new cell to see the whole traceback",
        )


def _place(error: Exception) -> str:
    """Return where in a notebook cell the error arose, if it did in one."""
    place, frame = "", error.__traceback__
    while frame is not None:
        if "ipykernel" in frame.tb_frame.f_code.co_filename:
            place = f"it happens in line {frame.tb_lineno} of the cell"
        frame = frame.tb_next
    return place
