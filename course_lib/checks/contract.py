"""The contract of every exercise, tested automatically on every case of its check.

A batch of one; float32 in and float32 out; rows of very different size in one batch, where no row
may depend on another; and the gradient with respect to each argument that training differentiates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.ask import evaluate
from course_lib.checks.case import ALONE, Case, Problem, Step
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["Contract", "contract_steps", "leaves_random_state"]

ROUNDING = 20.0  # an equivalent formula may have this many times our rounding error in float32
GRADIENTS = (
    "[[None for w in wanted_ if w] if not part_.requires_grad else list(torch.autograd.grad("
    "part_, [v for v, w in zip(leaves_, wanted_) if w], weight_, retain_graph=True,"
    " materialize_grads=True))"
    " for leaves_ in [[v.requires_grad_(w) for v, w in zip(inputs_, wanted_)]]"
    " for result_ in [{name}(*leaves_)]"
    " for part_, weight_ in zip(result_ if isinstance(result_, (tuple, list)) else [result_],"
    " weights_)]"
)


LEAVES_STATE = (
    "[({name}(*inputs_), torch.equal(state_, torch.get_rng_state()),"
    " torch.set_rng_state(before_))[1]"
    " for before_ in [torch.get_rng_state()] for _ in [torch.manual_seed(20261)]"
    " for state_ in [torch.get_rng_state()]][0]"
)
TRAINED = "the values are right, but training follows the gradient"
BLOCKED = "no detach, .data, no_grad, .item(), clamp or numpy on the way"
OVERFLOWS = "an inf or NaN on the way, even one that where() or xlogy hides, makes the gradient NaN"
STABLE = (
    "sigmoid, softplus, log_softmax or logsumexp instead of exp and log;"
    " a formula that may overflow is best left out by an if, not by where()"
)


class Contract(Protocol):
    """The attributes of an exercise that determine its contract."""

    right: Callable[..., Any]
    rows: tuple[str, ...]
    row_dim: int
    gradients: tuple[str, ...]
    random: bool

    @property
    def args(self) -> tuple[str, ...]:
        """The names of the function's arguments."""


def contract_steps(contract: Contract, steps: Sequence[Step]) -> list[Step]:
    """Return the steps that test the contract, derived from the cases of the check.

    Args:
        contract: the exercise.
        steps: its own steps, in which every case has its expected result.
    """
    cases = [step for step in steps if isinstance(step, Case) and step.derived]
    if contract.random:
        alone = [_first_row(contract, case) for case in cases] if contract.rows else []
        return [*alone, *(_in_float32(contract, case) for case in cases)]
    alone = [_first_row(contract, case) for case in cases] if contract.rows else []
    mixed = _mixed(contract, cases) if contract.rows else []
    single = [_in_float32(contract, case) for case in [*cases, *alone[:1], *mixed]]
    return [*alone, *mixed, *single, *_gradient_steps(contract, [*cases, *mixed])]


def _first_row(contract: Contract, case: Case) -> Case:
    """Return the case with a batch of one."""
    inputs = tuple(
        value.narrow(contract.row_dim, 0, 1) if name in contract.rows else value
        for name, value in zip(contract.args, case.inputs, strict=True)
    )
    return _made(contract, case, inputs, ALONE)


def _mixed(contract: Contract, cases: Sequence[Case]) -> list[Case]:
    """Return cases with the rows of several others in one batch."""
    groups: dict[Any, list[Case]] = {}
    for case in cases:
        groups.setdefault(_kind(contract, case), []).append(case)
    several = [group for group in groups.values() if len(group) > 1]
    return [_together(contract, group) for group in several]


def _kind(contract: Contract, case: Case) -> Any:
    """Return what two cases must have in common for their rows to be in one batch."""
    kind: list[Any] = []
    for name, value in zip(contract.args, case.inputs, strict=True):
        if name in contract.rows:
            shape = list(value.shape)
            del shape[contract.row_dim]
            kind.append((tuple(shape), value.dtype))
        else:
            kind.append(tuple(value.flatten().tolist()))
    return tuple(kind)


def _together(contract: Contract, cases: Sequence[Case]) -> Case:
    inputs = tuple(
        torch.cat(values, contract.row_dim) if name in contract.rows else values[0]
        for name, values in zip(
            contract.args, zip(*(case.inputs for case in cases), strict=True), strict=True
        )
    )
    loosest = max(cases, key=lambda case: case.tolerance)
    return _made(contract, loosest, inputs, "with mixed rows")


def _in_float32(contract: Contract, case: Case) -> Case:
    """Return the case in single precision, with a tolerance from our own rounding error."""
    inputs = tuple(v.float() if v.is_floating_point() else v for v in case.inputs)
    pairs = list(zip(_many(_right(contract, inputs)), _many(case.expected), strict=True))
    errors = [0.0 if contract.random else float((a - b).abs().max()) for a, b in pairs]
    return replace(
        case,
        inputs=inputs,
        expected=_map(lambda v: v.float() if v.is_floating_point() else v, case.expected),
        where=f"{case.where}, float32",
        tolerance=max(1e-4, ROUNDING * max(errors)),
    )


def _made(contract: Contract, case: Case, inputs: tuple[Tensor, ...], where: str) -> Case:
    return replace(case, inputs=inputs, expected=_right(contract, inputs), where=where)


def _right(contract: Contract, inputs: Sequence[Tensor]) -> Any:
    return contract.right(*(value.clone() for value in inputs))


def leaves_random_state(steps: Sequence[Step]) -> Step:
    """Return the check that a function without noise leaves torch's random state unchanged."""
    case = next(step for step in steps if isinstance(step, Case))

    def step(answer: Answer) -> Problem | None:
        if answer.ask(LEAVES_STATE.format(name=answer.name), inputs_=list(case.inputs)):
            return None
        return Problem(
            "it draws random numbers, or sets the seed.",
            "another random state after the call",
            "the random state as it was",
            why="the formula contains no noise, and the caller decides the seed",
            hint="no torch.randn and no torch.manual_seed here",
        )

    return step


def _gradient_steps(contract: Contract, cases: Sequence[Case]) -> list[Step]:
    """Return the steps that compare gradients; cases with the most nonzero gradients come first."""
    wanted = [name in contract.gradients for name in contract.args]
    found = []
    for case in cases if any(wanted) else []:
        generator = torch.Generator().manual_seed(0)
        shapes = [(part.shape, part.dtype) for part in _many(case.expected)]
        weights = [torch.randn(s, generator=generator, dtype=kind) for s, kind in shapes]
        data = {"inputs_": list(case.inputs), "wanted_": wanted, "weights_": weights}
        right = evaluate(GRADIENTS.format(name="right_"), {"right_": contract.right}, _copied(data))
        zeros = sum(g is None or bool(g.abs().max() < 1e-6) for part in right for g in part)
        found.append((zeros, _has_gradients(contract, case, data, right)))
    return [step for _, step in sorted(found, key=lambda pair: pair[0])]


def _has_gradients(
    contract: Contract, case: Case, data: dict[str, Any], right: list[list[Tensor | None]]
) -> Step:
    """Return the step that compares the answer's gradients with the right ones on a case."""
    names = [name for name in contract.args if name in contract.gradients]

    def step(answer: Answer) -> Problem | None:
        came = answer.ask(GRADIENTS.format(name=answer.name), **data)
        pieces = dict(zip(answer.parts or ("",), zip(came, right, strict=True), strict=True))
        for part in answer.formulas or ("",):
            for arg, got, expected in zip(names, *pieces[part], strict=True):
                problem = _compare(arg, got, expected)
                if problem is not None:
                    where = show_inputs(answer.args, case.inputs)
                    headline = f"{part}: {problem.headline}" if part else problem.headline
                    return problem._replace(headline=headline, inputs=where)
        return None

    return step


def _compare(arg: str, got: Tensor | None, right: Tensor | None) -> Problem | None:
    """Return a problem with the gradient with respect to an argument; None is a constant's."""
    if right is None or (got is None and not right.any()):
        return None
    size = float(right.abs().max())
    if got is None:
        lines = "no gradient passes.", "a constant", f"a gradient with respect to {arg}"
        return Problem(*lines, why=TRAINED, hint=BLOCKED)
    if torch.allclose(got, right, rtol=1e-6, atol=1e-6 * max(1.0, size)):
        return None
    lines = show_pair(got, right, 1e-6)
    if not got.isfinite().all():
        headline = f"NaN gradient with respect to {arg}."
        return Problem(headline, *lines, why=OVERFLOWS, hint=STABLE)
    headline = f"{'wrong' if got.any() else 'no'} gradient with respect to {arg}."
    return Problem(headline, *lines, why=TRAINED, hint=BLOCKED)


def _copied(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"inputs_": [value.clone() for value in data["inputs_"]]}


def _many(value: Any) -> tuple[Tensor, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    several = isinstance(value, tuple | list)
    return tuple(map(function, value)) if several else function(value)
