"""The coordinator's side of the sandboxed processes: warm hosts, and sessions on them."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from course_lib.grading.processes.codec import encode
from course_lib.grading.processes.wire import Closed, Link, TooLong
from course_lib.grading.sandbox import bubblewrap
from course_lib.grading.sandbox.limits import Limits

__all__ = ["Gone", "HostClient", "HostLost", "Session"]

END, GRACE = 3.0, 10.0  # seconds for a host to end, and for a process to react to an interrupt
PATIENCE = 60.0  # seconds for what takes none, unless the machine freezes for a while
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime")
START = 120.0  # seconds for a host to start and to import


class Gone(Exception):
    """A session ended before it answered.

    Attributes:
        ending: "memory", "timeout", "output" or "exit".
    """

    def __init__(self, ending: str) -> None:
        super().__init__(ending)
        self.ending = ending


class HostLost(Exception):
    """A host ended, and all its sessions with it; no single session can be blamed."""


class Session:
    """One process for one submission.

    Args:
        talk: the socket for its messages.
        leash: the socket over which the host is told to stop it, and reports why it ended.
        limits: the resources that it may use.
    """

    def __init__(self, talk: socket.socket, leash: socket.socket, limits: Limits) -> None:
        self.talk, self.leash, self.limits = Link(talk), leash, limits
        self.ending = ""

    @property
    def waited(self) -> float:
        """The seconds spent waiting for its messages."""
        return self.talk.waited

    def begin(self, files: Mapping[str, bytes]) -> None:
        """Send the files for the work folder and wait until the process is ready."""
        self.tell("F", encode(dict(files)))
        self.hear(START)

    def tell(self, kind: str, payload: bytes) -> None:
        """Send a message.

        Raises:
            Gone: if the process ended.
        """
        try:
            self.talk.send(kind, payload, PATIENCE)
        except Closed:
            raise Gone(self._autopsy()) from None

    def hear(self, seconds: float, longest: int | None = None) -> tuple[str, bytes]:
        """Return the next message.

        Args:
            seconds: the timeout.
            longest: its longest payload in bytes, if shorter than that of any message.

        Raises:
            Gone: if the process ended, or sent more than the limit.
            TimeoutError: if nothing arrived in time.
        """
        try:
            return self.talk.receive(longest or self.limits.message, seconds)
        except TooLong:
            self.kill()
            self.ending = "output"
            raise Gone("output") from None
        except Closed:
            raise Gone(self._autopsy()) from None

    def interrupt(self) -> None:
        """Interrupt the process; if it does not answer then, it must be killed."""
        with contextlib.suppress(OSError):
            self.leash.sendall(b"I")

    def settle(self) -> tuple[str, bytes]:
        """Return its message after an interrupt; kill it if there is none.

        Raises:
            Gone: if it had to be killed.
        """
        try:
            return self.hear(GRACE)
        except TimeoutError:
            self.kill()
            self.ending = "timeout"
            raise Gone("timeout") from None

    def kill(self) -> None:
        """Kill the process and everything that it started."""
        with contextlib.suppress(OSError):
            self.leash.sendall(b"K")

    def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.talk.close()
        self.kill()
        self._last_words()
        self.leash.close()

    def _autopsy(self) -> str:
        """Return why the process ended."""
        if not self.ending:
            self.kill()  # it may have closed its socket and still run
            words = self._last_words()
            if words is None:
                raise HostLost
            self.ending = "memory" if words["ending"] == "memory" else "exit"
        return self.ending

    def _last_words(self) -> dict[str, Any] | None:
        """Return the host's report on the ended process, or None if the host itself is gone."""
        text = b""
        self.leash.settimeout(PATIENCE)
        with contextlib.suppress(OSError):
            while piece := self.leash.recv(4096):
                text += piece
        return json.loads(text) if text else None


class HostClient:
    """A warm fork server in its own process.

    Args:
        role: "student" or "judge".
        tier: the isolation: "full", "files" or "limits".
        packages: the packages outside Python's own folders that the notebooks import.
        many: whether it serves many submissions, each in its own inner sandbox.
    """

    def __init__(self, role: str, tier: str, packages: list[str], many: bool = True) -> None:
        self.role, self.tier, self.many = role, tier, many
        self._readable = bubblewrap.packages(["course_lib", *packages])
        self._lock = threading.Lock()
        self._folders: list[str] = []
        self._control, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        with theirs:
            self._process = subprocess.Popen(
                self._command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                cwd="/",
            )
        self._control.settimeout(START)

    def ask_to_import(self, names: list[str]) -> None:
        """Ask the host to import modules for all sessions; ``await_ready`` waits for it."""
        self._order({"preload": names}, [])

    def await_ready(self) -> None:
        """Wait until the host has started and has imported the modules.

        Raises:
            RuntimeError: if it has not, with its last output.
        """
        with contextlib.suppress(OSError):
            if self._control.recv(1):
                return
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines() or ["no message"]
        raise RuntimeError(f"the {self.role}'s process did not start: {said[-1]}")

    def session(self, limits: Limits, files: Mapping[str, bytes]) -> Session:
        """Return a new process with the files in its work folder.

        Raises:
            HostLost: if the host is gone.
        """
        talk, their_talk = socket.socketpair()
        leash, their_leash = socket.socketpair()
        order = {"role": self.role, "limits": asdict(limits), **self._outside()}
        with their_talk, their_leash, self._lock:
            self._order(order, [their_talk.fileno(), their_leash.fileno()])
        session = Session(talk, leash, limits)
        session.begin(files)
        return session

    def close(self) -> None:
        """End the host and everything that it forked."""
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END)
        self._log.close()
        self._process.kill()
        self._process.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _command(self, control: int) -> list[str]:
        inner = {"full": "inner" if self.many else "none", "files": "landlock", "limits": "none"}
        walls = inner[self.tier] if self.role == "student" else "none"
        outer = "bubblewrap" if self.tier == "full" else "none"
        module = "course_lib.grading.processes.host"
        argv = [sys.executable, "-m", module, str(control), walls, outer]
        if self.tier == "full":
            return bubblewrap.command(argv, readable=self._readable)
        names = bubblewrap.environment(self._readable)
        return ["env", "-i", *(f"{name}={value}" for name, value in names.items()), *argv]

    def _outside(self) -> dict[str, Any]:
        """Return the settings of a session's work folder, in tiers without private folders."""
        work = "/tmp/work"
        if self.tier != "full":
            self._folders.append(work := tempfile.mkdtemp(prefix="grading-"))
        elif self.role == "judge":
            work = f"/tmp/{len(self._folders)}"
            self._folders.append(work)
        readable = [*SYSTEM, *bubblewrap.python_folders(), *self._readable]
        return {"work": work, "readable": [str(path) for path in readable]}

    def _order(self, order: dict[str, Any], fds: list[int]) -> None:
        text = json.dumps(order).encode()
        try:
            socket.send_fds(self._control, [len(text).to_bytes(4, "big")], fds)
            self._control.sendall(text)
        except OSError:
            raise HostLost from None
