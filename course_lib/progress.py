"""A progress bar that leaves a readable line in a saved notebook and nothing in a graded one."""

from __future__ import annotations

import html
import os
import sys
import time
from types import TracebackType
from typing import Any, Self

__all__ = ["Progress", "say_if_unfinished"]

SECONDS_BETWEEN_UPDATES = 0.2


class Progress:
    """Shows how far long work has come: a bar in a notebook, one line in a terminal, else nothing.

    It is silent under pytest and while nbgrader executes a submission, and never writes to stderr.

    Args:
        total: how many steps the work has.
        label: what is being done.
        visible: False to show nothing.

    Example:
        >>> with Progress(3, "counting") as progress:
        ...     for step in range(3):
        ...         progress.update(step + 1, "going well")
    """

    def __init__(self, total: int, label: str, visible: bool = True) -> None:
        self.total, self.label = total, label
        self._show = _display() if visible else None
        self._last = 0.0
        self._state = (0, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._show is not None:
            self._show(*self._state, self.total, self.label, True)

    def update(self, step: int, text: str = "") -> None:
        """Show ``step`` of ``total`` and a few words, at most five times a second."""
        self._state = (step, text)
        now = time.monotonic()
        if self._show is not None and now - self._last >= SECONDS_BETWEEN_UPDATES:
            self._last = now
            self._show(step, text, self.total, self.label, False)


def say_if_unfinished(model: Any) -> None:
    """Print one line if the training of the model was stopped before its last step."""
    where = getattr(model, "unfinished", None)
    if where:
        print(
            f"unfinished: the training of this {type(model).__name__} was stopped at {where};"
            " what follows is not the result of the whole training."
        )


def _display() -> Any:
    """Return the function that shows a state in this process, or None where silence is due."""
    if "PYTEST_CURRENT_TEST" in os.environ or "NBGRADER_EXECUTION" in os.environ:
        return None
    if "IPython" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel"):
        return _Notebook()
    return _terminal if sys.stdout.isatty() else None


class _Notebook:
    """One output that is replaced in place: HTML where it can be shown, and plain text."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, step: int, text: str, total: int, label: str, last: bool) -> None:
        from IPython.display import display

        line = f"{label}: {step}/{total} {text}".rstrip()
        bar = f'<progress value="{step}" max="{total}" aria-label="{html.escape(label)}">'
        bundle = {"text/plain": line, "text/html": f"{bar}</progress> {html.escape(line)}"}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _terminal(step: int, text: str, total: int, label: str, last: bool) -> None:
    print(f"\r{label}: {step}/{total} {text}".ljust(79), end="\n" if last else "", flush=True)
