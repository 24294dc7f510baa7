"""A training run: its state, the steps that change it, and the file that holds it."""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from course_lib.batches import Data, fingerprint, map_data, move, size_of
from course_lib.randomness import cuda_only, own_randomness

__all__ = ["History", "Run"]


@dataclass
class History:
    """What a training run recorded, one entry every ``record_every`` steps.

    Attributes:
        step: the steps at which the other lists were written.
        loss: for each player, the mean of its loss since the entry before, in nats.
        validation: for each player, its loss on the validation data; empty without any.
        seconds: wall-clock time since the run began, resumed time included.
        best_step: the step whose weights the model has, when validation data chose them.
        interrupted: True if the run was stopped before its last step.
    """

    step: list[int] = field(default_factory=list)
    loss: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    best_step: int | None = None
    interrupted: bool = False


class Run:
    """Everything that a checkpoint holds, and the steps that change it."""

    def __init__(
        self,
        model: nn.Module,
        train: Data,
        validation: Data | None,
        batch_size: int,
        seed: int,
        record_every: int,
        betas: tuple[float, float],
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.batch_size, self.seed, self.betas = batch_size, seed, betas
        self.optimisers = {
            name: Adam(p, betas=betas, fused=True) for name, p in _players(model).items()
        }
        self.turns = tuple(model.turns()) if hasattr(model, "turns") else tuple(self.optimisers)
        self.record_every = record_every
        self.history = History()
        self.step, self.text = 0, ""
        self.best: dict[str, Tensor] | None = None
        self._since: dict[str, list[Tensor]] = {}
        self._began = time.monotonic()

    def advance(self, step: int, rate: float) -> None:
        """Take one optimiser step in every turn."""
        for turn, player in enumerate(self.turns):
            batch, optimiser = self._batch(step * len(self.turns) + turn), self.optimisers[player]
            loss = self._loss(batch, player)
            optimiser.zero_grad()
            if len(self.optimisers) == 1:
                loss.backward()
            else:
                loss.backward(inputs=optimiser.param_groups[0]["params"])
            optimiser.param_groups[0]["lr"] = rate
            optimiser.step()
            self._since.setdefault(player, []).append(loss.detach())
        self.step = step + 1

    def _loss(self, batch: Data, player: str) -> Tensor:
        if len(self.optimisers) == 1:
            return self.model.losses(batch)[player]
        return self.model.loss(batch, player)

    def _means(self) -> dict[str, float]:
        """Return each player's mean loss since the last record; stop the run if it is no number."""
        means = {player: torch.stack(v).mean().item() for player, v in self._since.items()}
        if not all(math.isfinite(mean) for mean in means.values()):
            raise FloatingPointError(f"a loss became NaN or infinite by step {self.step}: {means}")
        return means

    def record(self) -> None:
        """Write one entry of the history."""
        means, self._since = self._means(), {}
        history = self.history
        history.step.append(self.step)
        history.seconds.append(time.monotonic() - self._began)
        for player, mean in means.items():
            history.loss.setdefault(player, []).append(mean)
        self.text = ", ".join(f"{player} loss {mean:.3f}" for player, mean in means.items())
        if self.validation is not None:
            self._validate()

    def _validate(self) -> None:
        self.model.eval()
        validation = move(self.validation, _device(self.model))
        with torch.no_grad(), own_randomness(self.seed, _device(self.model)):
            losses = {player: self._loss(validation, player) for player in self.optimisers}
        for player, loss in losses.items():
            self.history.validation.setdefault(player, []).append(loss.item())
        first = next(iter(self.history.validation.values()))
        self.text += f", validation {first[-1]:.3f}"
        if first[-1] == min(first):
            self.history.best_step = self.step
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.model.train()

    def keep_best(self) -> None:
        """Give the model the weights that did best on the validation data, if there is any."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.model.eval()

    def _batch(self, step: int) -> Data:
        n = size_of(self.train, "train")
        size = min(self.batch_size, n)
        per_epoch = n // size
        epoch, place = divmod(step, per_epoch)
        if place == 0 or not hasattr(self, "_order"):
            generator = torch.Generator().manual_seed(1_000_003 * self.seed + epoch)
            self._order = torch.randperm(n, generator=generator)
        index = self._order[place * size : (place + 1) * size]
        return move(map_data(self.train, lambda x: x[index]), _device(self.model))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must agree for a checkpoint to continue this run."""
        state = self.model.state_dict()
        return {
            "model": type(self.model).__name__,
            "weights": {k: f"{v.dtype} {tuple(v.shape)}" for k, v in state.items()},
            "players": sorted(self.optimisers),
            "turns": list(self.turns),
            "betas": list(self.betas),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "record_every": self.record_every,
            "train": fingerprint(self.train, "train"),
            "validation": self.validation is not None
            and fingerprint(self.validation, "validation"),
        }

    def save(self, path: Path | None) -> None:
        """Write the checkpoint in full or not at all, and none after a loss that is no number."""
        if path is None:
            return
        self._means()
        device = _device(self.model)
        cuda = torch.cuda.get_rng_state(device) if cuda_only(device) else None
        state = {
            "identity": self.identity,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "history": asdict(self.history),
            "since": self._since,
            "best": self.best,
            "random": {"cpu": torch.get_rng_state(), "cuda": cuda},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path, steps: int) -> None:
        """Continue from the checkpoint.

        Raises:
            ValueError: if the file is no checkpoint of this run, or has gone beyond ``steps``.
        """
        try:
            state = torch.load(path, map_location=_device(self.model), weights_only=True)
            identity = state["identity"]
        except Exception as error:
            raise ValueError(f"checkpoint: {path} is not a checkpoint of fit ({error})") from error
        for key, wanted in self.identity.items():
            if identity.get(key) != wanted:
                raise ValueError(
                    f"checkpoint: {path} was made with another {key}; use another file name, or"
                    " remove the file to start anew"
                )
        if state["step"] > steps:
            raise ValueError(
                f"checkpoint: {path} has run {state['step']} steps already, more than {steps}"
            )
        self.model.load_state_dict(state["model"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.history = History(**state["history"])
        self.history.interrupted = False
        self.step, self.best, self._since = state["step"], state["best"], state["since"]
        self._began -= self.history.seconds[-1] if self.history.seconds else 0.0
        torch.set_rng_state(state["random"]["cpu"].cpu())
        if state["random"]["cuda"] is not None:
            torch.cuda.set_rng_state(state["random"]["cuda"].cpu(), _device(self.model))


def _players(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    if hasattr(model, "players"):
        return {name: list(parameters) for name, parameters in model.players().items()}
    return {"model": [p for p in model.parameters() if p.requires_grad]}


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
