"""A GAN whose samples reveal the code that they were made from (slide 17)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib.arguments import as_count, as_floats, as_shape, as_weight
from course_lib.distributions import Brick, ConditionalGaussian, StandardGaussian, mlp
from course_lib.distributions.base import first_parameter
from course_lib.distributions.codes import (
    ConditionalCategorical,
    JointBrick,
    UniformBox,
    UniformCategorical,
)
from course_lib.models.game import Game, build_critic
from course_lib.models.vae import encoder
from course_lib.objectives.critics import Critic
from course_lib.objectives.variational_information import variational_information

__all__ = ["InfoGAN"]


class InfoGAN(Game):
    r"""x = G(noise, c), trained to look like data and to keep the code c recoverable (slide 17).

    .. math:: \max \; \alpha \left( I_p(x; c) - E_p KL(p(c|x), q(c|x)) \right) - JSD(p_{data}, p)

    The bracket is H(c) + E log q(c|x), with c ~ p(c) and x generated from c: the generator and the
    recogniser q(c|x) maximise it together, and the noise does not enter. The recogniser is trained
    on samples only; that it also works on real images is the paper's finding. The slide's alpha is
    1. With ``instance_noise`` Gaussian noise is added to the inputs of critic and recogniser in
    training: the code cannot hide in a faint mark, and the two sides overlap, so that their JSD
    has a useful gradient. With the critic ``"jsd"`` the generator minimises the non-saturating
    loss, whose slope is twice that of the JSD or more.

    Args:
        noise: the brick of the noise, which carries everything except the code.
        code: the brick p(c), with an entropy.
        generator: maps (n, noise dim + code dim) to (n, *event).
        recogniser: the brick q(c|x).
        critic: tells data from samples.
        alpha: weight of the information, 0 included.
        instance_noise: standard deviation of the noise on the critic's and recogniser's inputs.
        critic_turns: how many updates the critic gets per update of the generator.

    Raises:
        ValueError: if a weight is negative or not finite, or code and recogniser do not fit.

    Example:
        >>> model = InfoGAN.build(x_shape=(3, 5), noise_dim=2, categories=4, hidden=(16,))
        >>> x = model.sample(7, code=torch.eye(4)[[3] * 7])
        >>> x.shape, bool(model.information_bound(50).mean() <= math.log(4))
        (torch.Size([7, 3, 5]), True)

    Paper: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel (2016), arXiv:1606.03657.
    """

    def __init__(
        self,
        noise: Brick,
        code: Brick,
        generator: nn.Module,
        recogniser: Brick,
        critic: Critic,
        *,
        alpha: float = 1.0,
        instance_noise: float = 0.0,
        critic_turns: int = 1,
    ) -> None:
        super().__init__(critic_turns)
        if code.event_shape != recogniser.event_shape:
            raise ValueError(
                f"recogniser: expected codes of shape {tuple(code.event_shape)},"
                f" got {tuple(recogniser.event_shape)}"
            )
        self.noise, self.code, self.generator = noise, code, generator
        self.recogniser, self.critic = recogniser, critic
        self.alpha = as_weight(alpha, "alpha", finite=True)
        self.instance_noise = as_weight(instance_noise, "instance_noise", finite=True)

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        noise_dim: int,
        categories: int,
        hidden: Sequence[int] = (200, 200),
        *,
        continuous: int = 0,
        critic: str = "jsd",
        **options: Any,
    ) -> Self:
        """Return perceptrons for observations in [0, 1] from plain sizes.

        Args:
            x_shape: the shape of one observation, e.g. ``(1, 8, 8)``.
            noise_dim: how many dimensions the noise has.
            categories: how many values the discrete code has.
            hidden: widths of the hidden layers of all three networks; the generator mirrors them.
            continuous: how many codes are numbers in [-1, 1]; their q is Gaussian with a scale.
            critic: ``"jsd"`` or ``"saturating jsd"``, in nats as the information is, or
                ``"wasserstein"``.
            options: the constructor's ``alpha``, ``instance_noise`` and ``critic_turns``.

        Raises:
            ValueError: if a size is not a positive integer, a name is unknown, or a weight is
                negative.
        """
        shape, hidden = as_shape(x_shape, "x_shape"), as_shape(hidden, "hidden")
        code, recogniser = code_bricks(shape, categories, continuous, hidden)
        noise = StandardGaussian(as_count(noise_dim, "noise_dim"))
        widths = (noise_dim + code.event_shape[0], hidden[::-1], math.prod(shape))
        generator = nn.Sequential(mlp(*widths), nn.Sigmoid(), nn.Unflatten(-1, shape))
        judge = build_critic(critic, shape, hidden)
        return cls(noise, code, generator, recogniser, judge, **options)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the generator with the recogniser, and those of the critic."""
        return {
            "generator": [*self.generator.parameters(), *self.recogniser.parameters()],
            "critic": list(self.critic.parameters()),
        }

    def loss(self, batch: Tensor, player: str) -> Tensor:
        """Return the adversarial loss - alpha I, or the critic's own: minus its bound."""
        self._check(batch)
        code = self.code().sample((len(batch),))
        fake = self._with_instance_noise(self.generate(code))
        if player == "critic":
            return self.critic.loss(self._with_instance_noise(batch), fake)
        information = variational_information(self.code(), self.recogniser(fake), code)
        return self.critic.generator_loss(fake) - self.alpha * information.mean()

    def generate(self, code: Tensor) -> Tensor:
        """Return x = G(noise, c) for each code, with a gradient: (n, *code) -> (n, *event)."""
        noise = self.noise().sample((len(code),))
        return self.generator(torch.cat((noise, code), -1))

    def _check(self, x: Tensor) -> None:
        as_floats(x, "x", first_parameter(self.recogniser))

    def _with_instance_noise(self, x: Tensor) -> Tensor:
        return x + self.instance_noise * torch.randn_like(x) if self.instance_noise else x

    @torch.no_grad()
    def sample(self, n: int, code: Tensor | None = None) -> Tensor:
        """Return n draws of x, conditioned on the given codes if there are any.

        Args:
            n: how many.
            code: (n, code dim) one code each; None draws them from p(c).

        Returns:
            (n, *event) samples.

        Raises:
            ValueError: if ``code`` is not n codes.
        """
        if code is None:
            return self.generate(self.code().sample((n,)))
        self.code.check_event(code, "code")
        if len(code) != n:
            raise ValueError(f"code: expected {n} codes, got {len(code)}")
        return self.generate(code)

    @torch.no_grad()
    def information_bound(self, n: int) -> Tensor:
        """Return H(c) + log q(c|x) for n fresh pairs, in nats, whose mean bounds I_p: (n,)."""
        code = self.code().sample((n,))
        return variational_information(self.code(), self.recogniser(self.generate(code)), code)

    @torch.no_grad()
    def recognise(self, x: Tensor) -> Distribution:
        """Return q(c|x) for observations, real ones included: (batch, *event) -> (batch,) codes.

        Raises:
            TypeError: if ``x`` is not a floating-point tensor of the parameters' precision.
        """
        self._check(x)
        return self.recogniser(x)


def code_bricks(
    x_shape: tuple[int, ...], categories: int, continuous: int, hidden: Sequence[int]
) -> tuple[JointBrick, JointBrick]:
    """Return p(c) and q(c|x) of a category and of any ``continuous`` codes."""
    *trunk, features = hidden
    prior = [UniformCategorical(categories)]
    parts = [ConditionalCategorical(nn.Linear(features, categories), categories)]
    if continuous != 0:
        as_count(continuous, "continuous")
        prior.append(UniformBox(continuous))
        parts.append(ConditionalGaussian(nn.Linear(features, 2 * continuous), continuous))
    network = nn.Sequential(encoder(x_shape, trunk, features), nn.ReLU())
    return JointBrick(prior), JointBrick(parts, network)
