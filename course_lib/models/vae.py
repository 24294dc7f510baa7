"""The variational autoencoder: prior, likelihood and posterior, trained by the ELBO (slide 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib import objectives
from course_lib.arguments import as_count, as_shape, as_weight
from course_lib.distributions import (
    Brick,
    ConditionalBernoulli,
    ConditionalGaussian,
    StandardGaussian,
    mlp,
)
from course_lib.models.warm_up import WarmUp
from course_lib.objectives import Elbo

__all__ = ["VAE"]

LIKELIHOODS = {"bernoulli": (ConditionalBernoulli, 1), "gaussian": (ConditionalGaussian, 2)}


class VAE(nn.Module):
    """An infinite mixture p(x) = E_p(z) p(x|z), with q(z|x) to train it by (slide 3).

    Args:
        prior: the brick p(z).
        likelihood: the brick p(x|z).
        posterior: the brick q(z|x).
        input_noise: standard deviation of Gaussian noise on the encoder's input while the model
            trains: amortised inference regularisation (slide 12). It keeps q(z|x) from changing
            fast with x, and so from fitting the training set alone; in evaluation it is absent.
        warm_up: over how many training steps the weight of the KL rises to its full value, so that
            z is in use before it costs anything (``WarmUp``); 0 for none.

    Raises:
        ValueError: if prior and posterior have different event shapes, or the noise is
            negative.

    Example:
        >>> vae = VAE.build(x_shape=(1, 3, 5), z_dim=2, hidden=(16,))
        >>> x = torch.bernoulli(torch.full((7, 1, 3, 5), 0.5))
        >>> bound = vae.elbo(x)
        >>> torch.allclose(bound.total, bound.reconstruction - bound.kl)
        True

    Papers: Kingma, Welling (2014), Auto-encoding variational Bayes, arXiv:1312.6114; Shu, Bui,
    Zhao, Kochenderfer, Ermon (2018), Amortized inference regularization, arXiv:1805.08913.
    """

    def __init__(
        self,
        prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        *,
        input_noise: float = 0.0,
        warm_up: int = 0,
    ) -> None:
        super().__init__()
        if prior.event_shape != posterior.event_shape:
            raise ValueError(
                f"posterior: expected events of the prior's shape {tuple(prior.event_shape)},"
                f" got {tuple(posterior.event_shape)}"
            )
        self.prior, self.likelihood, self.posterior = prior, likelihood, posterior
        self.input_noise = as_weight(input_noise, "input_noise", finite=True)
        self.warm_up = WarmUp(warm_up)

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        **options: float,
    ) -> Self:
        """Return a VAE from plain sizes: Gaussian encoder, mirrored decoder, p(z) = N(0, I).

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x. Networks start at
                a scale of 1, so give each column of real x mean 0 and standard deviation 1; from
                log p(x) of the scaled x subtract the sum of the columns' log standard deviations.
            options: the constructor's other arguments, e.g. ``input_noise``, ``warm_up``.

        Raises:
            ValueError: if a size is not a positive integer, or the likelihood is unknown.
        """
        z_dim, hidden = as_count(z_dim, "z_dim"), as_shape(hidden, "hidden")
        posterior = ConditionalGaussian(encoder(x_shape, hidden, 2 * z_dim), z_dim)
        bricks = StandardGaussian(z_dim), decoder(x_shape, z_dim, hidden, likelihood), posterior
        return cls(*bricks, **options)

    def encode(self, x: Tensor) -> Distribution:
        """Return q(z|x), batch (batch,); while the model trains, of x with the encoder's noise."""
        return self.posterior(self.encoder_input(x))

    def encoder_input(self, x: Tensor) -> Tensor:
        """Return x as the encoder sees it: with ``input_noise`` in training, else unchanged."""
        if self.training and self.input_noise:
            return x + self.input_noise * torch.randn_like(x)
        return x

    def elbo(self, x: Tensor, samples: int = 1) -> Elbo:
        """Return L(x) = E_q[log p(x|z)] - KL(q(z|x), p(z)) (slide 6).

        Args:
            x: (batch, *event) observations.
            samples: how many z are drawn for each x.

        Returns:
            ``Elbo(total, reconstruction, kl)``, each (batch,), in nats.

        Raises:
            TypeError, ValueError: if ``x`` is not a batch that the likelihood could have produced.
        """
        self.likelihood.check_event(x, "x")
        return objectives.elbo(self.prior(), self.likelihood, self.encode(x), x, samples)

    def importance_bound(self, x: Tensor, k: int) -> Tensor:
        """Return the k-sample lower bound on log p(x), (batch,), in nats; raises as ``elbo``."""
        self.likelihood.check_event(x, "x")
        return objectives.importance_bound(self.prior(), self.likelihood, self.posterior(x), x, k)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the training loss, the batch mean of -L(x), in nats; warm-up scales the KL."""
        return {"model": self.weighed_loss(self.elbo(batch))}

    def weighed_loss(self, bound: Elbo, kl_weight: float = 1.0) -> Tensor:
        """Return the batch mean of w KL - E_q[log p(x|z)]; w is ``kl_weight`` times the warm-up."""
        weight = kl_weight * self.warm_up() if self.warm_up.rises else kl_weight
        return -bound.weighed(weight).mean()

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return n draws of x ~ p(x|z), z ~ p(z): (n, *event)."""
        return self.likelihood(self.prior().sample((n,))).sample()

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the mean of p(x|z) for one z ~ q(z|x) each: (batch, *event)."""
        self.likelihood.check_event(x, "x")
        return self.likelihood(self.posterior(x).sample()).mean


def encoder(x_shape: int | tuple[int, ...], hidden: Sequence[int], out_features: int) -> nn.Module:
    """Return a perceptron from one observation to ``out_features`` numbers."""
    shape = as_shape(x_shape, "x_shape")
    return mlp(math.prod(shape), hidden, out_features, flatten=len(shape))


def decoder(
    x_shape: int | tuple[int, ...], z_dim: int, hidden: Sequence[int], likelihood: str
) -> Brick:
    """Return the likelihood brick whose perceptron mirrors the encoder's hidden layers."""
    if likelihood not in LIKELIHOODS:
        raise ValueError(
            f"likelihood: expected one of {', '.join(LIKELIHOODS)}, got {likelihood!r}"
        )
    brick, numbers_per_entry = LIKELIHOODS[likelihood]
    shape = as_shape(x_shape, "x_shape")
    network = mlp(z_dim, hidden[::-1], numbers_per_entry * math.prod(shape))
    return brick(network, tuple(shape))
