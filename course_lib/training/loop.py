"""The training loop: ``fit`` trains any model."""

from __future__ import annotations

import math
import operator
import os
import threading
from collections.abc import Callable

import torch
from torch import nn

from course_lib.arguments import as_count
from course_lib.batches import Data, size_of
from course_lib.progress import Progress
from course_lib.randomness import fork_seed, seed_for
from course_lib.training.checkpoint import Checkpoint
from course_lib.training.interruption import Stopped, stop_event
from course_lib.training.run import History, Run

__all__ = ["cosine", "fit"]


def cosine(rate: float, steps: int) -> Callable[[int], float]:
    """Return a schedule whose learning rate falls from ``rate`` to zero along half a cosine.

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
    weight_decay: float = 0.0,
    device: str | torch.device = "cpu",
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = True,
    label: str | None = None,
    stop_if: Callable[[int], bool] | None = None,
) -> History:
    """Train ``model`` by ``model.losses(batch)`` and return what happened.

    A model with one player has ``losses(batch) -> {player: scalar}`` and one Adam optimiser over
    all parameters that require a gradient. A model with several has ``players() -> {player:
    parameters}`` and ``loss(batch, player) -> scalar``; one step is a turn of each player in the
    order of ``turns()``, by default that of ``players()``, and every turn draws its own batch. Only
    the parameters of the player whose turn it is receive a gradient. The run depends on
    ``seed`` alone: it neither reads nor moves the global random state, and shares no noise with the
    run of another seed or with an evaluation. With ``validation`` the model ends with the weights
    of the record whose first player did best on it.

    Ctrl-C, or the notebook's stop button, ends the run after the current step and then raises
    ``Stopped``, a ``KeyboardInterrupt``, so that the cell ends too and no later fit of a loop
    starts. The model is marked: ``model.unfinished`` says at which step it stopped, and
    ``evaluate`` repeats it. With ``checkpoint`` the state is saved at every record and when the run
    is stopped, and the same call continues to the same numbers as an uninterrupted run: **run the
    cell again**. Seed torch and build the model in the same cell. A run with another model, start,
    data set, setting or loss function has its own file and never continues this one.

    Args:
        model: a module with ``losses(batch) -> {player: scalar}``.
        train: (n, ...) tensor, or a tuple or dict of such tensors with the same n.
        steps: the total number of optimiser steps, including those before a resume.
        batch_size: examples per step. Each pass over the data is reshuffled and leaves out its
            last, incomplete batch.
        learning_rate: Adam's rate, or a function of the step such as ``cosine(1e-3, steps)``.
        validation: held-out data of the same form, or None.
        record_every: steps between two records.
        seed: decides the batches and all noise.
        betas: Adam's two decay rates; adversarial training is often more stable with a first rate
            of 0.5 or less.
        weight_decay: times the learning rate, the share of every weight that a step removes
            (AdamW; Loshchilov, Hutter, 2019, arXiv:1711.05101).
        device: where to train, e.g. ``"cpu"`` or ``"cuda"``.
        checkpoint: a folder for the files of unfinished and finished runs, or None. It may be
            deleted at any time.
        progress: whether to show a progress bar.
        label: what the bar calls the run, e.g. ``"IAF posterior"``; the model's class if None.
        stop_if: asked after each step, with the number of steps taken; when it says True, the run
            stops there as by Ctrl-C. A program can so train in slices, with ``checkpoint``.

    Returns:
        The history; ``history.finished`` says whether the run reached its last step.

    Raises:
        Stopped: if Ctrl-C or ``stop_if`` ended the run; its ``history`` holds what was recorded,
            and its ``history.interrupted`` is True unless the last step was already taken.
        TypeError: if ``train`` or ``validation`` holds non-tensors, or ``seed`` is not an int.
        ValueError: if a data set is empty or ragged, a number is not positive, the weight decay is
            negative, this machine has no such device, or the file of this run cannot be read; the
            file is then left as it is.
        FloatingPointError: if a loss becomes NaN or infinite; the last checkpoint is kept.
    """
    _check_positive(steps=steps, batch_size=batch_size, record_every=record_every)
    _check_data(train, validation)
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay: expected a number of at least 0, got {weight_decay!r}")
    seed, rate, device = operator.index(seed), _rate(learning_rate), _device(device)
    settings = (batch_size, seed, record_every, betas, steps, weight_decay)
    run = Run(model.to(device), train, validation, *settings)
    file = None if checkpoint is None else Checkpoint(run, checkpoint, map(rate, range(steps)))
    label = f"training {type(model).__name__ if label is None else label}"
    with fork_seed(seed_for("training noise", seed), device):
        stopped = _train(run, file, rate, Progress(steps, label, progress), stop_if)
    if stopped:
        raise Stopped(_message(label, run, file), run.history)
    return run.history


def _train(
    run: Run,
    file: Checkpoint | None,
    rate: Callable[[int], float],
    progress: Progress,
    stop_if: Callable[[int], bool] | None,
) -> bool:
    """Advance the run in training mode, leave it, and return whether it was stopped."""
    try:
        with progress as bar, stop_event() as stop:
            run.model.train()
            _advance(run, file, rate, bar, stop, stop_if)
    finally:
        run.leave()
    return stop.is_set()


def _advance(
    run: Run,
    file: Checkpoint | None,
    rate: Callable[[int], float],
    bar: Progress,
    stop: threading.Event,
    stop_if: Callable[[int], bool] | None,
) -> None:
    """Take the steps that are left, recording and saving on the way, until done or stopped."""
    while run.step < run.steps and not stop.is_set():
        run.advance(rate(run.step))
        if file is not None and run.step == 1 and file.resume():
            continue
        if run.due:
            run.record()
            _save(file)
        bar.update(run.step, run.text)
        if stop_if is not None and run.step < run.steps and stop_if(run.step):
            stop.set()
    if run.step < run.steps:
        bar.update(run.step, "stopped")
        run.history.interrupted = True
        _save(file)


def _save(file: Checkpoint | None) -> None:
    if file is not None:
        file.save()


def _message(label: str, run: Run, file: Checkpoint | None) -> str:
    """Return the message shown to the reader instead of the rest of the cell's output."""
    if run.history.finished:
        return f"{label}: stopped after the last of {run.steps} steps; run the cell again."
    kept = file is not None and file.path is not None
    then = "continue from there" if kept else "start anew"
    return f"{label}: unfinished, stopped at {run.model.unfinished}; run the cell again to {then}."


def _check_positive(**numbers: int) -> None:
    for name, number in numbers.items():
        as_count(number, name)


def _device(device: str | torch.device) -> torch.device:
    """Return the device, or raise if this machine does not have it."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device: expected one that this machine has, such as 'cpu', got {str(device)!r}"
            f" ({reason})"
        ) from None


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
