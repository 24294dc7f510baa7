"""Which names a cell binds and which it takes from elsewhere, found by parsing its source."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator

__all__ = [
    "bound_names",
    "changed_names",
    "deferred_names",
    "defined_names",
    "free_names",
    "imported_names",
    "parse",
]

MAGIC = re.compile(r"^([ \t]*\w+[ \t]*=[ \t]*)?[%!].*$", re.MULTILINE)
# Methods that change a container in place.
CHANGES = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove"),
    *("reverse", "setdefault", "sort", "update"),
}


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a cell without IPython's magics.

    Args:
        source: the code of one cell.

    Raises:
        SyntaxError: if it is not Python.
    """
    return ast.parse(_plain(source))


def bound_names(source: str) -> set[str]:
    r"""Return the names that a cell binds at its top level.

    Example:
        >>> sorted(bound_names("import torch\ndef f(x):\n    y = x\nz = f(1)"))
        ['f', 'torch', 'z']
    """
    top = _table(source)
    return {s.get_name() for s in top.get_symbols() if _is_bound(s)} | {
        s.get_name()
        for table in _tables(top)
        for s in table.get_symbols()
        if s.is_declared_global() and s.is_assigned()
    }


def defined_names(source: str) -> set[str]:
    r"""Return the names that a cell imports or defines by ``def`` or ``class`` at its top level.

    Example:
        >>> sorted(defined_names("import torch\ndef f(x):\n    y = x\nz = f(1)"))
        ['f', 'torch']
    """
    symbols = _table(source).get_symbols()
    return {s.get_name() for s in symbols if s.is_imported() or s.is_namespace()}


def imported_names(source: str) -> set[str]:
    r"""Return the names that a cell imports at its top level; ``*`` adds none.

    Example:
        >>> sorted(imported_names("import os.path\nfrom math import tau as t\nx = 1"))
        ['os', 't']
    """
    return {s.get_name() for s in _table(source).get_symbols() if s.is_imported()}


def free_names(source: str) -> set[str]:
    r"""Return the names that a cell reads but does not bind, builtins excluded.

    Example:
        >>> sorted(free_names("x = f(len(y))\nprint(x)"))
        ['f', 'y']
    """
    read = {s.get_name() for s in _table(source).get_symbols() if s.is_referenced()}
    return (read - bound_names(source) - set(dir(builtins))) | deferred_names(source)


def deferred_names(source: str) -> set[str]:
    r"""Return the free names that a cell's functions read, perhaps only when a later cell runs.

    Example:
        >>> sorted(deferred_names("def f(x):\n    return g(x) + y\nz"))
        ['g', 'y']
    """
    top = _table(source)
    read = {
        symbol.get_name()
        for table in _tables(top)
        if table is not top
        for symbol in table.get_symbols()
        if symbol.is_global()
    }
    return read - bound_names(source) - set(dir(builtins))


def changed_names(source: str) -> set[str]:
    r"""Return the names of containers that a cell changes in place without binding them.

    Example:
        >>> sorted(changed_names("seen.append(1)\ndef f(d, x):\n    table[x] = d.pop(x)"))
        ['seen', 'table']
    """
    found: set[str] = set()
    for node in ast.walk(parse(source)):
        base: ast.AST | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = node.func.value if node.func.attr in CHANGES else None
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            base = node.value
        if isinstance(base, ast.Name):
            found.add(base.id)
    return found & free_names(source)


def _plain(source: str) -> str:
    """Return the source without magics; a magic whose value is assigned becomes None."""
    return MAGIC.sub(lambda found: f"{found[1]}None" if found[1] else "", source)


def _table(source: str) -> symtable.SymbolTable:
    return symtable.symtable(_plain(source), "<cell>", "exec")


def _tables(top: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield top
    for child in top.get_children():
        yield from _tables(child)


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
