"""The main loop of a forked process: read a message, act on it, answer."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.grading.processes import arrays
from course_lib.grading.processes.codec import decode
from course_lib.grading.processes.judge import Judge
from course_lib.grading.processes.shell import new_shell
from course_lib.grading.processes.student import Student, reply
from course_lib.grading.processes.wire import Closed, Link
from course_lib.grading.sandbox.limits import Limits

__all__ = ["serve"]


def serve(role: str, talk: socket.socket, limits: Limits) -> None:
    """Serve one submission until the coordinator closes the socket.

    The first message contains the files for the work folder, which is the current folder.

    Args:
        role: "student" or "judge".
        talk: the socket.
        limits: the resources that the process may use.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arrays.MAY_IMPORT = True
    link = Link(talk)
    _lay_out(decode(link.receive(limits.message)[1]))
    sys.path.insert(0, str(Path.cwd()))  # helper modules are next to the notebook
    if role == "judge":
        handlers = Judge(new_shell(), limits.output, _relay(link, limits)).kinds
    else:
        handlers = Student(new_shell(), limits.output).kinds
    link.send("+")
    while True:
        try:
            kind, payload = link.receive(limits.message)
        except Closed:
            return
        link.send("R", _quietly(handlers[kind], payload))


def _lay_out(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _quietly(handler: Callable[[Any], Any], payload: bytes) -> bytes:
    """Handle a message; an interrupt reaches only the handler."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return reply(handler, payload)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _relay(link: Link, limits: Limits) -> Callable[[bytes], bytes]:
    """Return a function that asks the student's process, through the coordinator."""

    def ask(question: bytes) -> bytes:
        link.send("C", question)
        return link.receive(limits.message)[1]

    return ask
