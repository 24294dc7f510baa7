"""A student's function as a check uses it: by calls with data, and in expressions."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, NoReturn

import torch
from torch import Tensor

from course_lib.checks.ask import Ask, evaluate
from course_lib.checks.numbers import show_inputs
from course_lib.checks.report import CheckFailed, NotStarted, describe_error, is_stub, place_of

__all__ = ["SAME_DTYPE", "Answer"]

CALL_IT = "call it yourself in a new cell to see the whole traceback"
SAME_DTYPE = "value.to(x.dtype) and zeros_like(x) keep the dtype; torch.zeros(...) is float32"

USES_THE_CHECKS = (
    "__import__('course_lib.checks.refusal', fromlist=['refusal']).uses_the_checks({name})"
)
SEEDED = (
    "[({call}, torch.set_rng_state(state_))[0] for state_ in [torch.get_rng_state()]"
    " for _ in [torch.manual_seed(seed_)]][0]"
)


class Answer:
    """An answer under test; its errors become messages.

    It is only called: under a grader it may be a stand-in for a function in another process.

    Args:
        name: the exercise, which is also the function's name in the notebook.
        function: the answer.
        ask: evaluates expressions in the student's namespace; None for this process.
        args: names of the arguments.
        parts: names of the results, if the function returns several.
        formulas: the same names in the order in which they are computed, with their formulas.
        random: whether the function draws noise from torch.
        why: the formula with its slide, for failures without a more specific reason.
        hint: what to try in that case.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        ask: Ask | None = None,
        *,
        args: tuple[str, ...] = (),
        parts: tuple[str, ...] = (),
        formulas: Mapping[str, str] | None = None,
        random: bool = False,
        why: str,
        hint: str,
    ) -> None:
        self.name, self.args, self.parts, self.random = name, args, parts, random
        self.formulas = dict.fromkeys(parts, "") if not formulas else dict(formulas)
        self.why, self.hint = why, hint
        self._function = function
        self._ask = ask or (lambda expression, **data: evaluate(expression, {name: function}, data))
        self._known: dict[tuple[int, ...], tuple[tuple[Tensor, ...], Any]] = {}

    def refuse_the_checks(self) -> None:
        """Fail if the answer calls the checks, or reads their files."""
        if self.ask(USES_THE_CHECKS.format(name=self.name)):
            self.fail(
                "an answer may not use course_lib.checks.",
                why="the check would be compared with itself",
                hint="write the formula; you may call the rest of course_lib",
            )

    def twin(self, function: Callable[..., Any]) -> Answer:
        """Return another function as an answer to the same exercise, called in this process."""
        return Answer(
            self.name,
            function,
            args=self.args,
            parts=self.parts,
            formulas=self.formulas,
            random=self.random,
            why=self.why,
            hint=self.hint,
        )

    def __call__(self, *inputs: Tensor) -> Any:
        """Return the result for these inputs, computed only once; noise comes from a fixed seed."""
        key = tuple(map(id, inputs))
        if key not in self._known:
            result = self.seeded(0, *inputs) if self.random else self.draw(*inputs)
            self._known[key] = inputs, result  # keeping the inputs keeps their ids unique
        return self._known[key][1]

    @property
    def results(self) -> list[tuple[tuple[Tensor, ...], Any]]:
        """The inputs tried so far, each with its result."""
        return list(self._known.values())

    def draw(self, *inputs: Tensor) -> Any:
        """Return a new result on copies of the inputs; fail if the answer changed them."""
        copies = [value.clone() for value in inputs]
        with self._watched(inputs):
            result = self._function(*copies)
        for i, (before, after) in enumerate(zip(inputs, copies, strict=True), start=1):
            if not torch.equal(before, after):
                self.fail(
                    f"it changes its input, argument {i}.",
                    why="the caller still needs the tensor that was passed in",
                    hint="avoid x[i] = ..., += and methods that end in _; or change x.clone()",
                )
        return result

    def seeded(self, seed: int, *inputs: Tensor) -> Any:
        """Return the result after ``torch.manual_seed(seed)``; the random state is restored."""
        return self.ask(
            SEEDED.format(call=f"{self.name}(*inputs_)"), inputs_=list(inputs), seed_=seed
        )

    def ask(self, expression: str, **data: Any) -> Any:
        """Return the value of an expression in which the function has the exercise's name."""
        with self._watched(data.get("inputs_", ())):
            return self._ask(expression, **{name: _copied(value) for name, value in data.items()})

    def fail(self, headline: str, **lines: str) -> NoReturn:
        """Raise a failure; the exercise's own formula and hint are the defaults."""
        lines = {"why": self.why, "hint": self.hint} | {k: v for k, v in lines.items() if v}
        raise CheckFailed(f"{self.name}: {headline}", **lines) from None

    @contextmanager
    def _watched(self, inputs: Sequence[Tensor] = ()) -> Iterator[None]:
        """Turn errors of the student's code on these inputs into messages; keep stderr clean."""
        try:
            with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            if is_stub(error):
                raise NotStarted(self.name) from None
            got = describe_error(error)
            self.fail(
                f"it stops with {type(error).__name__}.",
                inputs=show_inputs(self.args, inputs),
                got=got,
                expected="a result",
                why=place_of(error),
                hint=SAME_DTYPE if "dtype" in got or "Double" in got else CALL_IT,
            )


def _copied(value: Any) -> Any:
    """Return the data with every tensor cloned."""
    if isinstance(value, Tensor):
        return value.clone()
    return [_copied(part) for part in value] if isinstance(value, list) else value
