"""The rules for cells in every course, whether or not its notebooks come from percent files.

The judge runs the test cells in a process without the student's code. It can call the student's
functions and gets plain data back; classes, attributes and pickles do not cross over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from course_lib.notebooks.names import parse

__all__ = ["alternate", "called_name", "definitions", "unjudgeable"]

INTROSPECTION = {"isinstance", "issubclass", "type", "getattr", "hasattr", "vars", "dir", "id"}
PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "inspect"}
TOLD = {"__doc__", "__name__", "__qualname__"}
"""Attributes of a function that the judge knows."""


def alternate(found: Sequence[str], begin: str, end: str) -> bool:
    """Return whether the markers found in a cell are begin, end, begin, end, ...

    Example:
        >>> alternate(["BEGIN", "END"], "BEGIN", "END"), alternate(["END"], "BEGIN", "END")
        (True, False)
    """
    return list(found) == [begin, end] * (len(found) // 2)


def definitions(sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the names of functions and of classes that cells define at their top level.

    Args:
        sources: the code of the cells; a cell that is not valid Python defines nothing.
    """
    functions: set[str] = set()
    classes: set[str] = set()
    for source in sources:
        try:
            body = parse(source).body
        except SyntaxError:
            continue
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.add(node.name)
            elif isinstance(node, ast.ClassDef):
                classes.add(node.name)
    return functions, classes


def unjudgeable(tree: ast.Module, functions: set[str], classes: set[str]) -> list[str]:
    """Return what a test does that a judge in another process cannot do, in order of appearance.

    It may call a student's function, pass it to a check, bind it to another name, or read its
    ``__doc__`` and ``__name__``.

    Args:
        tree: the test cell.
        functions: the names of the student's functions.
        classes: the names of the student's classes.

    Example:
        >>> unjudgeable(parse("assert f(1) and g.cache"), {"f", "g"}, set())
        ['uses g other than by calling it']
    """
    return sorted({*_misused(tree, functions), *_foreign(tree, classes)})


def _misused(tree: ast.Module, functions: set[str]) -> Iterable[str]:
    allowed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node.func) not in INTROSPECTION:
            given = (node.func, *node.args, *(keyword.value for keyword in node.keywords))
            allowed |= set(map(id, given))
        elif isinstance(node, ast.Assign) or (
            isinstance(node, ast.Attribute) and node.attr in TOLD
        ):
            allowed.add(id(node.value))
    for node in ast.walk(tree):
        read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if read and node.id in functions and id(node) not in allowed:
            yield f"uses {node.id} other than by calling it"


def _foreign(tree: ast.Module, classes: set[str]) -> Iterable[str]:
    """Yield uses of students' classes, and of modules that inspect or pickle objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in classes:
            yield f"uses the student's class {node.id}"
        elif isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            yield from (f"imports {name}" for name in names & PICKLES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
            yield f"imports {node.module}"


def called_name(function: ast.expr) -> str:
    """Return the last name of a called function: allclose for torch.allclose."""
    return getattr(function, "attr", getattr(function, "id", ""))
