"""What the rows about sequences share: an RNN without z, warm-up, and nats of ragged batches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.distributions import (
    Brick,
    ConditionalAutoregressiveBernoulli,
    ConditionalBernoulli,
    mlp,
)
from course_lib.models import VariationalRNN
from course_lib.models.warm_up import WarmUp
from course_lib.objectives.padding import read_sequences, sum_over_time, valid_steps
from course_lib.training import cosine, fit


class PlainRNN(nn.Module):
    """p(x) = prod p(x_t | x_<t) with a gated recurrent network and no z: exact, no bound.

    Args:
        x_dim: bits of one step.
        hidden: size of the state and of the hidden layer of the output; of MADE's a quarter.
        autoregressive: whether the bits of one step see the bits before them (MADE).
        dropout: the share of the state that is left out while the model trains.
    """

    def __init__(
        self, x_dim: int, hidden: int, autoregressive: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(x_dim, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.recurrence = nn.GRU(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.generation: Brick = (
            ConditionalAutoregressiveBernoulli(x_dim, (4 * hidden,), context_dim=hidden)
            if autoregressive
            else ConditionalBernoulli(mlp(hidden, (hidden,), x_dim), x_dim)
        )

    def log_prob(self, batch: dict[str, Tensor]) -> Tensor:
        """Return log p(x) of each sequence, (batch,), in nats."""
        x, length = read_sequences(batch)
        x = x.transpose(0, 1)
        states, _ = self.recurrence(self.features(x[:-1]))
        states = torch.cat((states.new_zeros(1, *states.shape[1:]), states))
        terms = self.generation(self.dropout(states)).log_prob(x)
        return sum_over_time(terms, valid_steps(length, len(x)))

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the batch mean of -log p(x)."""
        return {"model": -self.log_prob(batch).mean()}


class Warmed(nn.Module):
    """A model trained with the weight of its KL rising from 0 to 1; judged by its own bound.

    Args:
        model: what has ``elbo``.
        steps: after how many steps the weight is one.
    """

    def __init__(self, model: nn.Module, steps: int) -> None:
        super().__init__()
        self.model, self.warm_up = model, WarmUp(steps)

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the batch mean of -reconstruction + weight * KL."""
        bound = self.model.elbo(batch)
        return {"model": (self.warm_up() * bound.kl - bound.reconstruction).mean()}


def train(
    model: nn.Module,
    parts: tuple[dict[str, Tensor], dict[str, Tensor]],
    steps: int,
    batch_size: int,
    seed: int,
    rate: float = 3e-3,
) -> nn.Module:
    """Fit with a cosine and keep the weights that did best on the validation part."""
    fit(
        model,
        parts[0],
        steps=steps,
        batch_size=batch_size,
        learning_rate=cosine(rate, steps),
        validation=parts[1],
        seed=seed,
        record_every=50,
        progress=False,
    )
    return model.eval()


def train_vrnn(model: VariationalRNN, warm_up: int, *arguments: object) -> VariationalRNN:
    """Fit a VRNN with its KL warmed up over so many steps; the rest is as for ``train``."""
    train(Warmed(model, warm_up), *arguments)
    return model.eval()


@torch.no_grad()
def per_step(bound: Callable[[dict[str, Tensor]], Tensor], sequences: dict[str, Tensor]) -> float:
    """Return nats a step, averaged over all steps of all sequences, scored in small batches."""
    order = sequences["length"].argsort()
    batches = ({key: value[i] for key, value in sequences.items()} for i in order.split(20))
    total = sum(bound(batch).sum().item() for batch in batches)
    return total / sequences["length"].sum().item()


def all_steps(sequences: dict[str, Tensor]) -> Tensor:
    """Return every valid step by itself: (steps, dim)."""
    return torch.cat([x[:n] for x, n in zip(sequences["x"], sequences["length"], strict=True)])


def coins(train: Tensor, test: Tensor) -> float:
    """Return nats of independent bits with the frequencies of the training steps."""
    one = (train.double().sum(0) + 1) / (len(train) + 2)
    test = test.double()
    return (test * one.log() + (1 - test) * (1 - one).log()).sum(1).mean().item()
