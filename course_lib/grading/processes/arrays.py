"""Tensors and arrays as blocks of raw numbers, and back; ``codec`` does the rest.

A message is JSON text followed by blocks of bytes; an item of the JSON names its block by start and
size. Nothing in the bytes is trusted: sizes, shapes and dtypes are checked before numbers are read.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["NUMBERS", "Blocks", "NotData", "add_block", "library", "pack_numbers", "read_block"]

Blocks = list[bytes]

MAY_IMPORT = False  # False in the coordinator, which must not import torch
KINDS = "biufcSUmM"  # kinds of arrays: numbers, text and dates; never objects
MOST_DIMENSIONS = 64


class NotData(TypeError):
    """A value, or bytes, that are not plain data."""


def pack_numbers(value: Any, blocks: Blocks) -> dict[str, Any] | None:
    """Return a tensor, an array, or a dtype of either as JSON; None for anything else.

    Args:
        value: the value.
        blocks: the blocks of the message, to which its numbers are added.

    Raises:
        NotData: if it is a tensor that is not dense.
    """
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch and isinstance(value, torch.Tensor):
        return _pack_tensor(torch, value, blocks)
    if torch and isinstance(value, torch.dtype):
        return {"t": "torch.dtype", "v": str(value).removeprefix("torch.")}
    if numpy and isinstance(value, numpy.ndarray | numpy.generic):
        return _pack_array(numpy, value, blocks)
    if numpy and isinstance(value, numpy.dtype) and value.kind in KINDS:
        return {"t": "dtype", "v": value.str}
    return None


def add_block(raw: bytes, blocks: Blocks) -> list[int]:
    """Add a block to a message and return its start and size.

    Args:
        raw: the block.
        blocks: the blocks of the message so far.
    """
    start = sum(map(len, blocks))
    blocks.append(raw)
    return [start, len(raw)]


def read_block(item: dict[str, Any], rest: memoryview) -> bytes:
    """Return the block that an item refers to.

    Args:
        item: from the JSON of a message, with start and size under "v".
        rest: the blocks of the message.

    Raises:
        NotData: if the block lies outside the message.
    """
    start, size = item["v"]
    if not 0 <= start <= start + size <= len(rest):
        raise NotData("a block that lies outside the message")
    return bytes(rest[start : start + size])


def library(name: str) -> Any:
    """Return a package; bytes from a student must not make the coordinator import it.

    Args:
        name: its name.

    Raises:
        NotData: if it is not loaded and may not be imported here.
    """
    if name not in sys.modules and not MAY_IMPORT:
        raise NotData(f"{name} is not available here")
    return importlib.import_module(name)


def _pack_tensor(torch: Any, value: Any, blocks: Blocks) -> dict[str, Any]:
    if value.layout is not torch.strided or value.is_quantized or value.is_nested:
        raise NotData("a tensor that is not dense is not plain data")
    plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    raw = plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    name = str(value.dtype).removeprefix("torch.")
    return _shaped("tensor", name, value.shape, add_block(raw, blocks))


def _pack_array(numpy: Any, value: Any, blocks: Blocks) -> dict[str, Any] | None:
    array = numpy.asarray(value)
    if array.dtype.kind not in KINDS:
        return None
    block = add_block(array.tobytes(), blocks)
    scalar = isinstance(value, numpy.generic)
    return _shaped("array", array.dtype.str, array.shape, block) | {"scalar": scalar}


def _shaped(tag: str, dtype: str, shape: Any, block: list[int]) -> dict[str, Any]:
    return {"t": tag, "dtype": dtype, "shape": [int(n) for n in shape], "v": block}


def _read_tensor(item: dict[str, Any], rest: memoryview) -> Any:
    torch = library("torch")
    dtype = _torch_dtype(item)
    raw = _bytes(item, rest, dtype.itemsize)
    if not raw:
        return torch.empty(item["shape"], dtype=dtype)
    flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    # A byte of 2 is not a valid bool, and reading it as one is undefined behaviour.
    flat = flat != 0 if dtype is torch.bool else flat.view(dtype)
    return flat.reshape(item["shape"])


def _read_array(item: dict[str, Any], rest: memoryview) -> Any:
    numpy = library("numpy")
    dtype = numpy.dtype(str(item["dtype"]))
    if dtype.kind not in KINDS:
        raise NotData(f"arrays of {dtype} are not plain data")
    flat = numpy.frombuffer(bytearray(_bytes(item, rest, dtype.itemsize)), dtype=numpy.uint8)
    flat = flat != 0 if dtype.kind == "b" else flat.view(dtype)
    array = flat.reshape(item["shape"])
    return array[()] if item["scalar"] else array


def _torch_dtype(item: dict[str, Any]) -> Any:
    torch = library("torch")
    found = getattr(torch, str(item.get("dtype", item.get("v"))), None)
    if not isinstance(found, torch.dtype):
        raise NotData("no such dtype")
    return found


def _bytes(item: dict[str, Any], rest: memoryview, width: int) -> bytes:
    """Return the block of an item, if its size matches its shape."""
    shape = item["shape"]
    good = all(type(n) is int and n >= 0 for n in shape) and len(shape) <= MOST_DIMENSIONS
    raw = read_block(item, rest)
    if not good or len(raw) != width * math.prod(shape):
        raise NotData("an array whose size does not match its shape")
    return raw


NUMBERS: dict[str, Callable[[dict[str, Any], memoryview], Any]] = {
    "tensor": _read_tensor,
    "array": _read_array,
    "torch.dtype": lambda item, _: _torch_dtype(item),
    "dtype": lambda item, _: library("numpy").dtype(str(item["v"])),
}
