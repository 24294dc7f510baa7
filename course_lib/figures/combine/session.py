"""One training run of the reader's, in slices: it can be stopped and resumed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from course_lib.data.splits import Splits
from course_lib.evaluation import Row
from course_lib.figures.combine.recipe import build, row_of, train
from course_lib.models import VAE
from course_lib.training import Stopped

__all__ = ["Session"]


class Session:
    """A model of the menus' choices, trained in slices of time.

    Each slice rebuilds the model and resumes it from its checkpoint, so that the numbers are those
    of one uninterrupted ``fit``, even after a stop or in another session.

    Args:
        choices: as for ``recipe.build``.
        splits: the images.
        steps: the budget.
        seed: of the weights, batches and noise.
        checkpoint: the folder of the checkpoints.

    Raises:
        ValueError: if the combination cannot be built.
    """

    def __init__(
        self,
        choices: Mapping[str, str],
        splits: Splits,
        steps: int,
        seed: int = 0,
        checkpoint: str | Path = "checkpoints",
    ) -> None:
        self.choices, self.splits = dict(choices), splits
        self.steps, self.seed, self.folder = steps, seed, checkpoint
        self.model: VAE = build(self.choices, steps, seed)
        self.step, self.interrupted = 0, False

    @property
    def finished(self) -> bool:
        """Whether the last step has been taken."""
        return self.step == self.steps

    def advance(self, seconds: float = 0.5) -> None:
        """Train for about this many seconds, or to the end; Ctrl-C sets ``interrupted``."""
        deadline, over = time.monotonic() + seconds, False
        self.model = build(self.choices, self.steps, self.seed)

        def stop_if(step: int) -> bool:
            nonlocal over
            self.step, over = step, time.monotonic() > deadline
            return over

        where = {"checkpoint": self.folder, "stop_if": stop_if}
        try:
            train(self.model, self.splits, self.steps, self.seed, **where)
        except Stopped:
            self.interrupted = not over
        else:
            self.step = self.steps

    def row(self) -> Row:
        """Return the leaderboard's row of the trained model.

        Raises:
            ValueError: if training has not reached its last step.
        """
        if not self.finished:
            raise ValueError(f"steps: expected {self.steps} before scoring, got {self.step}")
        return row_of(self.model, self.choices, self.splits, self.steps, self.seed)
