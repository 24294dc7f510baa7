"""The engine of the checks: compare an answer, and name the mistake it looks like.

A check goes from the plain to the subtle: is there a tensor, of the right shape and finite; is a
known special case right; does the identity hold; is it right on fresh random inputs. Whatever
fails, every known mistake is computed on the same inputs, and the first one that gives what the
answer gave is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.numbers import describe_kind, show_dtype, show_pair, show_shape
from course_lib.checks.report import CheckFailed

__all__ = ["Case", "Draw", "Mistake", "Problem", "Step", "examine"]


class Mistake(NamedTuple):
    """A mistake worth a message of its own.

    Attributes:
        headline: what is wrong, in a few words that end in a full stop.
        why: the reason, with its formula and slide.
        hint: what to try.
        wrong: the function as someone who makes the mistake writes it.
    """

    headline: str
    why: str
    hint: str
    wrong: Callable[..., Any]


class Problem(NamedTuple):
    """What a comparison found, before anyone knows why."""

    headline: str
    got: str
    expected: str


@dataclass(frozen=True)
class Case:
    """One input and what should come out.

    Attributes:
        inputs: the arguments, in order.
        expected: the result, or the results of a function that returns several.
        where: where the input lies, as in "wrong value *at x = mu*".
        tolerance: how far off a number may be, absolutely and relative to its size.
    """

    inputs: tuple[Tensor, ...]
    expected: Tensor | tuple[Tensor, ...]
    where: str = "on random inputs"
    tolerance: float = 1e-6

    def at(self, where: str) -> Case:
        """Return the same case with another description of where it lies."""
        return replace(self, where=where)

    def __call__(self, answer: Answer) -> Problem | None:
        """Return what is wrong with the answer's result, or None."""
        result, parts = answer(*self.inputs), answer.parts
        if not parts:
            return self._difference(result, self.expected)
        if not isinstance(result, tuple | list) or len(result) != len(parts):
            headline = f"it does not return {len(parts)} tensors."
            return Problem(headline, describe_kind(result), f"({', '.join(parts)})")
        for part, value, right in zip(parts, result, self.expected, strict=True):
            problem = self._difference(value, right)
            if problem is not None:
                return problem._replace(headline=f"{part}: {problem.headline}")
        return None

    def _difference(self, value: Any, right: Tensor) -> Problem | None:
        if not isinstance(value, Tensor):
            return Problem("it is not a tensor.", describe_kind(value), describe_kind(right))
        value = value.detach()
        if value.shape != right.shape:
            got, expected = f"shape {show_shape(value)}", f"shape {show_shape(right)}"
            return Problem("the shape is wrong.", got, expected)
        if value.dtype != right.dtype:
            got, expected = show_dtype(value), show_dtype(right)
            return Problem("the dtype is not that of the inputs.", got, expected)
        if torch.allclose(value, right, rtol=self.tolerance, atol=self.tolerance):
            return None
        what = "wrong value" if value.isfinite().all() else "NaN or infinity"
        return Problem(f"{what} {self.where}.", *show_pair(value, right, self.tolerance))


Step = Callable[[Answer], Problem | None]


def examine(answer: Answer, steps: Sequence[Step], mistakes: Sequence[Mistake]) -> None:
    """Fail with the most telling message if the answer is wrong in any step.

    Args:
        answer: the answer.
        steps: cases and identities, the plain ones first; each returns what is wrong, or None.
        mistakes: those worth naming, the likeliest first.

    Raises:
        CheckFailed: on the first step that finds something: by the first mistake that gives the
            answer's results in all cases, or by what was found.
    """
    for step in steps:
        problem = step(answer)
        if problem is not None:
            cases = [case for case in steps if isinstance(case, Case)]
            named = next((m for m in mistakes if _looks_like(answer, m, cases)), None)
            lines = {} if named is None else {"why": named.why, "hint": named.hint}
            headline = problem.headline if named is None else named.headline
            answer.fail(headline, got=problem.got, expected=problem.expected, **lines)


def _looks_like(answer: Answer, mistake: Mistake, cases: Sequence[Case]) -> bool:
    try:
        return all(
            _same(mistake.wrong(*(v.clone() for v in case.inputs)), answer(*case.inputs))
            for case in cases
        )
    except CheckFailed:  # it cannot be computed in some other case: no mistake that we know
        return False


def _same(made: Any, came: Any) -> bool:
    """Return whether two results agree, to the precision that two ways of writing leave."""
    if isinstance(made, tuple):
        several = isinstance(came, tuple | list) and len(came) == len(made)
        return several and all(_same(*pair) for pair in zip(made, came, strict=True))
    if not isinstance(came, Tensor) or made.shape != came.shape:
        return False
    made, came = (value.detach().double() for value in (made, came))
    lost = ~made.isfinite() & ~came.isfinite()  # a NaN here may be an infinity there
    return bool((torch.isclose(made, came, rtol=1e-4, atol=1e-6) | lost).all())


class Draw:
    """Fresh inputs in float64, decided by a seed.

    Args:
        seed: which inputs.
        spread: how far out they lie: 1 for everyday inputs, more for extreme ones.
    """

    def __init__(self, seed: int, spread: float) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.spread = spread

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Return Gaussian numbers of standard deviation ``spread * scale``."""
        noise = torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return self.spread * scale * noise

    def bits(self, *shape: int) -> Tensor:
        """Return zeros and ones, equally likely."""
        return torch.randint(0, 2, shape, generator=self.generator).double()
