"""PixelVAE with two latents: p(x|z1) p(z1|z2) p(z2), autoregressive twice (slide 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from course_lib.arguments import as_count, as_shape, as_weight
from course_lib.distributions import (
    AffineAutoregressive,
    Brick,
    ConditionalGaussian,
    ConditionalPixelCNN,
    FeatureMap,
    Flow,
    StandardGaussian,
    mlp,
    rsample_and_log_prob,
)
from course_lib.distributions.pixel_network import as_image_shape
from course_lib.models.vae import encoder
from course_lib.models.warm_up import WarmUp
from course_lib.objectives import Elbo, sample_and_kl

__all__ = ["HierarchicalElbo", "HierarchicalPixelVAE"]


class HierarchicalElbo(NamedTuple):
    """The bound and its three pieces, each (batch,); total = reconstruction - kl_z1 - kl_z2."""

    total: Tensor
    reconstruction: Tensor
    kl_z1: Tensor
    kl_z2: Tensor


class HierarchicalPixelVAE(nn.Module):
    r"""Images from z1, and z1 from z2; both p(x|z1) and p(z1|z2) are autoregressive (slide 4).

    .. math:: -L(x) = E_q[-\log p(x|z_1)] + KL(q(z_1|x), p(z_1|z_2)) + KL(q(z_2|z_1), p(z_2))

    The expectation is over z1 ~ q(z1|x) and z2 ~ q(z2|z1), also in the two KL terms. The paper
    infers both latents from the image, q(z1|x) q(z2|x); here z2 is inferred from z1, so that the
    two upper levels form a VAE of the codes z1. The paper's p(z1|z2) is a PixelCNN over a map z1;
    ``build`` takes a vector z1 and a MAF layer, and ``PixelVAE.build(prior="pixelcnn")`` has the
    PixelCNN, without a z2.

    Args:
        prior: the brick p(z2).
        z1_prior: the brick p(z1|z2).
        likelihood: the brick p(x|z1).
        posterior: the brick q(z1|x).
        z2_posterior: the brick q(z2|z1).
        warm_up: over how many training steps the weight of both KL terms rises to one.
        input_noise: standard deviation of the noise on x before q(z1|x), in training, as in
            ``VAE``.

    Raises:
        ValueError: if two bricks have latents of different shapes.

    Example:
        >>> vae = HierarchicalPixelVAE.build((1, 3, 5), z1_dim=3, z2_dim=2, features=4)
        >>> pieces = vae.elbo_terms(vae.sample(7))
        >>> total = pieces.reconstruction - pieces.kl_z1 - pieces.kl_z2
        >>> torch.allclose(pieces.total, total)
        True

    Paper: Gulrajani, Kumar, Ahmed, Taiga, Visin, Vazquez, Courville (2017), PixelVAE,
    arXiv:1611.05013, section 3.3.
    """

    def __init__(
        self,
        prior: Brick,
        z1_prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        z2_posterior: Brick,
        *,
        warm_up: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        for name, of_q, of_p in (
            ("posterior", posterior, z1_prior),
            ("z2_posterior", z2_posterior, prior),
        ):
            if of_q.event_shape != of_p.event_shape:
                raise ValueError(
                    f"{name}: expected events of shape {tuple(of_p.event_shape)},"
                    f" got {tuple(of_q.event_shape)}"
                )
        self.prior, self.z1_prior, self.likelihood = prior, z1_prior, likelihood
        self.posterior, self.z2_posterior = posterior, z2_posterior
        self.warm_up = WarmUp(warm_up)
        self.input_noise = as_weight(input_noise, "input_noise", finite=True)

    @classmethod
    def build(
        cls,
        x_shape: tuple[int, int, int],
        z1_dim: int,
        z2_dim: int,
        hidden: Sequence[int] = (200, 200),
        *,
        features: int = 16,
        layers: int = 1,
        dropout: float = 0.0,
        **options: float,
    ) -> Self:
        """Return the hierarchy from plain sizes: a PixelCNN given z1, a MAF layer given z2.

        Args:
            x_shape: (channels, height, width) of an image.
            z1_dim: the number of dimensions of z1.
            z2_dim: the number of dimensions of z2.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            features: features of z1's map, and of each stack of the PixelCNN.
            layers: how many autoregressive layers p(x|z1) has.
            dropout: share of the PixelCNN's gated features set to zero in training.
            options: the constructor's ``warm_up`` and ``input_noise``.

        Raises:
            ValueError: if a size is not a positive integer.
        """
        z1_dim, z2_dim = as_count(z1_dim, "z1_dim"), as_count(z2_dim, "z2_dim")
        hidden = as_shape(hidden, "hidden")
        width = hidden[-1]
        x_shape = as_image_shape(x_shape, "x_shape")
        likelihood = ConditionalPixelCNN(
            x_shape,
            features,
            layers,
            context_features=features,
            decoder=FeatureMap(z1_dim, hidden[::-1], features, x_shape[1:]),
            dropout=dropout,
        )
        return cls(
            StandardGaussian(z2_dim),
            Flow(
                ConditionalGaussian(mlp(width, (), 2 * z1_dim), z1_dim),
                [AffineAutoregressive(z1_dim, (width,), context_dim=width)],
                nn.Sequential(mlp(z2_dim, (), width), nn.ReLU()),
            ),
            likelihood,
            ConditionalGaussian(encoder(x_shape, hidden, 2 * z1_dim), z1_dim),
            ConditionalGaussian(mlp(z1_dim, (width,), 2 * z2_dim), z2_dim),
            **options,
        )

    def elbo_terms(self, x: Tensor, samples: int = 1) -> HierarchicalElbo:
        """Return L(x) and its three pieces, each (batch,), in nats (slide 4).

        Args:
            x: (batch, *event) observations.
            samples: how many pairs z1, z2 are drawn for each x.

        Raises:
            TypeError, ValueError: if ``x`` is not a batch that the likelihood could have produced.
        """
        self.likelihood.check_event(x, "x")
        seen = x
        if self.training and self.input_noise:
            seen = x + self.input_noise * torch.randn_like(x)
        z1, log_q = rsample_and_log_prob(self.posterior(seen), (as_count(samples, "samples"),))
        z2, kl_z2 = sample_and_kl(self.z2_posterior(z1), self.prior())
        kl_z1 = log_q - self.z1_prior(z2).log_prob(z1)
        reconstruction = self.likelihood(z1).log_prob(x)
        means = [piece.mean(0) for piece in (reconstruction, kl_z1, kl_z2)]
        return HierarchicalElbo(means[0] - means[1] - means[2], *means)

    def elbo(self, x: Tensor, samples: int = 1) -> Elbo:
        """Return L(x) with the two KL terms added: ``Elbo(total, reconstruction, kl)``."""
        total, reconstruction, kl_z1, kl_z2 = self.elbo_terms(x, samples)
        return Elbo(total, reconstruction, kl_z1 + kl_z2)

    def importance_bound(self, x: Tensor, k: int) -> Tensor:
        """Return the k-sample lower bound on log p(x), (batch,), in nats; raises as ``elbo``."""
        self.likelihood.check_event(x, "x")
        z1, log_q1 = rsample_and_log_prob(self.posterior(x), (as_count(k, "k"),))
        z2, log_q2 = rsample_and_log_prob(self.z2_posterior(z1))
        log_p = self.likelihood(z1).log_prob(x)
        log_p = log_p + self.z1_prior(z2).log_prob(z1) + self.prior().log_prob(z2)
        return (log_p - log_q1 - log_q2).logsumexp(0) - math.log(k)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the batch mean of -L(x), in nats; warm-up scales the KL terms down."""
        pieces = self.elbo_terms(batch)
        kl = pieces.kl_z1 + pieces.kl_z2
        return {"model": -(pieces.reconstruction - self.warm_up() * kl).mean()}

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return n draws of x ~ p(x|z1), z1 ~ p(z1|z2), z2 ~ p(z2): (n, *event)."""
        return self.likelihood(self.z1_prior(self.prior().sample((n,))).sample()).sample()
