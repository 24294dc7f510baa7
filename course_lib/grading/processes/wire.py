"""Messages over a socket: a letter for the kind, and bytes, never more than a limit.

Waiting is done in short polls, and each poll counts for at most its nominal time.
So nobody loses time if the machine freezes for seconds, or this process is stopped.
"""

from __future__ import annotations

import contextlib
import socket
from time import monotonic

__all__ = ["Closed", "Link", "TooLong"]

HEAD = 9  # a letter, and eight bytes for the length
PIECE = 1 << 20
LOOK = 0.5  # the longest poll, in seconds


class Closed(ConnectionError):
    """The other side is gone."""


class TooLong(ConnectionError):
    """The other side sent more than the limit; the stream cannot be parsed any further."""


class Link:
    """One end of a connection.

    Args:
        end: the socket.

    Attributes:
        waited: seconds that this end has spent waiting for the other one.
    """

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.waited = 0.0
        self._come = bytearray()  # the start of the next message; kept after a timeout

    def send(self, kind: str, payload: bytes = b"", seconds: float | None = None) -> None:
        """Send one message.

        Args:
            kind: one letter.
            payload: the bytes.
            seconds: the timeout; None for none.

        Raises:
            Closed: if the other side does not receive it.
        """
        began = monotonic()
        try:
            self.end.settimeout(seconds)
            self.end.sendall(kind.encode() + len(payload).to_bytes(HEAD - 1, "big") + payload)
        except OSError as error:
            raise Closed(str(error)) from None
        finally:
            self.waited += monotonic() - began

    def receive(self, longest: int, seconds: float | None = None) -> tuple[str, bytes]:
        """Return the kind and the payload of the next message.

        Args:
            longest: the longest payload, in bytes.
            seconds: the timeout for the whole message; None for none.

        Raises:
            Closed: if the other side closed the connection.
            TooLong: if the payload is longer than ``longest``.
            TimeoutError: if it did not arrive in time; the next call resumes here.
        """
        until = None if seconds is None else self.waited + seconds
        self._wait_for(HEAD, until)
        size = int.from_bytes(self._come[1:HEAD], "big")
        if size > longest:
            raise TooLong(f"a message of {size} bytes, of {longest} at most")
        self._wait_for(HEAD + size, until)
        kind, payload = self._come[:1].decode("latin-1"), bytes(self._come[HEAD:])
        self._come.clear()
        return kind, payload

    def close(self) -> None:
        """Close this end."""
        self.end.close()

    def _wait_for(self, size: int, until: float | None) -> None:
        """Read until this many bytes of the message have arrived."""
        while len(self._come) < size:
            if until is not None and until <= self.waited:
                raise TimeoutError
            with contextlib.suppress(TimeoutError):
                self._come += self._look(size - len(self._come), until)

    def _look(self, size: int, until: float | None) -> bytes:
        """Return the next bytes, at most so many.

        Raises:
            Closed: if the other side closed the connection.
            TimeoutError: if nothing arrived in this poll.
        """
        longest = None if until is None else min(until - self.waited, LOOK)
        began = monotonic()
        try:
            self.end.settimeout(longest)
            piece = self.end.recv(min(size, PIECE))
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from None
        finally:
            self.waited += min(monotonic() - began, longest or LOOK)
        if not piece:
            raise Closed("the other side closed the connection")
        return piece
