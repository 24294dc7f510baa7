"""A flow trained by maximum likelihood, adversarially, or both (slides 10 and 11)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn

from course_lib.arguments import as_weight
from course_lib.distributions import Brick
from course_lib.models.coupling_flow import CouplingFlow
from course_lib.models.density import DensityModel
from course_lib.models.game import Game, build_critic
from course_lib.objectives.critics import Critic

__all__ = ["FlowGAN"]


class FlowGAN(DensityModel, Game):
    r"""A generator with a tractable likelihood, so that both objectives apply to it (slide 11).

    .. math:: \min_p \; KL(p_{data}, p) + \lambda \, JSD(p_{data}, p)

    lambda = 0 is maximum likelihood and lambda = ``math.inf`` the adversarial term alone. The
    weight is on the adversarial term, as on the slide; the authors' code puts the inverse weight
    on the likelihood. What stands for the JSD is the critic's ``generator_loss``: the JSD itself
    for ``"saturating jsd"``, the non-saturating loss for ``"jsd"``, whose slope is at least twice
    the JSD's, and minus the mean score for ``"wasserstein"``. The KL and the JSD are both zero only
    at p = p_data, but they rank imperfect models differently.

    Args:
        generator: the brick p(x): exact density, differentiable samples.
        critic: tells data from samples, in the units of x.
        lambda_: weight of the adversarial term, 0 and ``math.inf`` included.
        critic_turns: how many updates the critic gets per update of the generator.

    Raises:
        ValueError: if ``lambda_`` is negative or not a number.

    Example:
        >>> model = FlowGAN.build(4, lambda_=3.0, layers=2, hidden=(8,))
        >>> model.turns()
        ('critic', 'critic', 'critic', 'generator')
        >>> model.log_prob(model.sample(5)).shape
        torch.Size([5])

    Paper: Grover, Dhar, Ermon (2018), Flow-GAN, arXiv:1705.08868.
    """

    def __init__(
        self, generator: Brick, critic: Critic, lambda_: float, critic_turns: int = 3
    ) -> None:
        super().__init__(generator)
        self.critic, self.lambda_ = critic, as_weight(lambda_, "lambda_")
        self.set_turns(critic_turns)

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        lambda_: float,
        *,
        critic: str = "saturating jsd",
        critic_hidden: Sequence[int] = (200, 200),
        critic_turns: int = 3,
        **flow: Any,
    ) -> Self:
        """Return a coupling flow and a critic from plain sizes.

        Args:
            x_shape: the shape of one observation, e.g. ``64`` or ``(1, 8, 8)``.
            lambda_: weight of the adversarial term.
            critic: ``"saturating jsd"``, the slide's JSD, ``"jsd"`` or ``"wasserstein"``.
            critic_hidden: widths of the critic's hidden layers.
            critic_turns: how many updates the critic gets per update of the generator.
            flow: what ``CouplingFlow.build`` takes: ``layers``, ``hidden``, ``levels``, ...

        Raises:
            ValueError: if a size is not a positive integer, a name is unknown, or ``lambda_`` is
                negative.
        """
        generator = CouplingFlow.build(x_shape, **flow).brick
        return cls(generator, build_critic(critic, x_shape, critic_hidden), lambda_, critic_turns)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the generator and, if it is used, of the critic."""
        critic = {"critic": list(self.critic.parameters())} if self.lambda_ else {}
        return {"generator": list(self.brick.parameters()), **critic}

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return -log p + lambda times the adversarial loss, or minus the critic's bound."""
        self.brick.check_event(batch, "batch")
        if player == "critic":
            return self.critic.loss(batch, self.sample(len(batch)))
        if self.lambda_ == 0:
            return -self.log_prob(batch).mean()
        adversarial = self.critic.generator_loss(self.brick().rsample((len(batch),)), batch)
        if math.isinf(self.lambda_):
            return adversarial
        return self.lambda_ * adversarial - self.log_prob(batch).mean()

    losses = Game.losses
