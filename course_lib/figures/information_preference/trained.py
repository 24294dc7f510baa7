"""The trained models behind the slider of lecture 8, made by ``tests/benchmarks/grids``."""

from __future__ import annotations

import functools
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["trained"]


@functools.cache
def trained() -> dict[str, NDArray[np.generic]]:
    """Return the packed arrays by name; the script that makes them says what each holds."""
    with (files(__package__) / "trained.npz").open("rb") as file, np.load(file) as packed:
        return {name: packed[name] for name in packed.files}
