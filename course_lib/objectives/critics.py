"""Critics and their losses: the extra player in every adversarial model (slides 10-12)."""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.arguments import as_floats, as_weight
from course_lib.distributions.base import check_finite, first_parameter
from course_lib.objectives.adversarial import (
    gradient_penalty,
    jsd_bound,
    non_saturating_loss,
    r1_penalty,
    wasserstein_bound,
)

__all__ = ["CRITICS", "Critic", "JSDCritic", "SaturatingJSDCritic", "WassersteinCritic"]


class Critic(nn.Module):
    """A network that gives one number per example, and the two losses of its game.

    Args:
        network: maps (n, *event) to (n, 1) or (n,) numbers.
        penalty: weight of the term that keeps the game stable.

    Raises:
        ValueError: if ``penalty`` is negative or not a finite number.
    """

    def __init__(self, network: nn.Module, penalty: float) -> None:
        super().__init__()
        self.network = network
        self.penalty = as_weight(penalty, "penalty", finite=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return one number per example: (n, *event) -> (n,)."""
        return self.network(x).reshape(len(x))

    def loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the critic's loss: minus its bound, plus the penalty.

        No gradient flows into the generator of ``fake``.

        Args:
            real: (n, *event) samples of p_data.
            fake: (n, *event) samples of p.

        Raises:
            TypeError: if ``real`` is not a floating-point tensor of the critic's precision.
            ValueError: if the sides differ in shape, or ``real`` is not finite.
        """
        as_floats(real, "real", first_parameter(self))
        if real.shape != fake.shape:
            raise ValueError(f"real: expected shape {tuple(fake.shape)}, got {tuple(real.shape)}")
        check_finite(real, "real")
        fake = fake.detach()
        return self.penalty * self.penalty_term(real, fake) - self.bound(real, fake)

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return this critic's lower bound on the divergence between the two sides: ()."""
        raise NotImplementedError

    def penalty_term(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the unweighted penalty on the critic's gradient: ()."""
        raise NotImplementedError

    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return the generator's loss, in place of the divergence: ().

        Args:
            fake: (n, *event) samples of p, with a gradient.
            real: (m, *event) samples of p_data, for a loss whose value needs them.
        """
        raise NotImplementedError


class JSDCritic(Critic):
    """The GAN's critic: its logits bound the JSD; its gradient at the data is penalised.

    The generator minimises ``non_saturating_loss``, which is not the JSD: neither its value, nor
    its slope, which is twice that of the JSD next to the data and more at a distance. Weights of
    this loss have no fixed unit; ``SaturatingJSDCritic`` has the JSD itself.

    Args:
        network: maps (n, *event) to one logit each.
        penalty: weight of ``r1_penalty``.

    Example:
        >>> import math, torch; critic = JSDCritic(nn.Linear(3, 1))
        >>> real, fake = torch.randn(5, 3), torch.randn(5, 3)
        >>> bool(critic.bound(real, fake) <= math.log(2))
        True
    """

    def __init__(self, network: nn.Module, penalty: float = 0.1) -> None:
        super().__init__(network, penalty)

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ``jsd_bound``, in nats."""
        return jsd_bound(self(real), self(fake))

    def penalty_term(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ``r1_penalty`` at the data."""
        return r1_penalty(self, real)

    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return ``non_saturating_loss``; ``real`` is not used."""
        return non_saturating_loss(self(fake))


class SaturatingJSDCritic(JSDCritic):
    """The same critic in the game of slide 10: the generator minimises the bound on the JSD itself.

    If the critic is optimal, value and gradient are those of the JSD, in nats. Far from the data
    both level off (the loss saturates), so it suits a generator that the likelihood keeps near.

    Example:
        >>> import torch; critic = SaturatingJSDCritic(nn.Linear(3, 1))
        >>> real, fake = torch.randn(5, 3), torch.randn(5, 3)
        >>> torch.equal(critic.generator_loss(fake, real), critic.bound(real, fake))
        True
    """

    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return ``jsd_bound``, in nats.

        Raises:
            ValueError: if ``real`` is not given.
        """
        if real is None:
            raise ValueError("real: expected samples of p_data, which the value needs, got None")
        return jsd_bound(self(real), self(fake))


class WassersteinCritic(Critic):
    """A critic with a gradient norm near 1, whose scores bound the Wasserstein-1 distance below.

    Args:
        network: maps (n, *event) to one score each.
        penalty: weight of ``gradient_penalty``.

    Example:
        >>> import torch; critic = WassersteinCritic(nn.Linear(3, 1))
        >>> x = torch.randn(5, 3)
        >>> torch.equal(critic.bound(x, x), torch.tensor(0.0))
        True
    """

    def __init__(self, network: nn.Module, penalty: float = 10.0) -> None:
        super().__init__(network, penalty)

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ``wasserstein_bound``, in units of x; a bound only while the slope is <= 1."""
        return wasserstein_bound(self(real), self(fake))

    def penalty_term(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return ``gradient_penalty`` between the two sides."""
        return gradient_penalty(self, real, fake)

    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return -E_p[T], the only part of the bound that depends on p; ``real`` is not used."""
        return -self(fake).mean()


CRITICS = {
    "jsd": JSDCritic,
    "saturating jsd": SaturatingJSDCritic,
    "wasserstein": WassersteinCritic,
}
