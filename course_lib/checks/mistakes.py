"""Known mistakes: written once, next to the check, as a student would write them.

They are in ``<exercise>.toml``. The check compiles them to name the mistake in an answer; the test
suite submits each of them and expects its headline.
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
        headline: what is wrong, in a few words and with a full stop.
        why: the reason, with its formula and slide.
        hint: what to try.
        source: the function as a student with this mistake would write it; ``torch`` and ``Tensor``
            are imported, anything else it must import itself.
        name: the function's name.
    """

    headline: str
    why: str
    hint: str
    source: str
    name: str

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The wrong function, compiled on first use."""
        names: dict[str, Any] = {"torch": torch, "Tensor": Tensor}
        exec(compile(self.source, f"<{self.name}: {self.headline}>", "exec"), names)
        return names[self.name]


def read_mistakes(path: Path) -> tuple[Mistake, ...]:
    """Return the mistakes of an exercise, most likely first.

    Args:
        path: the exercise's toml file; its stem is the function's name.

    Raises:
        TypeError: if an entry has an unknown key or lacks one.
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
    """Return the first mistake that explains all results of a wrong answer, or None.

    Args:
        answer: the answer.
        step: the step that found something wrong.
        found: the problem it found.
        cases: inputs on which the mistake must give the results that the answer gave.
        mistakes: those worth naming, most likely first.
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
    except Exception:  # one of the two cannot be computed there: not a known mistake
        return False
    return again is not None and again.headline == found.headline


def _same(made: Any, came: Any) -> bool:
    """Return whether two results agree up to rounding."""
    if isinstance(made, tuple | list):
        several = isinstance(came, tuple | list) and len(came) == len(made)
        return several and all(_same(*pair) for pair in zip(made, came, strict=True))
    if not isinstance(made, Tensor) or not isinstance(came, Tensor):
        return type(made) is type(came) and made == came
    if made.shape != came.shape:
        return False
    made, came = (value.detach().double() for value in (made, came))
    lost = ~made.isfinite() & ~came.isfinite()  # NaN in one may be infinity in the other
    return bool((torch.isclose(made, came, rtol=1e-4, atol=1e-6) | lost).all())
