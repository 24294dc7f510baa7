"""A VAE whose samples must also pass a critic: sharper samples, lower likelihood (slide 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn

from course_lib.arguments import as_weight
from course_lib.distributions import Brick
from course_lib.models.game import Game, build_critic
from course_lib.models.vae import VAE
from course_lib.objectives.critics import Critic

__all__ = ["VAEGAN"]


class VAEGAN(VAE, Game):
    r"""A VAE with an additional comparison of samples and data in x-space (slide 12).

    .. math:: \max \; E_{p_{data}}[L(x)] - \lambda \, JSD(p_{data}, p)

    The slide's lambda is 1, at which samples hardly change; 10 and more sharpen them. With the
    critic ``"jsd"`` the VAE minimises the non-saturating loss, whose slope is twice the JSD's or
    more; ``"saturating jsd"`` has the JSD itself. The critic sees samples of p(x), including the
    noise of p(x|z), because the slide subtracts their JSD. Means would not do: they are grey, and
    the data's zeros and ones give them away at once. A Gaussian p(x|z) is reparameterised; for bits
    the sample's gradient is that of its mean (straight-through), which is biased but leaves the
    critic's input exact.

    Args:
        prior: the brick p(z).
        likelihood: the brick p(x|z).
        posterior: the brick q(z|x).
        critic: tells data from samples.
        weight: lambda, of the JSD, 0 included.
        critic_turns: how many updates the critic gets per update of the VAE.
        options: ``warm_up`` and ``input_noise``, as in ``VAE``.

    Raises:
        ValueError: if ``weight`` is negative or not finite, or the VAE's bricks do not fit.

    Example:
        >>> import torch
        >>> model = VAEGAN.build(x_shape=(1, 3, 5), z_dim=2, hidden=(16,))
        >>> x = torch.bernoulli(torch.full((7, 1, 3, 5), 0.5))
        >>> list(model.losses(x)), model.elbo(x).total.shape
        (['model', 'critic'], torch.Size([7]))

    Papers: Goodfellow et al. (2014), arXiv:1406.2661; Larsen, Sonderby, Larochelle, Winther (2016),
    arXiv:1512.09300 (who also measure the reconstruction by the critic's features); Bengio,
    Leonard, Courville (2013), arXiv:1308.3432 (straight-through).
    """

    def __init__(
        self,
        prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        critic: Critic,
        *,
        weight: float = 1.0,
        critic_turns: int = 1,
        **options: float,
    ) -> None:
        super().__init__(prior, likelihood, posterior, **options)
        self.critic, self.weight = critic, as_weight(weight, "weight", finite=True)
        self.set_turns(critic_turns)

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        *,
        critic: str = "jsd",
        critic_hidden: Sequence[int] = (200, 200),
        **options: Any,
    ) -> Self:
        """Return a model from plain sizes: ``VAE.build`` and a critic in x-space.

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x.
            critic: ``"jsd"``, ``"saturating jsd"`` or ``"wasserstein"``.
            critic_hidden: widths of the critic's hidden layers.
            options: the constructor's ``weight`` and ``critic_turns``, and those of ``VAE``.

        Raises:
            ValueError: if a size is not a positive integer, or a name is unknown.
        """
        judge = build_critic(critic, x_shape, critic_hidden)
        return super().build(x_shape, z_dim, hidden, likelihood, critic=judge, **options)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the VAE's three bricks and, if it is used, of the critic."""
        critic = {"critic": list(self.critic.parameters())} if self.weight else {}
        bricks = (self.prior, self.likelihood, self.posterior)
        return {"model": [p for brick in bricks for p in brick.parameters()], **critic}

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return -L + weight times the critic's loss, or the critic's own: minus its bound."""
        if player == "critic":
            self.likelihood.check_event(batch, "batch")
            return self.critic.loss(batch, self.sample(len(batch)))
        matching = self.weighed_loss(self.elbo(batch))
        if self.weight == 0:
            return matching
        return matching + self.weight * self.critic.generator_loss(self.rsample(len(batch)), batch)

    losses = Game.losses

    def rsample(self, n: int) -> Tensor:
        """Return n differentiable draws of x, (n, *event); bits have the gradient of their mean."""
        p_x = self.likelihood(self.prior().rsample((n,)))
        if p_x.has_rsample:
            return p_x.rsample()
        return p_x.sample() + (p_x.mean - p_x.mean.detach())
