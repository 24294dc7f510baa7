"""Ctrl-C, or the notebook's stop button, ends a run between two steps, and then the cell."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.training.run import History

__all__ = ["Stopped", "stop_event"]


class Stopped(KeyboardInterrupt):
    """The reader stopped a training run: the cell ends, and the message says how far it got.

    A notebook shows only the message, without a traceback.

    Args:
        message: what was stopped, at which step, and what happens if the cell is run again.
        history: what the run had recorded.
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints instead of a traceback."""
        return [str(self)]


@contextmanager
def stop_event() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets, so that a run ends only between two steps.

    A second Ctrl-C interrupts at once. Outside the main thread, where signals cannot be handled,
    Ctrl-C raises as usual.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def set_event(number: int, frame: Any) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = signal.signal(signal.SIGINT, set_event)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
