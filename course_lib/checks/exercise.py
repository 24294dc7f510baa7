"""The engine of the checks: compare an answer, and name the mistake it looks like.

A check goes from the plain to the subtle: is there a tensor, of the right shape and finite; is a
known special case right; does the identity hold; is it right on random inputs; does it keep the
contract of every exercise (``contract``). If a step fails, every known mistake is computed on the
same inputs, and the first one that explains the answer is named.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.case import ANY_NUMBER, Case, Problem, Step
from course_lib.checks.contract import contract_steps, leaves_random_state
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.mistakes import Mistake, name_mistake, read_mistakes
from course_lib.checks.report import CheckFailed, Passed
from course_lib.randomness import fork_seed

__all__ = ["Exercise", "run_steps"]


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """The check of one exercise; call it with the answer: ``check.gaussian_kl(gaussian_kl)``.

    Attributes:
        file: ``__file__`` of the module that declares it; its stem is the exercise's name, and the
            mistakes are in the toml file next to it.
        right: the correct function, with the argument names of the stub.
        steps: makes the cases and identities from random inputs, the plain ones first.
        rows: the arguments that hold one row per example; all others are shared by the batch.
        row_dim: the dimension of the rows in these arguments.
        gradients: the arguments with respect to which training differentiates the results.
        formulas: for a function that returns several results, in the order in which it returns
            them, and in the order in which they are computed, each with its formula.
        random: whether the function draws noise from torch; its values are then not compared.
        why: the formula with its slide, for failures without a more specific reason.
        hint: what to try in that case.
        passed: what is known about an answer that passes.
    """

    file: str
    right: Callable[..., Any]
    steps: Callable[[RandomInputs], Sequence[Step]]
    why: str
    hint: str
    passed: str
    rows: tuple[str, ...] = ()
    row_dim: int = 0
    gradients: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    formulas: Mapping[str, str] = field(default_factory=dict)
    random: bool = False

    def __call__(
        self,
        function: Callable[..., Any],
        *,
        seed: int = 0,
        input_scale: float = 1.0,
        ask: Ask | None = None,
    ) -> None:
        """Check an answer, and show what is wrong with it or what is now known about it.

        Args:
            function: the answer.
            seed: determines the random inputs.
            input_scale: their size; 1 for everyday inputs.
            ask: evaluates expressions in the student's namespace; None for this process.

        Raises:
            CheckFailed: if the answer is wrong; the message says how and why.
        """
        answer = self.answer(function, ask)
        with fork_seed(seed):
            answer.refuse_the_checks()
            steps = self.filled(self.steps(RandomInputs(seed, input_scale)))
            if not self.random:
                steps = [leaves_random_state(steps), *steps]
            run_steps(answer, steps, self.mistakes, contract_steps(self, steps), self.right)
        Passed(self.name, self.passed).show()

    @property
    def name(self) -> str:
        """The name of the exercise, which is that of the function."""
        return Path(self.file).stem

    @property
    def args(self) -> tuple[str, ...]:
        """The names of the function's arguments."""
        return tuple(inspect.signature(self.right).parameters)

    @cached_property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The mistakes worth naming, from the toml file next to the check."""
        return read_mistakes(Path(self.file).with_suffix(".toml"))

    def answer(self, function: Callable[..., Any], ask: Ask | None = None) -> Answer:
        """Return the function as an answer under test."""
        return Answer(
            self.name,
            function,
            ask,
            args=self.args,
            parts=self.parts,
            formulas=self.formulas,
            random=self.random,
            why=self.why,
            hint=self.hint,
        )

    def filled(self, steps: Sequence[Step]) -> list[Step]:
        """Return the steps, with expected results filled in where a case has none."""
        return [
            replace(step, expected=self.right(*step.inputs))
            if isinstance(step, Case) and step.expected is None
            else step
            for step in steps
        ]


def run_steps(
    answer: Answer,
    steps: Sequence[Step],
    mistakes: Sequence[Mistake] = (),
    contract: Sequence[Step] = (),
    right: Callable[..., Any] | None = None,
) -> None:
    """Fail with the most telling message if the answer is wrong in any step.

    Args:
        answer: the answer.
        steps: cases and identities, the plain ones first; each returns what is wrong, or None.
        mistakes: those worth naming, most likely first.
        contract: further steps, which come last; their cases name no mistakes.
        right: the correct function, whose results show the type an answer should have.

    Raises:
        CheckFailed: on the first step that fails; it names the first mistake that explains the
            answer's results in all cases, or else the problem found.
    """
    cases = [step for step in steps if isinstance(step, Case)]
    for step in [*steps, *contract]:
        found = _look(step, answer, right)
        if found is not None:
            named = name_mistake(answer, step, found, cases, mistakes)
            if named is not None:
                found = found._replace(headline=named.headline, why=named.why, hint=named.hint)
            answer.fail(**found._asdict())


def _look(step: Step, answer: Answer, right: Callable[..., Any] | None) -> Problem | None:
    """Return what the step finds; an error due to a result of the wrong type becomes a problem."""
    try:
        return step(answer)
    except CheckFailed:
        raise
    except Exception:
        for inputs, _ in answer.results if right else []:
            problem = Case(inputs, right(*inputs), tolerance=ANY_NUMBER)(answer)
            if problem is not None:
                return problem
        raise
