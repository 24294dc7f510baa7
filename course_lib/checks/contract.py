"""What every exercise promises, tried on every case of its check without being asked for.

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
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["Contract", "contract_steps"]

ROUNDING = 20.0  # another way to write the same may round this much worse than ours in float32
GRADIENTS = (
    "[[None for _ in wanted_] if not part_.requires_grad else list(torch.autograd.grad("
    "part_, [v for v, w in zip(leaves_, wanted_) if w], weight_, retain_graph=True,"
    " materialize_grads=True))"
    " for leaves_ in [[v.requires_grad_(w) for v, w in zip(inputs_, wanted_)]]"
    " for result_ in [{name}(*leaves_)]"
    " for part_, weight_ in zip(result_ if isinstance(result_, (tuple, list)) else [result_],"
    " weights_)]"
)


class Contract(Protocol):
    """What of an exercise decides its contract."""

    right: Callable[..., Any]
    rows: tuple[str, ...]
    row_dim: int
    gradients: tuple[str, ...]
    random: bool

    @property
    def args(self) -> tuple[str, ...]:
        """The names of the function's arguments."""


def contract_steps(contract: Contract, steps: Sequence[Step]) -> list[Step]:
    """Return the steps that hold an answer to the contract, made from the cases of its check.

    Args:
        contract: the exercise.
        steps: its own steps, in which each case says what should come out.
    """
    cases = [step for step in steps if isinstance(step, Case) and step.derived]
    alone = [_first_row(contract, case) for case in cases] if contract.rows else []
    mixed = _mixed(contract, cases) if contract.rows and not contract.random else []
    single = [_in_float32(contract, case) for case in [*cases, *alone[:1], *mixed]]
    gradients = [] if contract.random else [*cases, *mixed]
    derived = [_has_gradients(contract, case) for case in gradients if contract.gradients]
    return [*alone, *mixed, *single, *derived]


def _first_row(contract: Contract, case: Case) -> Case:
    """Return the case with a batch of one."""
    inputs = tuple(
        value.narrow(contract.row_dim, 0, 1) if name in contract.rows else value
        for name, value in zip(contract.args, case.inputs, strict=True)
    )
    return _made(contract, case, inputs, "for a batch of one")


def _mixed(contract: Contract, cases: Sequence[Case]) -> list[Case]:
    """Return cases that hold the rows of several others, whatever their size is."""
    groups: dict[Any, list[Case]] = {}
    for case in cases:
        groups.setdefault(_kind(contract, case), []).append(case)
    several = [group for group in groups.values() if len(group) > 1]
    return [_together(contract, group) for group in several]


def _kind(contract: Contract, case: Case) -> Any:
    """Return what two cases must share if their rows are to stand in one batch."""
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
    return _made(contract, loosest, inputs, "with rows of very different size")


def _in_float32(contract: Contract, case: Case) -> Case:
    """Return the case in single precision; the tolerance is what rounding does to our own way."""
    inputs = tuple(v.float() if v.is_floating_point() else v for v in case.inputs)
    pairs = list(zip(_many(_right(contract, inputs)), _many(case.expected), strict=True))
    errors = [0.0 if contract.random else float((a - b).abs().max()) for a, b in pairs]
    return replace(
        case,
        inputs=inputs,
        expected=_map(lambda v: v.float() if v.is_floating_point() else v, case.expected),
        where=f"{case.where} in float32",
        tolerance=max(1e-4, ROUNDING * max(errors)),
    )


def _made(contract: Contract, case: Case, inputs: tuple[Tensor, ...], where: str) -> Case:
    return replace(case, inputs=inputs, expected=_right(contract, inputs), where=where)


def _right(contract: Contract, inputs: Sequence[Tensor]) -> Any:
    return contract.right(*(value.clone() for value in inputs))


def _has_gradients(contract: Contract, case: Case) -> Step:
    """Return the step that compares the answer's gradients with the right ones on a case."""
    wanted = [name in contract.gradients for name in contract.args]
    names = [name for name in contract.args if name in contract.gradients]

    def step(answer: Answer) -> Problem | None:
        generator = torch.Generator().manual_seed(0)
        weights = [
            torch.randn(part.shape, generator=generator, dtype=part.dtype)
            for part in _many(case.expected)
        ]
        data = {"inputs_": list(case.inputs), "wanted_": wanted, "weights_": weights}
        expression = GRADIENTS.format(name=answer.name)
        came = answer.ask(expression, **data)
        right = answer.twin(contract.right).ask(expression, **data)
        pieces = list(zip(answer.parts or ("",), came, right, strict=True))
        order = list(answer.formulas)
        pieces.sort(key=lambda piece: order.index(piece[0]) if piece[0] else 0)
        for part, got, expected in pieces:
            for arg, one, other in zip(names, got, expected, strict=True):
                problem = _compare(part or "the result", arg, one, other)
                if problem is not None:
                    return problem._replace(inputs=show_inputs(answer.args, case.inputs))
        return None

    return step


def _compare(part: str, arg: str, got: Tensor | None, right: Tensor | None) -> Problem | None:
    """Return what is wrong with the gradient of a part with respect to an argument."""
    if right is None or not right.any():
        return (
            None
            if got is None or torch.allclose(got, torch.zeros_like(got), atol=1e-9)
            else (Problem(f"{part} has a gradient with respect to {arg}.", "a gradient", "none"))
        )
    if got is None or not got.any():
        passes = got is not None
        return Problem(
            f"no gradient of {part} reaches {arg}."
            if passes
            else f"no gradient passes through {part}.",
            f"gradient 0 with respect to {arg}" if passes else "a constant",
            f"gradient {show_pair(right, right, 1e-6)[0]}",
            why="training follows this gradient",
            hint="no detach, no_grad, .data, .item() or numpy on the way",
        )
    size = float(right.abs().max())
    if torch.allclose(got, right, rtol=1e-6, atol=1e-6 * max(1.0, size)):
        return None
    return Problem(
        f"the gradient with respect to {arg} is wrong.",
        *show_pair(got, right, 1e-6),
        why="the values are right, but training follows the gradient",
        hint=f"does {arg} pass through .data, detach or a clamp somewhere?",
    )


def _many(value: Any) -> tuple[Tensor, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    several = isinstance(value, tuple | list)
    return tuple(map(function, value)) if several else function(value)
