"""The base of adversarial models: players that each minimise their own loss (slides 10-12)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import mlp
from course_lib.objectives.critics import CRITICS, Critic

__all__ = ["Game", "build_critic"]


class Game(nn.Module):
    """A model trained by several players, whose updates ``training.fit`` alternates.

    A model defines which parameters belong to which player (``players``) and the loss that each
    minimises (``loss``); ``critic_turns`` is the number of critic updates per step.

    Args:
        critic_turns: how many updates the player named "critic" gets per step (n_critic).

    Raises:
        ValueError: if ``critic_turns`` is not a positive integer.
    """

    def __init__(self, critic_turns: int = 1) -> None:
        super().__init__()
        self.set_turns(critic_turns)

    def set_turns(self, critic_turns: int) -> None:
        """Set how many updates the critic gets per step.

        Raises:
            ValueError: if it is not a positive integer.
        """
        self.critic_turns = as_count(critic_turns, "critic_turns")

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters that each player updates."""
        raise NotImplementedError

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return the scalar that ``player`` minimises, in nats."""
        raise NotImplementedError

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return every player's loss on one batch."""
        return {player: self.loss(batch, player) for player in self.players()}

    def turns(self) -> tuple[str, ...]:
        """Return the order of one step: the critic's updates, then one for every other player."""
        players = self.players()
        others = tuple(player for player in players if player != "critic")
        return ("critic",) * (self.critic_turns if "critic" in players else 0) + others


def build_critic(kind: str, x_shape: int | tuple[int, ...], hidden: Sequence[int]) -> Critic:
    """Return a critic: a perceptron from one observation to one number.

    Its activations are smooth because the penalty differentiates its gradient.

    Args:
        kind: ``"jsd"``, ``"saturating jsd"`` or ``"wasserstein"``.
        x_shape: the shape of one observation.
        hidden: widths of the hidden layers.

    Raises:
        ValueError: if the kind is unknown, or a size is not a positive integer.

    Example:
        >>> import torch
        >>> build_critic("jsd", (3, 5), (8,))(torch.zeros(7, 3, 5)).shape
        torch.Size([7])
    """
    if kind not in CRITICS:
        raise ValueError(f"critic: expected one of {', '.join(CRITICS)}, got {kind!r}")
    shape, hidden = as_shape(x_shape, "x_shape"), as_shape(hidden, "critic_hidden")
    network = mlp(math.prod(shape), hidden, 1, flatten=len(shape), activation=nn.SiLU)
    return CRITICS[kind](network)
