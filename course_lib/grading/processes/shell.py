"""Run notebook cells in this process, with IPython, and collect their outputs.

IPython runs a cell as it does in a kernel: magics, ``display``, figures, top-level await. Only the
kernel's wire protocol is missing; the outputs come back as a list.
"""

from __future__ import annotations

import base64
import builtins
import io
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

__all__ = ["Shell", "new_shell", "origin"]

LONGEST_NAME, LONGEST_ERROR = 200, 20_000

os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as a kernel does


class _Publisher(DisplayPublisher):
    """Collect what ``display`` publishes."""

    def publish(self, data: dict[str, Any], metadata: Any = None, **_: Any) -> None:
        """Collect one bundle."""
        self.shell.collect("display_data", data=_as_text(data), metadata=_sizes(metadata))

    def clear_output(self, wait: bool = False) -> None:
        """Drop the outputs so far."""
        self.shell.shown.clear()


class _Hook(DisplayHook):
    """Collect a cell's value."""

    def write_output_prompt(self) -> None:
        """Write no prompt."""

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

    def show(self, source: str, room: int) -> bytes:
        """Run a cell.

        Args:
            source: its source.
            room: bytes of output to keep; the rest is dropped.

        Returns:
            JSON: ``outputs`` as in a notebook file, and ``failure``, the name of the error that
            ended the cell, or "".
        """
        self.shown: list[dict[str, Any]] = []
        self.room, self.failure = room, ""
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        try:
            done = self.run_cell(source, store_history=False)
            error = done.error_before_exec or done.error_in_exec
            if error is not None and not self.failure:  # an error without output is one
                self._showtraceback(type(error), "", [])
        finally:
            sys.stdout, sys.stderr = before
        return self._as_json()

    def failed(self, name: str, text: str) -> bytes:
        """Return the result of ``show`` for a cell that cannot run: this error."""
        self.shown, self.failure = [], name
        self.shown.append(_error(name, text, [text]))
        return self._as_json()

    def _as_json(self) -> bytes:
        for output in self.shown:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        said = {"outputs": self.shown, "failure": self.failure}
        return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")

    def collect(self, kind: str, **fields: Any) -> None:
        """Keep an output, if there is room."""
        size = len(repr(fields))
        credit = kind == "execute_result" and size < LONGEST_ERROR  # errors may cost points
        if size <= self.room or credit:
            self.room -= size
            self.shown.append({"output_type": kind, **fields})
        elif self.room > 0:
            self.room = 0
            self._note()

    def collect_text(self, name: str, text: str) -> None:
        """Keep text of a stream, as far as there is room."""
        kept = text[: max(self.room, 0)]
        if not kept:
            return
        self.room -= len(kept)
        last = self.shown[-1] if self.shown else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(kept)
        else:
            self.shown.append({"output_type": "stream", "name": name, "text": [kept]})
        if len(kept) < len(text):
            self._note()

    def _note(self) -> None:
        text = ["\n[more output was left out]\n"]
        self.shown.append({"output_type": "stream", "name": "stdout", "text": text})

    def _showtraceback(self, etype: type, evalue: Any, stb: Any) -> None:
        self.failure = str(etype.__name__)[:LONGEST_NAME]
        message = str(evalue)[:LONGEST_ERROR]
        lines = [str(line) for line in (stb if isinstance(stb, list) else str(stb).splitlines())]
        if sum(map(len, lines)) > 2 * LONGEST_ERROR:
            lines = [f"{self.failure}: {message}"]
        self.shown.append(_error(self.failure, message, lines))

    def system(self, cmd: str) -> None:
        """Run a command line and show its output; there is no terminal."""
        done = subprocess.run(
            self.var_expand(cmd, depth=1),
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.user_ns["_exit_code"] = done.returncode
        print(done.stdout.decode(errors="replace"), end="")

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no window."""


def origin(value: Any) -> str:
    """Return the origin of an object: two processes that import the same get the same text.

    Args:
        value: a module, a function, a class, or any other object.

    Example:
        >>> origin(json), origin(json.loads), origin(2.5)
        ('json', 'json.loads', 'float 2.5')
    """
    if isinstance(value, ModuleType):
        return value.__name__
    if callable(value) and getattr(value, "__qualname__", None):
        return f"{getattr(value, '__module__', None)}.{value.__qualname__}"
    shown = repr(value)[:LONGEST_NAME] if type(value) in (bool, int, float, str) else ""
    return f"{type(value).__name__} {shown}".strip()


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


def _error(name: str, message: str, lines: list[str]) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": lines}


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() has nobody to ask while a notebook is graded")


def _sizes(metadata: Any) -> dict[str, dict[str, int]]:
    """Return the display sizes of the pictures in a bundle, in pixels."""
    sizes = {}
    for kind in ("image/png", "image/jpeg"):
        said = (metadata or {}).get(kind, {})
        numbers = {k: said[k] for k in ("width", "height") if type(said.get(k)) is int}
        if numbers:
            sizes[kind] = numbers
    return sizes


def _as_text(data: dict[str, Any]) -> dict[str, str]:
    """Return the MIME types of a bundle that a page may show, as text."""
    shown = {}
    for kind in ("text/plain", "image/png", "image/jpeg"):
        value = data.get(kind)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(value, str):
            shown[kind] = value
    return shown
