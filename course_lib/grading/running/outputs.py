"""The outputs of a cell, from untrusted JSON, reduced to what a page may contain."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["error", "outputs"]

MOST_VALUES, LONGEST_NOTE, LONGEST_PART = 100_000, 4096, 2**22
SHOWN = ("text/plain", "image/png", "image/jpeg")


def error(name: str, text: str) -> dict[str, Any]:
    """Return the output of a cell that ended with an error.

    Args:
        name: the error's type.
        text: its message.
    """
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": [text]}


def outputs(payload: bytes, room: int) -> list[dict[str, Any]]:
    """Return the outputs in a process's reply, reduced to what a page may contain, and cut to size.

    Errors and values are kept whatever their size, since a cell without them has passed.

    Args:
        payload: the process's reply.
        room: about how many bytes of it to keep.
    """
    try:
        if payload.count(b"[") + payload.count(b"{") > MOST_VALUES:
            raise ValueError
        said = json.loads(payload)
        shown = [_clean(output) for output in said["outputs"]]
    except Exception:  # a hostile process may answer anything
        return [error("Unreadable", "the output of this cell cannot be read")]
    kept = []
    for output in shown:
        room -= len(str(output))
        if output["output_type"] in ("error", "execute_result") or room > -LONGEST_NOTE:
            kept.append(output)
    if said.get("failure") and not any(o["output_type"] == "error" for o in kept):
        kept.append(error(_plain(said["failure"]), ""))
    return kept


def _clean(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output with only the fields and types of a notebook file."""
    kind = output["output_type"]
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": _plain(output["text"])}
    if kind == "error":
        lines = [_plain(line) for line in output["traceback"]]
        named = {name: _plain(output[name]) for name in ("ename", "evalue")}
        return {"output_type": kind, **named, "traceback": lines}
    shown = {k: _plain(output["data"][k]) for k in SHOWN if k in output["data"]}
    sizes = {kind: _size(output["metadata"].get(kind, {})) for kind in shown}
    metadata = {kind: size for kind, size in sizes.items() if size}
    clean = {"output_type": "display_data", "data": shown, "metadata": metadata}
    if kind == "execute_result":
        clean |= {"output_type": kind, "execution_count": None}
    return clean


def _plain(text: Any) -> str:
    """Return text that any file can store, cut to the longest output."""
    return str(text)[:LONGEST_PART].encode("utf-8", "replace").decode()


def _size(said: dict[str, Any]) -> dict[str, int]:
    """Return the display size of a picture in whole pixels, or nothing."""
    return {k: said[k] for k in ("width", "height") if type(said.get(k)) is int and said[k] > 0}
