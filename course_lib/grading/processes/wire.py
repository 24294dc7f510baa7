"""Messages over a socket: a letter that says what it is, and bytes, never more than agreed."""

from __future__ import annotations

import socket
import time

__all__ = ["Closed", "Link", "TooLong"]

HEAD = 9  # a letter and eight bytes of length
PIECE = 1 << 20


class Closed(ConnectionError):
    """The other side is gone."""


class TooLong(ConnectionError):
    """The other side sent more than was agreed; what it sends cannot be followed any further."""


class Link:
    """One end of a conversation.

    Args:
        end: the socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._come = bytearray()  # of the next message; kept when the time for it is over

    def send(self, kind: str, payload: bytes = b"", seconds: float | None = None) -> None:
        """Send one message.

        Args:
            kind: one letter.
            payload: the bytes.
            seconds: how long that may take; forever if None.

        Raises:
            Closed: if nobody takes it.
        """
        self.end.settimeout(seconds)
        try:
            self.end.sendall(kind.encode() + len(payload).to_bytes(HEAD - 1, "big") + payload)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, longest: int, seconds: float | None = None) -> tuple[str, bytes]:
        """Return the kind and the payload of the next message.

        Args:
            longest: bytes that a payload may have.
            seconds: how long to wait for all of it; forever if None.

        Raises:
            Closed: if the other side went away.
            TooLong: if the payload is longer than agreed.
            TimeoutError: if it did not come in time; the next call goes on where this one was.
        """
        until = None if seconds is None else time.monotonic() + seconds
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
        """Read until so many bytes of the message have come."""
        while len(self._come) < size:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            try:
                self.end.settimeout(left)
                piece = self.end.recv(min(size - len(self._come), PIECE))
            except TimeoutError:
                raise
            except OSError as error:
                raise Closed(str(error)) from None
            if not piece:
                raise Closed("the other side closed the connection")
            self._come += piece
