"""A warm fork server: it imports what the notebooks import once, then forks a process for each.

There are two, in separate sandboxes: one forks the students' processes, the other the judges'. A
host only forks processes, watches their memory, and stops them when told to. It reads nothing that
its children write.

For every process that it wants, the coordinator sends over the control socket one JSON text with
two sockets: ``talk``, which the new process reads and writes, and ``leash``, on which the host
receives "I" (interrupt) or "K" (kill, as does closing it) and finally reports why it ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.grading.processes.session import serve
from course_lib.grading.sandbox import landlock, namespaces, syscalls
from course_lib.grading.sandbox.limits import Limits, apply, memory_of

__all__ = ["main"]

LOOK, SOON = 0.1, 0.01  # seconds between two checks of the memory, and of ended processes


@dataclass
class Child:
    """A process that was forked for the coordinator.

    Attributes:
        outer: the pid that the host waits for.
        inner: the pid that is interrupted, measured and killed: the first process inside the inner
            sandbox.
        leash: the socket over which the coordinator controls it.
        limit: the most memory it may use, in bytes.
        ending: why it was killed, if it was.
    """

    outer: int
    inner: int
    leash: socket.socket
    limit: int | None
    ending: str = ""


class ForkServer:
    """The fork server.

    Args:
        control: the socket over which the coordinator asks for processes.
        walls: "inner" for separate namespaces per process, "landlock" or "none".
    """

    def __init__(self, control: socket.socket, walls: str) -> None:
        self.control, self.walls = control, walls
        self.children: list[Child] = []
        self.eyes = selectors.DefaultSelector()
        self.eyes.register(control, selectors.EVENT_READ)
        self.looked = 0.0

    def serve(self) -> None:
        """Fork processes on request until the coordinator closes the socket."""
        while True:
            for key, _ in self.eyes.select(SOON if self.children else None):
                if key.fileobj is not self.control:
                    self._obey(key.data)
                elif not self._take():
                    return
            self._look_after()

    def _take(self) -> bool:
        """Carry out a message on the control socket; return False if the socket was closed."""
        head, fds, _, _ = socket.recv_fds(self.control, 4, 2)
        if len(head) < 4:
            return False
        text = b""
        while len(text) < int.from_bytes(head, "big"):
            text += self.control.recv(1 << 16)
        order = json.loads(text)
        if "preload" in order:
            preload(order["preload"])
            self.control.sendall(b"+")
        else:
            talk, leash = (socket.socket(fileno=fd) for fd in fds)
            with talk:
                self._fork(order, talk, leash)
        return True

    def _fork(self, order: dict[str, Any], talk: socket.socket, leash: socket.socket) -> None:
        reader, writer = os.pipe()
        gc.freeze()
        outer = os.fork()
        if outer == 0:
            os.close(reader)
            self._forget(leash)
            _become(order, talk, writer, self.walls)
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            inner = int(told.read().strip() or 0)
        limits = Limits(**order["limits"])
        started = memory_of(inner) if inner else None
        limit = None if started is None else started + limits.memory
        child = Child(outer, inner or outer, leash, limit)
        self.children.append(child)
        leash.setblocking(False)
        self.eyes.register(leash, selectors.EVENT_READ, child)

    def _forget(self, leash: socket.socket) -> None:
        """Close, in a forked child, all the host's sockets."""
        self.eyes.close()
        self.control.close()
        leash.close()
        for child in self.children:
            child.leash.close()

    def _obey(self, child: Child) -> None:
        try:
            word = child.leash.recv(1)
        except ConnectionError:
            word = b""
        if word == b"I":
            _signal(child.inner, signal.SIGINT)
        else:
            self._kill(child, "killed")

    def _kill(self, child: Child, why: str) -> None:
        child.ending = child.ending or why
        _signal(child.inner, signal.SIGKILL)

    def _look_after(self) -> None:
        """Collect children that ended, and kill those that use too much memory."""
        for child in list(self.children):
            pid, status = os.waitpid(child.outer, os.WNOHANG)
            if pid:
                self._bury(child, os.waitstatus_to_exitcode(status))
        if time.monotonic() - self.looked < LOOK:
            return
        for child in self.children:
            if child.limit and (memory_of(child.inner, child.limit) or 0) > child.limit:
                self._kill(child, "memory")
        self.looked = time.monotonic()

    def _bury(self, child: Child, code: int) -> None:
        self.children.remove(child)
        self.eyes.unregister(child.leash)
        with contextlib.suppress(OSError):
            child.leash.setblocking(True)
            child.leash.sendall(json.dumps({"ending": child.ending, "code": code}).encode())
        child.leash.close()


def _become(order: dict[str, Any], talk: socket.socket, told: int, walls: str) -> None:
    """Turn the forked child into the requested process; never return."""
    code = 1
    try:
        os.setsid()
        limits = Limits(**order["limits"])
        if walls == "inner":
            namespaces.enclose(limits.disk)
            inner = os.fork()
            if inner:
                talk.close()
                os.write(told, str(inner).encode())
                os.close(told)
                code = _wait(inner)
                os._exit(code)
            namespaces.drop()
        else:
            os.write(told, str(os.getpid()).encode())
        os.close(told)
        work = namespaces.WORK if walls == "inner" else Path(order["work"])
        work.mkdir(parents=True, exist_ok=True)
        if walls == "landlock":
            landlock.restrict(order["readable"], [work])
        if walls != "none":
            syscalls.refuse()
        apply(limits)
        os.chdir(work)
        os.dup2(0, 2)  # from here on nothing is written to the host's log
        serve(order["role"], talk, limits)
        code = 0
    except BaseException as error:
        print(f"host: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    finally:
        os._exit(code)


def _wait(pid: int) -> int:
    """Wait for a child and return its exit code, above 128 if a signal ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def preload(names: list[str]) -> None:
    """Import modules; those that fail are skipped, and fail again where they are needed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            with contextlib.suppress(BaseException):
                importlib.import_module(name)


def main(control: int, walls: str, behind_walls: bool) -> None:
    """Serve on an inherited socket.

    Args:
        control: its file descriptor.
        walls: the sandbox of each process: "inner", "landlock" or "none".
        behind_walls: whether it was started by bubblewrap.
    """
    if behind_walls:
        namespaces.settle()
    os.environ["NBGRADER_EXECUTION"] = "autograde"  # as nbgrader sets it for notebooks
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    with socket.socket(fileno=control) as link:
        ForkServer(link, walls).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3] == "bubblewrap")
