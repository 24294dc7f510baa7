"""What a check shows the reader: one line on what is now known, or six on what is wrong.

Nothing here writes to stderr: nbgrader treats any output there as a failure. Lines are short enough
for its validator, which cuts them at 87 characters.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType

from IPython.display import display

__all__ = [
    "FIRST_LINE",
    "LINE",
    "CheckFailed",
    "NotStarted",
    "Passed",
    "describe_error",
    "is_stub",
    "notebook_functions",
    "place_of",
    "skip_unfinished",
]

FIRST_LINE, LINE = 66, 80
LONGEST_ERROR = 200
STUB = "your code goes here"  # the end of a released stub's message
MARGIN = 12  # the column of the text next to "inputs", "got", "expected", "why" and "try"


class CheckFailed(AssertionError):
    """A wrong answer: what is wrong, got, expected, why, and what to try.

    IPython shows only the message, without the frames of the check.

    Args:
        headline: ``"name: what is wrong."``, at most 66 characters.
        inputs: shapes and dtype of the inputs.
        got: what the answer returned.
        expected: what it should return.
        why: the reason, with its formula and slide.
        hint: what to try.

    Example:
        >>> print(CheckFailed("kl: the sign is reversed.", got="-1", expected="+1"))
        kl: the sign is reversed.
          got       -1
          expected  +1
    """

    def __init__(
        self,
        headline: str,
        *,
        inputs: str = "",
        got: str = "",
        expected: str = "",
        why: str = "",
        hint: str = "",
    ) -> None:
        self.lines = [textwrap.shorten(headline, FIRST_LINE, placeholder=" ...")]
        lines = {"inputs": inputs, "got": got, "expected": expected, "why": why, "try": hint}
        for label, text in lines.items():
            self.lines += _beside(label, text)
        super().__init__("\n".join(self.lines))

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints instead of a traceback."""
        return self.lines


class NotStarted(CheckFailed):
    """An answer that is still the stub; it fails the cell without further comment.

    Args:
        name: the exercise.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: not started yet.")


def _beside(label: str, text: str) -> list[str]:
    """Return ``text`` wrapped next to its label; nothing if there is no text."""
    width = LINE - MARGIN
    lines = [part for line in text.splitlines() for part in _wrap(line, width)]
    first = f"  {label}".ljust(MARGIN)
    return [(first if i == 0 else " " * MARGIN) + line for i, line in enumerate(lines)]


def _wrap(line: str, width: int) -> list[str]:
    """Return pieces of at most ``width`` characters; a line that fits keeps its spaces."""
    return [line] if len(line) <= width else textwrap.wrap(line, width)


class Passed:
    """A right answer: one line that says what is now known about it.

    Args:
        name: the exercise.
        what: what is now known about the answer.

    Example:
        >>> Passed("kl", "never negative, and zero for the prior itself.")
        ✓ kl: never negative, and zero for the prior itself.
    """

    def __init__(self, name: str, what: str) -> None:
        self.name, self.what = name, what

    def __repr__(self) -> str:
        return f"✓ {self.name}: {self.what}"

    def _repr_html_(self) -> str:
        return (
            '<div role="status" style="border-left: 3px solid currentColor; padding: 0.1em 0.7em;'
            ' color: var(--jp-ui-font-color1, currentColor)">'
            f"✓ <code>{html.escape(self.name)}</code>: {html.escape(self.what)}</div>"
        )

    def show(self) -> None:
        """Show it below the cell, or print it outside a notebook."""
        # nbgrader would read it as partial credit if it were the cell's value.
        display(self)


@contextmanager
def skip_unfinished() -> Iterator[None]:
    """Run the block, which uses a student's functions; turn their errors into one calm message.

    An unfinished exercise is named, and the notebook continues. An error in a function of the
    notebook, or in the cell's use of its results, becomes one message without frames. An error in a
    cell that uses no such function is raised unchanged.

    Raises:
        CheckFailed: if a function of the notebook, or its result, causes an error.

    Example:
        >>> with skip_unfinished():
        ...     raise NotImplementedError("planar: your code goes here")
        Not started yet: planar. Come back to this cell afterwards.
    """
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        if is_stub(error):
            name = str(error).removesuffix(STUB).rstrip(": ") or "an exercise this cell needs"
            print(f"Not started yet: {name}. Come back to this cell afterwards.")
            return
        inside, used = notebook_functions(error)
        if not used:
            raise
        kind = type(error).__name__
        headline = f"{inside}: it stops with {kind}." if inside else f"this cell stops with {kind}."
        why = "" if inside else f"it cannot handle what {' or '.join(used)} returns"
        hint = "the check says more" if inside else "run the checks of these functions"
        raise CheckFailed(headline, got=describe_error(error), why=why, hint=hint) from None


def notebook_functions(error: Exception) -> tuple[str, list[str]]:
    """Return which function of the notebook the error arose in, and which ones the cell used.

    Returns:
        The name of the function, empty if the error arose in the cell itself or in one of its
        classes; and all functions of the notebook that the code in the traceback names.
    """
    inside, used, frame = "", [], error.__traceback__
    while frame is not None:
        names, code = frame.tb_frame.f_globals, frame.tb_frame.f_code
        if names.get("__name__") == "__main__":
            ours = [name for name in code.co_names if _is_of_the_notebook(names.get(name))]
            function = names.get(code.co_name)
            inside = inside or (code.co_name if _is_of_the_notebook(function) else "")
            used += [name for name in ours if name not in used]
        frame = frame.tb_next
    return inside, used


def _is_of_the_notebook(value: object) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == "__main__"


def is_stub(error: Exception) -> bool:
    """Return whether the error comes from a stub, released or bare; torch raises this type too."""
    text = str(error)
    return isinstance(error, NotImplementedError) and (not text or text.endswith(STUB))


def describe_error(error: Exception) -> str:
    """Return the error's own text on one line, cut if it is long."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 3] + "..."


def place_of(error: Exception) -> str:
    """Return the line of the notebook cell in which the error arose, or "" if elsewhere."""
    place, frame = "", error.__traceback__
    while frame is not None:
        if "ipykernel" in frame.tb_frame.f_code.co_filename:
            place = f"it happens in line {frame.tb_lineno} of the cell"
        frame = frame.tb_next
    return place
