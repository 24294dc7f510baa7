"""Plain data to bytes and back: all that ever passes between a student's code and the judge.

Numbers, strings, containers, tensors and arrays; nothing that could carry code. Whatever the bytes
are, decoding builds only exact built-in types, tensors and arrays, or raises ``NotData``.
"""

from __future__ import annotations

import json
import sys
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from io import IOBase
from itertools import islice
from typing import Any

from course_lib.grading.processes.arrays import (
    NUMBERS,
    Blocks,
    NotData,
    add_block,
    library,
    pack_numbers,
    read_block,
)
from course_lib.grading.processes.kinds import EXACT, frame, series, table

__all__ = ["NotData", "decode", "encode"]

MOST_CONTAINERS = 1_000_000


def encode(value: Any) -> bytes:
    """Return a value as bytes: JSON text, followed by the blocks of raw numbers it refers to.

    Args:
        value: None, bool, int, float, complex, Fraction, Decimal, str, bytes, a date or time, list,
            tuple (also a named one), dict, Counter, OrderedDict, set, frozenset, deque, range,
            slice, a view of a dict, an iterator (which is used up), a tensor, an array, a dtype, a
            table or column of pandas with plain labels, or any nesting of these.

    Returns:
        The bytes.

    Raises:
        NotData: if it contains anything else.

    Example:
        >>> decode(encode({"x": [1, 2.5, (None, "é")]}))
        {'x': [1, 2.5, (None, 'é')]}
    """
    blocks: Blocks = []
    try:
        text = json.dumps(_pack(value, blocks), separators=(",", ":")).encode()
    except (RecursionError, ValueError) as error:
        raise NotData(f"this value cannot be sent: {error}") from None
    return b"".join([len(text).to_bytes(4, "big"), text, *blocks])


def decode(data: bytes) -> Any:
    """Return the value that ``encode`` turned into these bytes.

    Args:
        data: the bytes, possibly from a hostile sender.

    Raises:
        NotData: if they do not describe plain data.
    """
    size = 4 + int.from_bytes(data[:4], "big")
    if data.count(b"[", 4, size) + data.count(b"{", 4, size) > MOST_CONTAINERS:
        raise NotData("more lists and dictionaries than a message may hold")
    try:
        return _unpack(json.loads(data[4:size]), memoryview(data)[size:])
    except NotData:
        raise
    except Exception as error:  # hostile bytes may cause any error
        raise NotData(f"not a value: {type(error).__name__}") from None


def _pack(value: Any, blocks: Blocks) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float):
        return value
    if kind is str:
        return value if value.isprintable() else {"t": "str", "v": add_block(_utf8(value), blocks)}
    if kind is list:
        return [_pack(part, blocks) for part in value]
    if kind in EXACT:
        return {"t": kind.__name__, "v": [_pack(part, blocks) for part in EXACT[kind][0](value)]}
    for name, (here, parts) in CONTAINERS.items():
        if isinstance(value, here):
            packed = [_pack(part, blocks) for part in parts(value)]
            return {"t": name, "v": packed} | _names(value)
    return _pack_block(value, blocks)


def _pack_block(value: Any, blocks: Blocks) -> Any:
    numbers = pack_numbers(value, blocks)
    if numbers is not None:
        return numbers
    pandas = sys.modules.get("pandas")
    if pandas and type(value) in (pandas.Series, pandas.DataFrame):
        return {"t": type(value).__name__, "v": [_pack(part, blocks) for part in table(value)]}
    if isinstance(value, bytes | bytearray):
        return {"t": "bytes", "v": add_block(bytes(value), blocks)}
    if isinstance(value, Iterator) and not isinstance(value, IOBase):
        return _pack_iterator(value, blocks)
    for plain in (int, float, str):  # subclasses, such as enumerations
        if isinstance(value, plain):
            return _pack(plain(value), blocks)
    raise NotData(f"a {type(value).__name__} is not plain data")


def _pack_iterator(value: Iterator[Any], blocks: Blocks) -> dict[str, Any]:
    parts = list(islice(value, MOST_CONTAINERS + 1))
    if len(parts) > MOST_CONTAINERS:
        raise NotData("an endless iterator is not plain data")
    return {"t": "iterator", "v": [_pack(part, blocks) for part in parts]}


def _unpack(item: Any, rest: memoryview) -> Any:
    if isinstance(item, list):
        return [_unpack(part, rest) for part in item]
    if not isinstance(item, dict):
        return item
    tag = item["t"]
    if tag in MAKERS:
        parts = [_unpack(part, rest) for part in item["v"]]
        return MAKERS[tag](parts, item)
    return READERS[tag](item, rest)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _names(value: Any) -> dict[str, Any]:
    """Return the field names of a named tuple."""
    fields = getattr(value, "_fields", None) if isinstance(value, tuple) else None
    return {"name": type(value).__name__, "fields": list(fields)} if fields else {}


def _tuple(parts: list[Any], item: dict[str, Any]) -> tuple[Any, ...]:
    if "fields" not in item:
        return tuple(parts)
    # namedtuple compiles its names, and accepts only identifiers.
    return namedtuple(str(item["name"]), [str(f) for f in item["fields"]], rename=True)(*parts)


CONTAINERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "list": (list, list),
    "tuple": (tuple, list),
    "dict": (dict, lambda value: [list(pair) for pair in value.items()]),
    "set": (set, list),
    "frozenset": (frozenset, list),
    "deque": (deque, list),
    "keys": (type({}.keys()), list),
    "values": (type({}.values()), list),
    "items": (type({}.items()), lambda value: [list(pair) for pair in value]),
    "complex": (complex, lambda value: [value.real, value.imag]),
    "range": (range, lambda value: [value.start, value.stop, value.step]),
    "slice": (slice, lambda value: [value.start, value.stop, value.step]),
}
MAKERS: dict[str, Callable[[list[Any], dict[str, Any]], Any]] = {
    "list": lambda parts, _: parts,
    "tuple": _tuple,
    "dict": lambda parts, _: dict(parts),
    "set": lambda parts, _: set(parts),
    "frozenset": lambda parts, _: frozenset(parts),
    "deque": lambda parts, _: deque(parts),
    "keys": lambda parts, _: dict.fromkeys(parts).keys(),
    "values": lambda parts, _: dict(enumerate(parts)).values(),
    "items": lambda parts, _: dict(parts).items(),
    "iterator": lambda parts, _: iter(parts),
    "complex": lambda parts, _: complex(*map(float, parts)),
    "range": lambda parts, _: range(*parts),
    "slice": lambda parts, _: slice(*parts),
    "Series": lambda parts, _: series(library("pandas"), parts),
    "DataFrame": lambda parts, _: frame(library("pandas"), parts),
    **{kind.__name__: lambda parts, _, make=make: make(parts) for kind, (_, make) in EXACT.items()},
}
READERS: dict[str, Callable[[dict[str, Any], memoryview], Any]] = {
    **NUMBERS,
    "bytes": read_block,
    "str": lambda item, rest: read_block(item, rest).decode("utf-8", "surrogatepass"),
}
