"""What every adversarial model does: players who minimise losses of their own (slides 10-12)."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Game"]


class Game(nn.Module):
    """A model trained by more than one player; ``training.fit`` plays their turns.

    A model says who owns which parameters (``players``) and what each minimises (``loss``);
    ``critic_turns`` says how often the critic moves before anyone else does.

    Args:
        critic_turns: how many turns the player named "critic" has in one step.
    """

    def __init__(self, critic_turns: int = 1) -> None:
        super().__init__()
        self.critic_turns = critic_turns

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
        others = [player for player in self.players() if player != "critic"]
        return ("critic",) * self.critic_turns + tuple(others)
