"""Checkpoints: files from which only the same call to ``fit`` resumes a training run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from course_lib.batches import fingerprint
from course_lib.training.run import Run
from course_lib.whole_file import replacing

__all__ = ["Checkpoint"]


class Checkpoint:
    """A file in a folder, named after everything that determines the numbers of its run.

    The name is a hash of the model's initial state, the data, all settings, and the loss and
    gradients of the first step. The last two detect changes that cannot be listed, such as a weight
    inside the model or a corrected loss function. A different run therefore never uses this file.

    Args:
        run: a run that has not taken a step yet.
        folder: where the file lies; made when it is needed.
        rates: the learning rate of every step.

    Raises:
        ValueError: if ``folder`` is a file.
    """

    def __init__(self, run: Run, folder: str | os.PathLike[str], rates: Iterable[float]) -> None:
        self.run, self.folder, self.path = run, Path(folder), None
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"checkpoint: expected a folder, got the file {self.folder}")
        held_out = run.validation
        self._identity: dict[str, Any] = {
            "weights": fingerprint(run.model.state_dict(), "model"),
            "train": fingerprint(run.train, "train"),
            "validation": held_out is not None and fingerprint(held_out, "validation"),
            "players": {name: o.param_groups[0]["betas"] for name, o in run.optimisers.items()},
            "decay": {o.param_groups[0]["weight_decay"] for o in run.optimisers.values()},
            "turns": run.turns,
            "counts": (run.steps, run.batch_size, run.record_every, run.seed),
            "rates": list(rates),
            "device": run.device.type,
        }

    def resume(self) -> bool:
        """Continue from the file of this run, whose first step has just been taken.

        Returns:
            Whether there was such a file.

        Raises:
            ValueError: if the file exists but cannot be read.
        """
        text = repr([*self._identity.items(), *self.run.first_step()])
        name = f"{type(self.run.model).__name__}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self.path = self.folder / f"{name}.pt"
        if not self.path.exists():
            return False
        try:
            state = torch.load(self.path, map_location=self.run.device, weights_only=True)
            self.run.restore(state)
        except Exception as error:
            raise ValueError(
                f"checkpoint: {self.path} is not a checkpoint of fit ({error}); remove the file to"
                " start anew"
            ) from error
        return True

    def save(self) -> None:
        """Write the file completely or not at all."""
        if self.path is None:  # stopped before the first step: there is nothing to keep
            return
        with replacing(self.path) as partial:
            torch.save(self.run.state(), partial)
