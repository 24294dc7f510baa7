"""Evaluation uses the model in evaluation mode: no dropout, input noise or warm-up."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["evaluation_mode", "in_evaluation_mode"]

P = ParamSpec("P")
R = TypeVar("R")
BRICKS = ("prior", "likelihood", "posterior")


@contextlib.contextmanager
def evaluation_mode(*models: Any) -> Iterator[None]:
    """Put models into evaluation mode, and restore the mode of each of their modules afterwards.

    Args:
        models: modules, or objects whose ``prior``, ``likelihood`` and ``posterior`` are modules;
            anything else is left alone.

    Example:
        >>> layer = nn.Dropout(0.5).train()
        >>> with evaluation_mode(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    roots = [root for model in models for root in _modules_of(model)]
    training = [module for root in roots for module in root.modules() if module.training]
    try:
        for root in roots:
            root.eval()
        yield
    finally:
        for module in training:  # one by one: a frozen part stays in evaluation mode
            module.training = True


def in_evaluation_mode(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function``, with its models in evaluation mode while it runs.

    It also leaves ``torch.inference_mode``, which would rule out refitting and gradients.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **options: P.kwargs) -> R:
        with torch.inference_mode(False), evaluation_mode(*args, *options.values()):
            usable = {name: _usable(value) for name, value in options.items()}
            return function(*map(_usable, args), **usable)

    return wrapper


def _modules_of(model: Any) -> list[nn.Module]:
    if isinstance(model, nn.Module):
        return [model]
    bricks = (getattr(model, name, None) for name in BRICKS)
    return [brick for brick in bricks if isinstance(brick, nn.Module)]


def _usable(value: Any) -> Any:
    """Return an inference-mode tensor as a normal one that supports autograd; others as given."""
    return value.clone() if isinstance(value, Tensor) and value.is_inference() else value
