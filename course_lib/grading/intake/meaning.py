"""Whether an edit of a test cell changes what it does, or only adds comments, space or prints.

Students add a print to a test to see what it does, and editors add lines; neither is tampering.
"""

from __future__ import annotations

import ast

from course_lib.notebooks.names import MAGIC, parse

__all__ = ["same_meaning"]

MOST = 20_000  # characters that an edit may add; longer edits are not compared
SHOWS = {"print", "display"}
ACTS = ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom


def same_meaning(edited: str, original: str) -> bool:
    r"""Return whether two code cells are the same except for blank lines, comments and prints.

    Args:
        edited: the submitted code.
        original: the released code.

    Example:
        >>> same_meaning("assert f(1) == 2  # why?\nprint(f(1),)", "assert f( 1 ) == 2")
        True
    """
    if len(edited) > len(original) + MOST:
        return False
    try:
        return _meaning(edited) == _meaning(original)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _meaning(source: str) -> tuple[list[str], str]:
    tree = _Silent().visit(parse(source))
    return [found[0].strip() for found in MAGIC.finditer(source)], ast.dump(tree)


class _Silent(ast.NodeTransformer):
    """Remove the statements that only print something."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        call = node.value
        shows = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if shows and call.func.id in SHOWS:
            return node if any(isinstance(part, ACTS) for part in ast.walk(call)) else None
        return node
