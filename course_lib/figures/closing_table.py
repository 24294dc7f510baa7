"""The closing table of a lecture: its claims, the results of this run, and of three seeds."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

from course_lib.measured import measured, verdict

__all__ = ["ClosingTable", "closing_table"]

HEADER = ("the lecture claims", "this run", "three seeds", "verdict")
WIDTHS = (36, 18, 24, 30)  # characters; a line of text stays below 120
CELL = "text-align: left; vertical-align: top; padding: 0.3em 0.8em"

Row = tuple[str, object, tuple[str, str] | None] | tuple[str, object, tuple[str, str] | None, str]


class ClosingTable:
    """A table that a notebook shows as HTML and a terminal as text.

    Args:
        rows: one tuple of four texts for each claim, in the order of ``HEADER``.
    """

    def __init__(self, rows: Sequence[tuple[str, str, str, str]]) -> None:
        self.rows = tuple(rows)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="{CELL}">{html.escape(c)}</th>' for c in HEADER)
        body = "".join(f"<tr>{_html_row(row)}</tr>" for row in self.rows)
        caption = "What the lecture claims, and what was measured"
        return (
            f"<table><caption>{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        rule = "  ".join("-" * width for width in WIDTHS)
        return "\n".join([_text_row(HEADER), rule, *map(_text_row, self.rows)])


def closing_table(rows: Sequence[Row]) -> ClosingTable:
    """Return the closing table of a lecture.

    Args:
        rows: for each claim its sentence, the result of this run (shown as its ``str``), the claim
            and figure to look up with ``measured`` or None, and, to replace the packaged verdict, a
            verdict.

    Returns:
        A table with the columns ``the lecture claims | this run | three seeds | verdict``.

    Raises:
        KeyError: if there is no such claim or figure.
        ValueError: if there is no row, or a row has neither a measured figure nor a verdict.

    Example:
        >>> row = ("log p = ELBO + gap", 3e-16, ("bound_identity", "largest residual, float64"))
        >>> print("holds exactly" in repr(closing_table([row])))
        True
    """
    if not rows:
        raise ValueError("rows: expected at least one row, got none")
    return ClosingTable([_filled_in(*row) for row in rows])


def _filled_in(
    claim: str, this_run: object, figure: tuple[str, str] | None, given: str | None = None
) -> tuple[str, str, str, str]:
    if figure is None and given is None:
        raise ValueError(f"rows: {claim!r} has no measured figure, so it needs a verdict")
    three_seeds = "" if figure is None else str(measured(*figure))
    return claim, str(this_run), three_seeds, verdict(figure[0]) if given is None else given


def _html_row(row: tuple[str, ...]) -> str:
    first, *others = (html.escape(cell) for cell in row)
    cells = "".join(f'<td style="{CELL}">{cell}</td>' for cell in others)
    return f'<th scope="row" style="{CELL}; font-weight: normal">{first}</th>{cells}'


def _text_row(row: tuple[str, ...]) -> str:
    """Return one row as lines, each cell wrapped within its column."""
    cells = [textwrap.wrap(cell, width) for cell, width in zip(row, WIDTHS, strict=True)]
    lines = []
    for i in range(max(map(len, cells))):
        parts = [cell[i] if i < len(cell) else "" for cell in cells]
        lines.append("  ".join(f"{p:{w}}" for p, w in zip(parts, WIDTHS, strict=True)).rstrip())
    return "\n".join(lines)
