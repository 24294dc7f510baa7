"""Whether an answer uses the checks; it may call the rest of the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["uses_the_checks"]

PACKAGE = "course_lib.checks"
TRACES = (PACKAGE, "course_lib/checks", ".toml")  # in a string in an answer


def uses_the_checks(function: Callable[..., Any]) -> bool:
    """Return whether an answer, or a function of the notebook that it calls, uses the checks.

    Args:
        function: the answer.

    Example:
        >>> uses_the_checks(abs), uses_the_checks(lambda x: open("planar.toml"))
        (False, True)
    """
    seen: set[int] = set()
    waiting: list[Any] = [function]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if _is_of_the_checks(value):
            return True
        if isinstance(value, FunctionType):
            codes = list(_codes(value.__code__))
            if any(map(_names_the_checks, codes)):
                return True
            waiting += _reached_by(value, codes)
    return False


def _is_of_the_checks(value: Any) -> bool:
    named = value.__name__ if isinstance(value, ModuleType) else None
    module = named or getattr(value, "__module__", None) or type(value).__module__
    return isinstance(module, str) and module.startswith(PACKAGE)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _names_the_checks(code: CodeType) -> bool:
    imported = any(name.startswith(PACKAGE) for name in code.co_names)
    strings = [constant for constant in code.co_consts if isinstance(constant, str)]
    quoted = any(trace in string for string in strings for trace in TRACES)
    return imported or quoted or {"course_lib", "checks"} <= set(code.co_names)


def _reached_by(function: FunctionType, codes: list[CodeType]) -> list[Any]:
    """Return the objects in a function's closure and defaults, and those it finds by name."""
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    if function.__globals__.get("__name__", "").startswith(("torch", "course_lib")):
        return held
    names = {name for code in codes for name in code.co_names}
    return held + [function.__globals__[name] for name in names & function.__globals__.keys()]
