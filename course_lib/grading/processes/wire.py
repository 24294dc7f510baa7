"""Messages over a socket: a letter that says what it is, and bytes, never more than agreed."""

from __future__ import annotations

import socket
import time

__all__ = ["Closed", "TooLong", "receive", "send"]

HEAD = 9  # a letter and eight bytes of length
PIECE = 1 << 20


class Closed(ConnectionError):
    """The other side is gone."""


class TooLong(ConnectionError):
    """The other side sent more than was agreed; what it sends cannot be followed any further."""


def send(link: socket.socket, kind: str, payload: bytes = b"") -> None:
    """Send one message.

    Args:
        link: the socket.
        kind: one letter.
        payload: the bytes.

    Raises:
        Closed: if nobody is there to take it.
    """
    try:
        link.sendall(kind.encode() + len(payload).to_bytes(HEAD - 1, "big") + payload)
    except (BrokenPipeError, ConnectionError) as error:
        raise Closed(str(error)) from None


def receive(link: socket.socket, longest: int, seconds: float | None = None) -> tuple[str, bytes]:
    """Return the kind and the payload of the next message.

    Args:
        link: the socket.
        longest: bytes that a payload may have.
        seconds: how long to wait for all of it; forever if None.

    Raises:
        Closed: if the other side went away.
        TooLong: if the payload is longer than agreed.
        TimeoutError: if it did not come in time.
    """
    until = None if seconds is None else time.monotonic() + seconds
    head = _exactly(link, HEAD, until)
    size = int.from_bytes(head[1:], "big")
    if size > longest:
        raise TooLong(f"a message of {size} bytes, of {longest} at most")
    return head[:1].decode("latin-1"), bytes(_exactly(link, size, until))


def _exactly(link: socket.socket, size: int, until: float | None) -> bytearray:
    data = bytearray()
    while len(data) < size:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            link.settimeout(left)
        try:
            piece = link.recv(min(size - len(data), PIECE))
        except ConnectionError as error:
            raise Closed(str(error)) from None
        if not piece:
            raise Closed("the other side closed the connection")
        data += piece
    return data
