"""The adversarial autoencoder: a critic in z-space pulls q(z) to p(z) (slide 15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib import objectives
from course_lib.arguments import as_count, as_weight
from course_lib.distributions import Brick
from course_lib.models.game import Game, build_critic
from course_lib.models.vae import VAE
from course_lib.objectives.critics import Critic

__all__ = ["AdversarialAutoencoder"]


class AdversarialAutoencoder(VAE, Game):
    r"""A VAE whose aggregate posterior is matched to the prior adversarially (slide 15).

    .. math:: E_{p_d} E_q[\log p(x|z)] - \kappa\, E_{p_d} KL(q(z|x), p(z)) - w\, JSD(q(z), p(z))

    Slide 15 *adds* the divergence to the ELBO: ``kl_weight=1``, the default. The original paper
    lets it *replace* the KL: ``kl_weight=0``; nothing then keeps the posteriors wide, and the
    model's bounds on log p(x) are poor. The critic sees draws of both sides, never means, because
    q(z) itself must match. The reconstruction sums over pixels, a hundred nats or more, while the
    JSD is at most log 2: with weight 1 it would hardly move q(z), hence the larger default. What
    the encoder minimises is the non-saturating loss, whose slope is twice that of the JSD or more.

    Args:
        prior: the brick p(z).
        likelihood: the brick p(x|z).
        posterior: the brick q(z|x).
        critic: tells draws of p(z) (its "real" side) from draws of q(z); the encoder minimises
            its ``generator_loss``.
        weight: w, the weight of the divergence relative to the reconstruction.
        kl_weight: kappa, the weight of the KL.
        critic_turns: how many updates the critic gets per step.
        options: ``warm_up`` and ``input_noise``, as in ``VAE``.

    Raises:
        ValueError: if a weight is negative or not a finite number, or the bricks do not fit.

    Example:
        >>> model = AdversarialAutoencoder.build(x_shape=6, z_dim=2, hidden=(16,))
        >>> sorted(model.players()), model.turns()
        (['critic', 'model'], ('critic', 'model'))

    Paper: Makhzani, Shlens, Jaitly, Goodfellow, Frey (2015), arXiv:1511.05644.
    """

    def __init__(
        self,
        prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        critic: Critic,
        *,
        weight: float = 10.0,
        kl_weight: float = 1.0,
        critic_turns: int = 1,
        **options: float,
    ) -> None:
        super().__init__(prior, likelihood, posterior, **options)
        self.critic = critic
        self.weight = as_weight(weight, "weight", finite=True)
        self.kl_weight = as_weight(kl_weight, "kl_weight", finite=True)
        self.critic_turns = as_count(critic_turns, "critic_turns")

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        *,
        critic_hidden: Sequence[int] = (200, 200),
        **options: Any,
    ) -> Self:
        """Return a model from plain sizes: ``VAE.build`` and a critic with these hidden layers.

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x.
            critic_hidden: widths of the critic's hidden layers.
            options: passed on to the constructor.

        Raises:
            ValueError: if a size is not a positive integer, or the likelihood is unknown.
        """
        critic = build_critic("jsd", as_count(z_dim, "z_dim"), critic_hidden)
        return super().build(x_shape, z_dim, hidden, likelihood, critic=critic, **options)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of each player: the critic, and the model (everything else)."""
        bricks = (self.prior, self.likelihood, self.posterior)
        return {
            "model": [p for brick in bricks for p in brick.parameters()],
            "critic": list(self.critic.parameters()),
        }

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return the loss of ``player`` ("model" or "critic"), in nats."""
        self.likelihood.check_event(batch, "x")
        if player == "critic":
            with torch.no_grad():
                z = self.encode(batch).rsample()
            return self.critic.loss(self.prior().sample((len(z),)), z)
        q = self.encode(batch)
        bound = objectives.elbo(self.prior(), self.likelihood, q, batch)
        loss = self.weighed_loss(bound, self.kl_weight)
        return loss + self.weight * self.divergence(q) if self.weight else loss

    def divergence(self, q: Distribution) -> Tensor:
        """Return the estimate of the divergence of q(z) from p(z) in the model's loss: ()."""
        return self.critic.generator_loss(q.rsample())

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return every player's loss on one batch."""
        return Game.losses(self, batch)
