"""Data of one form for every model: a tensor, or a tuple or dict of tensors with equal lengths."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Data", "fingerprint", "map_data", "move", "parts", "size_of"]

Data = Tensor | tuple[Tensor, ...] | dict[str, Tensor]


def map_data(data: Data, function: Callable[[Tensor], Tensor]) -> Data:
    """Return data of the same form with ``function`` applied to each tensor."""
    if isinstance(data, Tensor):
        return function(data)
    if isinstance(data, dict):
        return {key: function(value) for key, value in data.items()}
    return tuple(function(value) for value in data)


def move(data: Data, device: torch.device) -> Data:
    """Return the data on a device."""
    return map_data(data, lambda x: x.to(device))


def parts(data: Data, name: str) -> list[Tensor]:
    """Return the tensors of the data; a ``TypeError`` names the argument if one is none."""
    found = list(data.values()) if isinstance(data, dict) else data
    found = list(found) if isinstance(found, tuple | list) else [found]
    for part in found:
        if not isinstance(part, Tensor):
            raise TypeError(
                f"{name}: expected a tensor, or a tuple or dict of tensors,"
                f" got {type(part).__name__}"
            )
    return found


def size_of(data: Data, name: str) -> int:
    """Return how many examples there are; a ``ValueError`` says if none, or not one number."""
    sizes = {len(part) if part.dim() else 0 for part in parts(data, name)}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"{name}: expected one positive number of examples, got {sorted(sizes)}")
    return sizes.pop()


def fingerprint(data: Data, name: str) -> str:
    """Return a hash of every name, value, dtype and shape."""
    digest = hashlib.sha256(repr(list(data) if isinstance(data, dict) else "").encode())
    for part in parts(data, name):
        digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
        digest.update(part.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
