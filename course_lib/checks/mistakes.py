"""Known mistakes: written once, next to the check, as a student would write them.

``<exercise>.toml`` holds them. The check compiles them to name the mistake in an answer; the test
suite hands in each of them and expects its headline.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step

__all__ = ["Mistake", "name_mistake", "read_mistakes"]


@dataclass(frozen=True)
class Mistake:
    """A mistake worth its own message.

    Attributes:
        headline: what is wrong, in a few words that end in a full stop.
        why: the reason, with its formula and slide.
        hint: what to try.
        source: the function as someone who makes the mistake writes it; ``torch`` and ``Tensor``
            are there, whatever else it needs it imports.
        name: the function's name.
    """

    headline: str
    why: str
    hint: str
    source: str
    name: str

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The wrong function, compiled when it is first needed."""
        names: dict[str, Any] = {"torch": torch, "Tensor": Tensor}
        exec(compile(self.source, f"<{self.name}: {self.headline}>", "exec"), names)
        return names[self.name]


def read_mistakes(path: Path) -> tuple[Mistake, ...]:
    """Return the mistakes of an exercise, the likeliest first.

    Args:
        path: the exercise's toml file; its stem is the function's name.

    Raises:
        TypeError: if an entry has a key too many or too few.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mistake"]
    return tuple(Mistake(**entry, name=path.stem) for entry in entries)


def name_mistake(
    answer: Answer,
    step: Step,
    found: Problem,
    cases: Sequence[Case],
    mistakes: Sequence[Mistake],
) -> Mistake | None:
    """Return the first mistake that explains all that is known about a wrong answer.

    Args:
        answer: the answer.
        step: the step that found something wrong.
        found: what it found.
        cases: inputs on which the mistake must give the results that the answer gave.
        mistakes: those worth naming, the likeliest first.
    """
    return next((m for m in mistakes if _explains(m, answer, step, found, cases)), None)


def _explains(
    mistake: Mistake, answer: Answer, step: Step, found: Problem, cases: Sequence[Case]
) -> bool:
    twin = answer.twin(mistake.function)
    try:
        if not all(_same(twin(*case.inputs), answer(*case.inputs)) for case in cases):
            return False
        again = step(twin)
    except Exception:  # one of the two cannot be computed there: no mistake that we know
        return False
    return again is not None and again.headline == found.headline


def _same(made: Any, came: Any) -> bool:
    """Return whether two results agree, to the precision that two ways of writing leave."""
    if isinstance(made, tuple | list):
        several = isinstance(came, tuple | list) and len(came) == len(made)
        return several and all(_same(*pair) for pair in zip(made, came, strict=True))
    if not isinstance(made, Tensor) or not isinstance(came, Tensor):
        return type(made) is type(came) and made == came
    if made.shape != came.shape:
        return False
    made, came = (value.detach().double() for value in (made, came))
    lost = ~made.isfinite() & ~came.isfinite()  # a NaN here may be an infinity there
    return bool((torch.isclose(made, came, rtol=1e-4, atol=1e-6) | lost).all())
