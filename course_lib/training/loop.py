"""The loop itself: what a reader calls to train a model."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from course_lib.batches import Data, size_of
from course_lib.progress import Progress
from course_lib.randomness import own_randomness
from course_lib.training.interruption import stop_event
from course_lib.training.run import History, Run

__all__ = ["cosine", "fit"]


def cosine(rate: float, steps: int) -> Callable[[int], float]:
    """Return a learning rate that falls from ``rate`` to zero along half a cosine.

    Args:
        rate: the rate at step 0.
        steps: the step at which it reaches zero.

    Example:
        >>> cosine(1.0, 10)(0), cosine(1.0, 10)(5)
        (1.0, 0.5)

    Paper: Loshchilov, Hutter (2017), arXiv:1608.03983.
    """
    return lambda step: rate * round((1 + math.cos(math.pi * step / steps)) / 2, 12)


def fit(
    model: nn.Module,
    train: Data,
    *,
    steps: int,
    batch_size: int = 100,
    learning_rate: float | Callable[[int], float] = 1e-3,
    validation: Data | None = None,
    record_every: int = 100,
    seed: int = 0,
    betas: tuple[float, float] = (0.9, 0.999),
    device: str | torch.device = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> History:
    """Train ``model`` by ``model.losses(batch)`` and return what happened.

    A model with one player has ``losses(batch) -> {player: scalar}`` and one Adam optimiser over
    all parameters that require a gradient. A model with several has ``players() -> {player:
    parameters}`` and ``loss(batch, player) -> scalar``; one step is a turn of each player in the
    order of ``turns()``, by default that of ``players()``, and every turn draws its own batch. Only
    the parameters of the player whose turn it is receive a gradient. The run depends on
    ``seed`` alone: it neither reads nor moves the global random state. With ``checkpoint`` the
    state is saved at every record and on interruption, and a later call with the same arguments
    continues to the same numbers as an uninterrupted run. With ``validation`` the model ends with
    the weights of the record whose first player did best on it.

    Args:
        model: a module with ``losses(batch) -> {player: scalar}``.
        train: (n, ...) tensor, or a tuple or dict of such tensors with the same n.
        steps: the number of optimiser steps in all, those before a resume included.
        batch_size: examples a step. Each pass over the data is shuffled anew and leaves out its
            last, incomplete batch.
        learning_rate: Adam's rate, or a function of the step such as ``cosine(1e-3, steps)``.
        validation: held-out data of the same form, or None.
        record_every: steps between two records.
        seed: decides the batches and all noise.
        betas: Adam's two decay rates; a game is often steadier with a first of 0.5 or less.
        device: where to train, e.g. ``"cpu"`` or ``"cuda"``.
        checkpoint: a file to save to and to resume from, or None.
        progress: whether to show a progress bar.

    Returns:
        The history; ``history.interrupted`` is True if Ctrl-C (the stop button) ended the run.

    Raises:
        TypeError: if ``train`` or ``validation`` is not made of tensors.
        ValueError: if a data set is empty or ragged, a number is not positive, or the checkpoint
            belongs to another model, data set or setting; the file is then left as it is.
        FloatingPointError: if a loss becomes NaN or infinite; the last checkpoint is kept.
    """
    _check_positive(steps=steps, batch_size=batch_size, record_every=record_every)
    _check_data(train, validation)
    rate = _rate(learning_rate)
    run = Run(model.to(device), train, validation, batch_size, seed, record_every, betas)
    path = None if checkpoint is None else Path(checkpoint)
    label = f"training {type(model).__name__}"
    with (
        own_randomness(seed, device),
        Progress(steps, label, progress) as bar,
        stop_event() as stop,
    ):
        if path is not None and path.exists():
            run.load(path, steps)
        model.train()
        for step in range(run.step, steps):
            run.advance(step, rate(step))
            bar.update(step + 1, run.text)
            if (step + 1) % record_every == 0 or step + 1 == steps:
                run.record()
                run.save(path)
            if stop.is_set() and step + 1 < steps:
                run.history.interrupted = True
                run.save(path)
                break
    run.keep_best()
    return run.history


def _check_positive(**numbers: int) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name}: expected a positive integer, got {number!r}")


def _check_data(train: Data, validation: Data | None) -> None:
    size_of(train, "train")
    if validation is not None:
        size_of(validation, "validation")


def _rate(learning_rate: float | Callable[[int], float]) -> Callable[[int], float]:
    if callable(learning_rate):
        return learning_rate
    if not learning_rate > 0:
        raise ValueError(f"learning_rate: expected a positive number, got {learning_rate!r}")
    return lambda _: learning_rate
