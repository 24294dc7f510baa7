"""An input of a check with the expected result, and the outcome of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.checks.answer import SAME_DTYPE, Answer
from course_lib.checks.numbers import describe_kind, show_dtype, show_inputs, show_pair, show_shape

__all__ = ["ALONE", "ANY_NUMBER", "Case", "Problem", "Step"]

ANY_NUMBER = 1e300  # a tolerance under which only type, shape and NaN can be wrong

ALONE = "for a batch of one"
SQUEEZED = "squeeze() removes every dimension of size 1: name the dimension"
ONE_FOR_ALL = "one number for each example: name the dimension of a sum, expand a constant"
KEEPS_DTYPE = "a result has the dtype of the inputs: float64, float32 or int64"


class Problem(NamedTuple):
    """What a step found, before the mistake is known; empty lines are the exercise's own."""

    headline: str
    got: str
    expected: str
    why: str = ""
    hint: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Case:
    """One input and the expected result.

    Attributes:
        inputs: the arguments, in order, in float64 where they are not integers.
        expected: the result, or the results if there are several; None for the results of the
            exercise's ``right``.
        where: where the input lies, as in "wrong value *at x = mu*".
        tolerance: the absolute and the relative tolerance.
        only: the parts to compare; all if empty.
        derived: whether the engine derives further cases from this one: in float32, with one row,
            mixed with others, and with gradients.
    """

    inputs: tuple[Tensor, ...]
    expected: Tensor | tuple[Tensor, ...] | None = None
    where: str = "on random inputs"
    tolerance: float = 1e-6
    only: Sequence[str] = ()
    derived: bool = True

    def at(self, where: str) -> Case:
        """Return the same case with another description of where it lies."""
        return replace(self, where=where)

    def of(self, *parts: str) -> Case:
        """Return the same case, with only these parts compared."""
        return replace(self, only=parts, derived=False)

    def __call__(self, answer: Answer) -> Problem | None:
        """Return what is wrong with the answer's result, or None."""
        result, expected = answer(*self.inputs), self.expected
        assert expected is not None, "Exercise fills in what should come out"
        found = None
        if not answer.parts:
            found = self._difference(result, expected, answer.random)
        elif not isinstance(result, tuple | list) or len(result) != len(answer.parts):
            headline = f"it does not return {len(answer.parts)} tensors."
            found = Problem(headline, describe_kind(result), f"({', '.join(answer.parts)})")
        else:
            pieces = dict(zip(answer.parts, zip(result, expected, strict=True), strict=True))
            for name in self.only or answer.formulas:
                found = self._difference(*pieces[name], answer.random)
                if found is not None:
                    headline, why = f"{name}: {found.headline}", found.why or answer.formulas[name]
                    found = found._replace(headline=headline, why=why)
                    break
        return found and found._replace(inputs=show_inputs(answer.args, self.inputs))

    def _difference(self, value: Any, right: Tensor, random: bool) -> Problem | None:
        """Return how a value differs; for a random one, only in shape, dtype or NaN."""
        if not isinstance(value, Tensor):
            return Problem("it is not a tensor.", describe_kind(value), describe_kind(right))
        value = value.detach()
        if value.shape != right.shape:
            got, expected = f"shape {show_shape(value)}", f"shape {show_shape(right)}"
            if self.where == ALONE:
                return Problem(f"the shape is wrong {ALONE}.", got, expected, hint=SQUEEZED)
            hint = ONE_FOR_ALL if value.ndim == 0 and right.ndim == 1 else ""
            return Problem("the shape is wrong.", got, expected, hint=hint)
        if value.dtype != right.dtype:
            got, expected = show_dtype(value), show_dtype(right)
            headline = "the dtype is not that of the inputs."
            return Problem(headline, got, expected, why=KEEPS_DTYPE, hint=SAME_DTYPE)
        finite = bool(value.isfinite().all())
        if finite and random:
            return None
        if torch.allclose(value, right, rtol=self.tolerance, atol=self.tolerance):
            return None
        what = "wrong value" if finite else "NaN or infinity"
        return Problem(f"{what} {self.where}.", *show_pair(value, right, self.tolerance))


Step = Callable[[Answer], Problem | None]
