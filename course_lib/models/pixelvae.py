"""PixelVAE: a latent for global structure, autoregressive layers for the detail (slide 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Size, Tensor, nn

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import (
    AffineAutoregressive,
    AffinePixels,
    Brick,
    ConditionalGaussian,
    ConditionalPixelCNN,
    FeatureMap,
    Flow,
    Reshape,
    StandardGaussian,
    Transform,
    UpsampledMap,
)
from course_lib.distributions.pixel_network import as_image_shape
from course_lib.models.vae import VAE, encoder

__all__ = ["PixelVAE"]

LATENT_FEATURES = 16


class PixelVAE(VAE):
    r"""A VAE whose likelihood is a PixelCNN given z, a feature map of x's resolution (slide 4).

    .. math:: p(x, z) = p(z) \prod_i p(x_i \mid x_1, \dots, x_{i-1}, z)

    ``PixelCNN(vae.likelihood)`` is the same net with z := 0. A decoder that can do without z soon
    ignores it: with ``warm_up`` the KL enters the loss gradually, so that z is in use before it
    costs anything. The constructor is that of ``VAE``.

    In the paper z is a map, too: a PixelCNN with Gaussian conditionals runs over it, as
    ``build(..., z_dim=(channels, height, width), prior="pixelcnn")`` has it. The paper's sees a
    further latent above, and its encoder is convolutional; here the map has no latent above it, and
    the encoder is a perceptron, as it is for a vector z.

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
        z_dim: int | tuple[int, int, int],
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
            z_dim: the number of latent dimensions, or (channels, height, width) of a map of them,
                which convolutions alone bring to the image's resolution.
            hidden: widths of the encoder's hidden layers; the decoder of a vector mirrors them.
            features: features of z's map, and of each stack of the PixelCNN.
            layers: how many autoregressive layers; with 0 it is a VAE, its pixels independent
                given z.
            prior: ``"standard"`` for N(0, I), ``"autoregressive"`` for a MAF over all dimensions,
                ``"pixelcnn"`` for masked convolutions over a map.
            half_width: how far each autoregressive layer sees; the first sees twice as far.
            dropout: share of the gated features set to zero in training.
            options: ``warm_up`` and ``input_noise``, as in ``VAE``.

        Raises:
            ValueError: if a size is not a positive integer, z is neither a vector nor a map, the
                prior is unknown, or a PixelCNN has no map.
        """
        z_shape, hidden = as_latent_shape(z_dim), as_shape(hidden, "hidden")
        x_shape = as_image_shape(x_shape, "x_shape")
        sizes = {"layers": layers, "half_width": half_width, "dropout": dropout}
        likelihood = pixelcnn_given_z(x_shape, z_shape, hidden, features, **sizes)
        posterior = ConditionalGaussian(encoder(x_shape, hidden, 2 * z_shape.numel()), z_shape)
        return cls(latent_prior(prior, z_shape), likelihood, posterior, **options)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Return one draw of p(x|z) for one z ~ q(z|x) each: (batch, *event)."""
        self.likelihood.check_event(x, "x")
        return self.likelihood(self.posterior(x).sample()).sample()


def as_latent_shape(z_dim: int | tuple[int, ...]) -> Size:
    """Return the shape of z: one number for a vector, three for a map.

    Raises:
        ValueError: if it is neither.
    """
    if not isinstance(z_dim, tuple | list):
        return Size([as_count(z_dim, "z_dim")])
    shape = as_shape(tuple(z_dim), "z_dim")
    if len(shape) not in (1, 3):
        raise ValueError(
            f"z_dim: expected a number of dimensions or (channels, height, width), got {z_dim!r}"
        )
    return shape


def pixelcnn_given_z(
    x_shape: tuple[int, int, int],
    z_dim: int | tuple[int, ...],
    hidden: Sequence[int],
    features: int = 16,
    layers: int = 1,
    **sizes: float,
) -> Brick:
    """Return the brick p(x|z): a PixelCNN that sees z as a map of as many features (slide 4)."""
    z_shape = as_latent_shape(z_dim)
    if len(z_shape) == 1:
        decoder: nn.Module = FeatureMap(z_shape.numel(), hidden[::-1], features, x_shape[1:])
    else:
        decoder = UpsampledMap(z_shape, features, x_shape[1:])
    shared = {"context_features": features, "decoder": decoder}
    return ConditionalPixelCNN(x_shape, features, layers, **shared, **sizes)


def latent_prior(
    name: str, z_dim: int | tuple[int, ...], hidden: Sequence[int] = (64,), layers: int = 2
) -> Brick:
    """Return the brick p(z): N(0, I), or autoregressive layers over it (slides 4 and 5).

    The PixelCNN over a map has one such layer, whose stacks have as many gated layers.
    """
    z_shape = as_latent_shape(z_dim)
    dim = z_shape.numel()
    if name == "standard":
        return StandardGaussian(z_shape)
    if name == "autoregressive":
        forwards = torch.arange(dim)
        orders = [forwards if k % 2 == 0 else forwards.flip(0) for k in range(layers)]
        maps: list[Transform] = [AffineAutoregressive(dim, hidden, order=order) for order in orders]
    elif name == "pixelcnn":
        if len(z_shape) == 1:
            raise ValueError(
                "prior: expected z_dim = (channels, height, width), a map, for 'pixelcnn',"
                f" got z_dim = {dim}"
            )
        maps = [AffinePixels(z_shape, max(LATENT_FEATURES, z_shape[0]), layers)]
    else:
        raise ValueError(f"prior: expected standard, autoregressive or pixelcnn, got {name!r}")
    return Flow(StandardGaussian(dim), maps if len(z_shape) == 1 else [*maps, Reshape(z_shape)])
