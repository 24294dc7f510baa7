"""Random numbers that belong to one piece of work and leave everyone else's alone."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["cuda_only", "fork_seed", "seed_for"]


def seed_for(use: str, *numbers: int) -> int:
    """Return a seed that no other use and no other numbers share.

    Counting up, as in ``seed + 1``, lets the second stream of one run be the first of the next.

    Args:
        use: what the random numbers are for.
        numbers: any integers, such as the run's seed and the epoch.

    Returns:
        An integer in [0, 2^63), which every generator takes.

    Raises:
        TypeError: if a number is not an integer.

    Example:
        >>> seed_for("noise", 0) == seed_for("noise", 0)
        True
        >>> len({seed_for("noise", 0), seed_for("noise", 1), seed_for("order", 0)})
        3
    """
    text = " ".join([use, *(str(operator.index(number)) for number in numbers)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@contextmanager
def fork_seed(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Let all noise of the block depend on ``seed`` alone; the global state is as before after it.

    Args:
        seed: any integer.
        device: where the block computes.

    Example:
        >>> with fork_seed(3):
        ...     first = torch.randn(2)
        >>> with fork_seed(3):
        ...     second = torch.randn(2)
        >>> torch.equal(first, second)
        True
    """
    gpus = cuda_only(device)
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would move every GPU's state
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


def cuda_only(device: str | torch.device) -> list[torch.device]:
    """Return ``[device]`` if it is a CUDA device, else an empty list."""
    device = torch.device(device)
    return [device] if device.type == "cuda" else []
