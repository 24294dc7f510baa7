"""PixelVAE: a latent for global structure, autoregressive layers for the detail (slide 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import (
    AffineAutoregressive,
    Brick,
    ConditionalGaussian,
    ConditionalPixelCNN,
    FeatureMap,
    Flow,
    StandardGaussian,
)
from course_lib.distributions.pixelcnn import as_image_shape
from course_lib.models.vae import VAE, encoder

__all__ = ["PixelVAE"]


class PixelVAE(VAE):
    r"""A VAE whose likelihood is a PixelCNN given z, a feature map of x's resolution (slide 4).

    .. math:: p(x, z) = p(z) \prod_i p(x_i \mid x_1, \dots, x_{i-1}, z)

    ``PixelCNN(vae.likelihood)`` is the same net with z := 0. A decoder that can do without z soon
    ignores it: with ``warm_up`` the KL enters the loss gradually, so that z is in use before it
    costs anything. The constructor is that of ``VAE``.

    Example:
        >>> vae = PixelVAE.build(x_shape=(1, 3, 5), z_dim=2, hidden=(16,), features=4, layers=1)
        >>> x = vae.sample(7)
        >>> bound = vae.elbo(x)
        >>> torch.allclose(bound.total, bound.reconstruction - bound.kl)
        True

    Paper: Gulrajani, Kumar, Ahmed, Taiga, Visin, Vazquez, Courville (2017), PixelVAE,
    arXiv:1611.05013.
    """

    @classmethod
    def build(
        cls,
        x_shape: tuple[int, int, int],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        *,
        features: int = 16,
        layers: int = 1,
        prior: str = "standard",
        half_width: int = 1,
        dropout: float = 0.0,
        **options: float,
    ) -> Self:
        """Return a PixelVAE from plain sizes.

        Args:
            x_shape: (channels, height, width) of an image.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            features: features of z's map, and of each stack of the PixelCNN.
            layers: how many autoregressive layers; with 0 it is a VAE, its pixels independent
                given z.
            prior: ``"standard"`` for N(0, I), ``"autoregressive"`` for a MAF.
            half_width: how far each autoregressive layer sees; the first sees twice as far.
            dropout: share of the gated features set to zero in training.
            options: ``warm_up`` and ``input_noise``, as in ``VAE``.

        Raises:
            ValueError: if a size is not a positive integer, or the prior is unknown.
        """
        z_dim, hidden = as_count(z_dim, "z_dim"), as_shape(hidden, "hidden")
        x_shape = as_image_shape(x_shape, "x_shape")
        sizes = {"layers": layers, "half_width": half_width, "dropout": dropout}
        likelihood = pixelcnn_given_z(x_shape, z_dim, hidden, features, **sizes)
        posterior = ConditionalGaussian(encoder(x_shape, hidden, 2 * z_dim), z_dim)
        return cls(latent_prior(prior, z_dim), likelihood, posterior, **options)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return one draw of p(x|z) for one z ~ q(z|x) each: (batch, *event)."""
        self.likelihood.check_event(x, "x")
        return self.likelihood(self.posterior(x).sample()).sample()


def pixelcnn_given_z(
    x_shape: tuple[int, int, int],
    z_dim: int,
    hidden: Sequence[int],
    features: int = 16,
    layers: int = 1,
    **sizes: float,
) -> Brick:
    """Return the brick p(x|z): a PixelCNN that sees z as a map of as many features (slide 4)."""
    decoder = FeatureMap(z_dim, hidden[::-1], features, x_shape[1:])
    shared = {"context_features": features, "decoder": decoder}
    return ConditionalPixelCNN(x_shape, features, layers, **shared, **sizes)


def latent_prior(name: str, z_dim: int, hidden: Sequence[int] = (64,), layers: int = 2) -> Brick:
    """Return the brick p(z): N(0, I), or autoregressive layers over it (slides 4 and 5)."""
    if name == "standard":
        return StandardGaussian(z_dim)
    if name == "autoregressive":
        forwards = torch.arange(z_dim)
        orders = [forwards if k % 2 == 0 else forwards.flip(0) for k in range(layers)]
        maps = [AffineAutoregressive(z_dim, hidden, order=order) for order in orders]
        return Flow(StandardGaussian(z_dim), maps)
    raise ValueError(f"prior: expected standard or autoregressive, got {name!r}")
