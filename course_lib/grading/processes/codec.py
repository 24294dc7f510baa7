"""Plain data to bytes and back: all that ever passes between a student's code and the judge.

Numbers, strings, containers, tensors and arrays; nothing that could carry code. Whatever the bytes
are, decoding builds only exact built-in types, tensors and arrays, or raises ``NotData``.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from io import IOBase
from itertools import islice
from typing import Any

from course_lib.grading.processes.kinds import EXACT, frame, series, table

__all__ = ["NotData", "decode", "encode"]

MAY_IMPORT = False  # False in the coordinator, which must not import torch
KINDS = "biufcSUmM"  # kinds of arrays: numbers, text and dates; never objects
MOST_DIMENSIONS, MOST_CONTAINERS = 64, 1_000_000


class NotData(TypeError):
    """A value, or bytes, that are not plain data."""


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
    blocks: list[bytes] = []
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


def _pack(value: Any, blocks: list[bytes]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float):
        return value
    if kind is str:
        return value if value.isprintable() else {"t": "str", "v": _block(_utf8(value), blocks)}
    if kind is list:
        return [_pack(part, blocks) for part in value]
    if kind in EXACT:
        return {"t": kind.__name__, "v": [_pack(part, blocks) for part in EXACT[kind][0](value)]}
    for name, (here, parts) in CONTAINERS.items():
        if isinstance(value, here):
            packed = [_pack(part, blocks) for part in parts(value)]
            return {"t": name, "v": packed} | _names(value)
    return _pack_block(value, blocks)


def _pack_block(value: Any, blocks: list[bytes]) -> Any:
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch and isinstance(value, torch.Tensor):
        return _pack_tensor(torch, value, blocks)
    if torch and isinstance(value, torch.dtype):
        return {"t": "torch.dtype", "v": str(value).removeprefix("torch.")}
    if numpy and isinstance(value, numpy.ndarray | numpy.generic):
        array = numpy.asarray(value)
        if array.dtype.kind in KINDS:
            block = _block(array.tobytes(), blocks)
            scalar = isinstance(value, numpy.generic)
            return _shaped("array", array.dtype.str, array.shape, block) | {"scalar": scalar}
    if numpy and isinstance(value, numpy.dtype) and value.kind in KINDS:
        return {"t": "dtype", "v": value.str}
    pandas = sys.modules.get("pandas")
    if pandas and type(value) in (pandas.Series, pandas.DataFrame):
        return {"t": type(value).__name__, "v": [_pack(part, blocks) for part in table(value)]}
    if isinstance(value, bytes | bytearray):
        return {"t": "bytes", "v": _block(bytes(value), blocks)}
    if isinstance(value, Iterator) and not isinstance(value, IOBase):
        parts = list(islice(value, MOST_CONTAINERS + 1))
        if len(parts) > MOST_CONTAINERS:
            raise NotData("an endless iterator is not plain data")
        return {"t": "iterator", "v": [_pack(part, blocks) for part in parts]}
    for plain in (int, float, str):  # subclasses, such as enumerations
        if isinstance(value, plain):
            return _pack(plain(value), blocks)
    raise NotData(f"a {type(value).__name__} is not plain data")


def _pack_tensor(torch: Any, value: Any, blocks: list[bytes]) -> dict[str, Any]:
    if value.layout is not torch.strided or value.is_quantized or value.is_nested:
        raise NotData("a tensor that is not dense is not plain data")
    plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    raw = plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    name = str(value.dtype).removeprefix("torch.")
    return _shaped("tensor", name, value.shape, _block(raw, blocks))


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


def _read_tensor(item: dict[str, Any], rest: memoryview) -> Any:
    torch = _library("torch")
    dtype = _torch_dtype(item)
    raw = _bytes(item, rest, dtype.itemsize)
    if not raw:
        return torch.empty(item["shape"], dtype=dtype)
    flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    # A byte of 2 is not a valid bool, and reading it as one is undefined behaviour.
    flat = flat != 0 if dtype is torch.bool else flat.view(dtype)
    return flat.reshape(item["shape"])


def _read_array(item: dict[str, Any], rest: memoryview) -> Any:
    numpy = _library("numpy")
    dtype = numpy.dtype(str(item["dtype"]))
    if dtype.kind not in KINDS:
        raise NotData(f"arrays of {dtype} are not plain data")
    flat = numpy.frombuffer(bytearray(_bytes(item, rest, dtype.itemsize)), dtype=numpy.uint8)
    flat = flat != 0 if dtype.kind == "b" else flat.view(dtype)
    array = flat.reshape(item["shape"])
    return array[()] if item["scalar"] else array


def _torch_dtype(item: dict[str, Any]) -> Any:
    torch = _library("torch")
    found = getattr(torch, str(item.get("dtype", item.get("v"))), None)
    if not isinstance(found, torch.dtype):
        raise NotData("no such dtype")
    return found


def _library(name: str) -> Any:
    """Return torch or numpy; bytes from a student must not make the coordinator import them."""
    if name not in sys.modules and not MAY_IMPORT:
        raise NotData(f"{name} is not available here")
    return importlib.import_module(name)


def _bytes(item: dict[str, Any], rest: memoryview, width: int) -> bytes:
    """Return the block of an item, if its size matches its shape."""
    shape = item["shape"]
    good = all(type(n) is int and n >= 0 for n in shape) and len(shape) <= MOST_DIMENSIONS
    raw = _slice(item, rest)
    if not good or len(raw) != width * math.prod(shape):
        raise NotData("an array whose size does not match its shape")
    return raw


def _slice(item: dict[str, Any], rest: memoryview) -> bytes:
    start, size = item["v"]
    if not 0 <= start <= start + size <= len(rest):
        raise NotData("a block that lies outside the message")
    return bytes(rest[start : start + size])


def _block(raw: bytes, blocks: list[bytes]) -> list[int]:
    start = sum(map(len, blocks))
    blocks.append(raw)
    return [start, len(raw)]


def _shaped(tag: str, dtype: str, shape: Any, block: list[int]) -> dict[str, Any]:
    return {"t": tag, "dtype": dtype, "shape": [int(n) for n in shape], "v": block}


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
    "Series": lambda parts, _: series(_library("pandas"), parts),
    "DataFrame": lambda parts, _: frame(_library("pandas"), parts),
    **{kind.__name__: lambda parts, _, make=make: make(parts) for kind, (_, make) in EXACT.items()},
}
READERS: dict[str, Callable[[dict[str, Any], memoryview], Any]] = {
    "tensor": _read_tensor,
    "array": _read_array,
    "torch.dtype": lambda item, _: _torch_dtype(item),
    "dtype": lambda item, _: _library("numpy").dtype(str(item["v"])),
    "bytes": lambda item, rest: _slice(item, rest),
    "str": lambda item, rest: _slice(item, rest).decode("utf-8", "surrogatepass"),
}
