"""What every adversarial model does: players who minimise losses of their own (slides 10-12)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import mlp
from course_lib.objectives.critics import CRITICS, Critic

__all__ = ["Game", "build_critic"]


class Game(nn.Module):
    """A model trained by more than one player; ``training.fit`` plays their turns.

    A model says who owns which parameters (``players``) and what each minimises (``loss``);
    ``critic_turns`` says how often the critic moves before anyone else does.

    Args:
        critic_turns: how many turns the player named "critic" has in one step (n_critic).

    Raises:
        ValueError: if ``critic_turns`` is not a positive integer.
    """

    def __init__(self, critic_turns: int = 1) -> None:
        super().__init__()
        self.set_turns(critic_turns)

    def set_turns(self, critic_turns: int) -> None:
        """Set how many turns the critic has in one step.

        Raises:
            ValueError: if it is not a positive integer.
        """
        self.critic_turns = as_count(critic_turns, "critic_turns")

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters that each player moves."""
        raise NotImplementedError

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return the scalar that ``player`` minimises, in nats."""
        raise NotImplementedError

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return every player's loss on one batch."""
        return {player: self.loss(batch, player) for player in self.players()}

    def turns(self) -> tuple[str, ...]:
        """Return the order of one step: the critic's turns, then one turn for everyone else."""
        players = self.players()
        others = tuple(player for player in players if player != "critic")
        return ("critic",) * (self.critic_turns if "critic" in players else 0) + others


def build_critic(kind: str, x_shape: int | tuple[int, ...], hidden: Sequence[int]) -> Critic:
    """Return a perceptron from one observation to one number, as a critic.

    Its activations are smooth, since the penalty differentiates the slope.

    Args:
        kind: ``"jsd"`` or ``"wasserstein"``.
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
