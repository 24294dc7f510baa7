"""The only access to the student's namespace: an expression goes in, data comes out.

A check calls a student's function with plain data, or uses ``ask``. So the same check works in the
student's notebook, where ``ask`` evaluates in this process, and under a grader that keeps the
student's code in another process and passes its own ``ask`` to the check.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol

import torch

__all__ = ["Ask", "ask", "evaluate"]


class Ask(Protocol):
    """Anything that evaluates an expression in the student's namespace."""

    def __call__(self, expression: str, **data: Any) -> Any:
        """Return the value of the expression, as data."""


def ask(expression: str, **data: Any) -> Any:
    """Return the value of a Python expression in the notebook's namespace.

    Args:
        expression: one expression; it may use ``torch``, the notebook's names and those of
            ``data``, and its value must be data: tensors, numbers, strings, lists, tuples, dicts.
        **data: values the expression uses by name.

    Returns:
        The value.

    Example:
        >>> ask("(x * 2).sum().item()", x=torch.ones(3))
        6.0
    """
    return evaluate(expression, vars(sys.modules["__main__"]), data)


def evaluate(expression: str, names: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """Return the value of an expression that may use ``torch``, ``names`` and ``data``.

    Args:
        expression: one Python expression.
        names: the namespace.
        data: further names, which take precedence.
    """
    # One dictionary, as globals: lambdas and comprehensions inside do not see eval's locals.
    return eval(expression, {**names, "torch": torch, **data})
