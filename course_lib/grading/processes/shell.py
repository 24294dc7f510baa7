"""Run notebook cells in this process, with IPython, and collect what they show.

IPython runs the cell as it does in a kernel: magics, ``display``, figures, top-level await. What
is missing is the kernel's wire protocol; what a cell shows comes back as a list of outputs.
"""

from __future__ import annotations

import base64
import builtins
import io
import os
import sys
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

__all__ = ["Shell", "new_shell"]

os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as a kernel does


class _Publisher(DisplayPublisher):
    """Collect what ``display`` publishes."""

    def publish(self, data: dict[str, Any], metadata: Any = None, **_: Any) -> None:
        """Collect one bundle."""
        self.shell.collect("display_data", data=_as_text(data), metadata=_sizes(metadata))

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell showed so far."""
        self.shell.shown.clear()


class _Hook(DisplayHook):
    """Collect a cell's value."""

    def write_output_prompt(self) -> None:
        """Write none."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        """Collect the value."""
        shown = {"data": _as_text(format_dict), "metadata": _sizes(md_dict)}
        self.shell.collect("execute_result", **shown, execution_count=None)

    def finish_displayhook(self) -> None:
        """Write nothing more."""


class _Stream(io.TextIOBase):
    """A stand-in for stdout or stderr."""

    encoding = "utf-8"

    def __init__(self, shell: Shell, name: str) -> None:
        self.shell, self.label = shell, name

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Collect the text."""
        self.shell.collect_text(self.label, str(text))
        return len(text)


class Shell(InteractiveShell):
    """IPython without a terminal; ``show`` runs a cell and returns its outputs."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)

    def show(self, source: str, room: int) -> tuple[list[dict[str, Any]], str]:
        """Run a cell.

        Args:
            source: its source.
            room: bytes of output to keep; what comes after is dropped.

        Returns:
            The outputs as in a notebook file, and the name of the error that ended it, or "".
        """
        self.shown: list[dict[str, Any]] = []
        self.room, self.failure = room, ""
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        try:
            self.run_cell(source, store_history=False)
        finally:
            sys.stdout, sys.stderr = before
        return self.shown, self.failure

    def collect(self, kind: str, **fields: Any) -> None:
        """Keep an output, if there is room for it."""
        size = len(repr(fields))
        if size <= self.room:
            self.room -= size
            self.shown.append({"output_type": kind, **fields})
        elif self.room > 0:
            self.room = 0
            self.collect_note("more output was left out")

    def collect_text(self, name: str, text: str) -> None:
        """Keep text of a stream, as far as there is room for it."""
        kept = text[: max(self.room, 0)]
        self.room -= len(kept)
        if not kept:
            return
        last = self.shown[-1] if self.shown else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += kept
        else:
            self.shown.append({"output_type": "stream", "name": name, "text": kept})
        if len(kept) < len(text):
            self.collect_note("more output was left out")

    def collect_note(self, text: str) -> None:
        """Say in the output what became of the rest."""
        self.shown.append({"output_type": "stream", "name": "stdout", "text": f"\n[{text}]\n"})

    def _showtraceback(self, etype: type, evalue: Any, stb: Any) -> None:
        lines = stb if isinstance(stb, list) else str(stb).splitlines()
        self.failure = getattr(etype, "__name__", "Error")
        message = str(evalue)[: self.room + 1000]
        traceback = [str(line) for line in lines]
        if sum(map(len, traceback)) > max(self.room, 1000):
            traceback = [f"{self.failure}: {message[:1000]}"]
        self.shown.append(
            {
                "output_type": "error",
                "ename": self.failure,
                "evalue": message,
                "traceback": traceback,
            }
        )

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no window."""


def new_shell() -> Shell:
    """Return a shell whose namespace is the module ``__main__``, as in a kernel."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ast_node_interactivity = "last_expr"
    shell = Shell.instance(config=config)
    builtins.input = _no_input
    shell.enable_matplotlib = lambda *_, **__: ("inline", "inline")
    return shell


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() has nobody to ask while a notebook is graded")


def _sizes(metadata: Any) -> dict[str, dict[str, int]]:
    """How large the pictures of a bundle are to be shown, in pixels."""
    sizes = {}
    for kind in ("image/png", "image/jpeg"):
        said = (metadata or {}).get(kind, {})
        numbers = {k: said[k] for k in ("width", "height") if type(said.get(k)) is int}
        if numbers:
            sizes[kind] = numbers
    return sizes


def _as_text(data: dict[str, Any]) -> dict[str, str]:
    """The kinds of a bundle that a page may show, as text."""
    shown = {}
    for kind in ("text/plain", "image/png", "image/jpeg"):
        value = data.get(kind)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(value, str):
            shown[kind] = value
    return shown
