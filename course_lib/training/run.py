"""A training run: its state, and the steps that change it."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from course_lib.batches import Data, map_data, move, parts, size_of
from course_lib.randomness import cuda_only, fork_seed, seed_for

__all__ = ["History", "Run"]

LARGE = 30.0  # larger entries are far from the scale for which networks are initialised


@dataclass
class History:
    """What a training run recorded, one entry every ``record_every`` steps.

    Attributes:
        step: the steps at which the other lists were written.
        loss: for each player, the mean of its loss since the entry before, in nats.
        validation: for each player, its loss on the validation data; empty without any.
        seconds: wall-clock time since the run began, resumed time included.
        best_step: the step whose weights the model has, when validation data chose them.
        steps: the number of steps that were asked for.
        interrupted: True if Ctrl-C stopped the run before its last step.
    """

    step: list[int] = field(default_factory=list)
    loss: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    best_step: int | None = None
    steps: int = 0
    interrupted: bool = False

    @property
    def finished(self) -> bool:
        """Whether the run reached its last step."""
        return bool(self.step) and self.step[-1] == self.steps


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
        steps: int,
        weight_decay: float = 0.0,
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.device = next(model.parameters()).device
        self.batch_size, self.seed, self.steps = batch_size, seed, steps
        decay = {"weight_decay": weight_decay, "decoupled_weight_decay": True}
        self.optimisers = {
            name: Adam(p, betas=betas, fused=True, **decay) for name, p in _players(model).items()
        }
        self.turns = tuple(model.turns()) if hasattr(model, "turns") else tuple(self.optimisers)
        self.record_every = record_every
        self.history = History(steps=steps)
        self.step, self.text = 0, ""
        self.best: dict[str, Tensor] | None = None
        self._examples, self._order = size_of(train, "train"), None
        self._since: dict[str, list[Tensor]] = {}
        self._began = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the step just taken should be recorded."""
        return self.step % self.record_every == 0 or self.step == self.steps

    def advance(self, rate: float) -> None:
        """Take one optimiser step per turn."""
        step = self.step
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
        """Return each player's mean loss since the last record; raise if not finite."""
        means = {player: torch.stack(v).mean().item() for player, v in self._since.items()}
        if not all(math.isfinite(mean) for mean in means.values()):
            hint = _scale_hint(self.train)
            message = f"a loss became NaN or infinite by step {self.step}: {means}{hint}"
            raise FloatingPointError(message)
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
        validation = move(self.validation, self.device)
        noise = seed_for("validation noise", self.seed)  # the same at every record
        with torch.no_grad(), fork_seed(noise, self.device):
            losses = {player: self._loss(validation, player) for player in self.optimisers}
        for player, loss in losses.items():
            self.history.validation.setdefault(player, []).append(loss.item())
        first = next(iter(self.history.validation.values()))
        self.text += f", validation {first[-1]:.3f}"
        if first[-1] == min(first):
            self.history.best_step = self.step
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        self.model.train()

    def leave(self) -> None:
        """Give the model its best weights, if validation data chose them, and say if it is done."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.model.eval()
        done = self.step == self.steps
        self.model.unfinished = None if done else f"step {self.step} of {self.steps}"

    def _batch(self, step: int) -> Data:
        size = min(self.batch_size, self._examples)
        epoch, place = divmod(step, self._examples // size)
        if place == 0 or self._order is None:
            generator = torch.Generator().manual_seed(seed_for("order", self.seed, epoch))
            self._order = torch.randperm(self._examples, generator=generator)
        index = self._order[place * size : (place + 1) * size]
        return map_data(self.train, lambda x: x[index].to(self.device))

    def first_step(self) -> list[tuple[str, str, list[str]]]:
        """Return each player's loss and gradient norms of the step just taken, to five digits.

        Each weight has its own norm: a term that moves a few of them only, such as the tie of a
        multimodal VAE, would be lost in the norm of all.
        """
        said = []
        for name, optimiser in self.optimisers.items():
            weights = optimiser.param_groups[0]["params"]
            norms = [f"{p.grad.norm():.5g}" for p in weights if p.grad is not None]
            said.append((name, f"{self._since[name][-1]:.5g}", norms))
        return said

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to continue; raise if a loss is not finite."""
        self._means()
        cuda = torch.cuda.get_rng_state(self.device) if cuda_only(self.device) else None
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "history": asdict(self.history),
            "since": self._since,
            "best": self.best,
            "random": {"cpu": torch.get_rng_state(), "cuda": cuda},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that another run of the same kind returned."""
        history = History(**state["history"])
        self.model.load_state_dict(state["model"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.history, self.history.interrupted = history, False
        self.step, self.best, self._since = state["step"], state["best"], state["since"]
        self._began -= history.seconds[-1] if history.seconds else 0.0
        self._order = None
        torch.set_rng_state(state["random"]["cpu"].cpu())
        if state["random"]["cuda"] is not None:
            torch.cuda.set_rng_state(state["random"]["cuda"].cpu(), self.device)


def _scale_hint(data: Data) -> str:
    """Return advice for data far larger than the scale for which networks are initialised."""
    floats = [part for part in parts(data, "train") if part.is_floating_point()]
    largest = max((float(part.abs().max()) for part in floats), default=0.0)
    if not LARGE < largest < math.inf:
        return ""
    return (
        f"; train has entries up to {largest:.3g}: give each column mean 0 and standard deviation"
        " 1, (x - x.mean(0)) / x.std(0) with the numbers of the training data"
    )


def _players(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    if hasattr(model, "players"):
        return {name: list(parameters) for name, parameters in model.players().items()}
    return {"model": [p for p in model.parameters() if p.requires_grad]}
