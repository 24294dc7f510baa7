"""PixelCNN: an image one pixel after the other, with or without a z (slides 2 and 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, constraints

from course_lib.distributions.bernoulli import BitBrick, IndependentBernoulli
from course_lib.distributions.pixel_network import GatedPixelNetwork, as_image_shape
from course_lib.distributions.pixelcnn_sampling import sample_pixels

__all__ = ["AutoregressivePixels", "ConditionalPixelCNN"]


class AutoregressivePixels(Distribution):
    r"""Binary images with p(x|z) = prod_i p(x_i | x_<i, z), i in raster order (slides 2 and 4).

    Args:
        network: gives every pixel its log-odds from those before it.
        event_shape: (channels, height, width) of an image.
        z: (*batch, features, height, width) what the pixels depend on, or None.
    """

    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.independent(constraints.boolean, 3)

    def __init__(self, network: GatedPixelNetwork, event_shape: Size, z: Tensor | None) -> None:
        self.network, self.z = network, z
        batch_shape = Size() if z is None else z.shape[:-3]
        super().__init__(batch_shape, event_shape, validate_args=False)

    def conditionals(self, value: Tensor) -> IndependentBernoulli:
        """Return p(x_i | x_<i, z) for every i at once, given the whole of x: (..., C, H, W)."""
        batch = torch.broadcast_shapes(value.shape[:-3], self.batch_shape)
        if batch[len(batch) - value.dim() + 3 :] != value.shape[:-3]:
            value = value.expand(*batch, *self.event_shape)
        z = self.z
        if z is not None:
            z = z.expand(*batch, *z.shape[-3:]).flatten(0, -4) if batch else z.unsqueeze(0)
        images = value.reshape(-1, *self.event_shape)
        logits = self.network(images, z)
        return IndependentBernoulli(logits.reshape(*batch, *self.event_shape), 3)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability by one pass of the network: (..., *event) -> (...)."""
        return self.conditionals(value).log_prob(value)

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return bits as floats, (*sample_shape, *batch, *event), drawn one after the other."""
        return self.sample_and_log_prob(sample_shape)[0]

    def sample_and_log_prob(self, sample_shape: tuple[int, ...] = Size()) -> tuple[Tensor, Tensor]:
        """Return a sample and its log-probability, computed while it is drawn."""
        return self._draw(Size(sample_shape) + self.batch_shape, None)

    def sample_from(self, uniforms: Tensor) -> Tensor:
        """Return the images made from given pixel noise: the same noise and z give the same image.

        Pixel i is one if u_i < p(x_i = 1 | x_<i, z), so that u ~ Uniform(0, 1) gives a sample.

        Args:
            uniforms: (*sample_shape, *batch, *event) numbers in [0, 1).

        Returns:
            Bits as floats, of the shape of ``uniforms``.

        Raises:
            ValueError: if the shape does not end with that of the batch and of an image.
        """
        wanted = self.batch_shape + self.event_shape
        if uniforms.shape[uniforms.dim() - len(wanted) :] != wanted:
            raise ValueError(
                f"uniforms: expected shape (..., {', '.join(map(str, wanted))}),"
                f" got {tuple(uniforms.shape)}"
            )
        return self._draw(uniforms.shape[:-3], uniforms.reshape(-1, *self.event_shape))[0]

    @torch.no_grad()
    def _draw(self, batch: Size, uniforms: Tensor | None) -> tuple[Tensor, Tensor]:
        z = self.z
        if z is not None:
            z = z.expand(*batch, *z.shape[-3:]).reshape(-1, *z.shape[-3:])
        x, logits = sample_pixels(self.network, batch.numel(), z, uniforms)
        shape = batch + self.event_shape
        x = x.reshape(shape)
        return x, IndependentBernoulli(logits.reshape(shape), 3).log_prob(x)


class ConditionalPixelCNN(BitBrick):
    """The density p(x), or the decoder p(x|z), that draws pixels one by one (slides 2 and 4).

    Args:
        event_shape: (channels, height, width) of an image.
        features: how many features each stack has.
        layers: how many gated layers; with 0 the pixels are independent given z.
        context_features: how many features the map z has at each pixel; 0 for a model without z.
        decoder: maps z to that feature map, (..., context_features, height, width); None where z
            is such a map already.
        half_width: how many pixels each layer sees in each direction; the first sees twice as far.
        dropout: share of the gated features set to zero in training.

    Raises:
        ValueError: if a size is out of range, or the channels outnumber the features.

    Example:
        >>> brick = ConditionalPixelCNN((1, 2, 2), features=4, layers=2)
        >>> images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).view(16, 1, 2, 2)
        >>> torch.allclose(brick().log_prob(images).exp().sum(), torch.tensor(1.0))
        True

    Papers: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016),
    arXiv:1606.05328 (gated PixelCNN); Gulrajani et al. (2017), arXiv:1611.05013 (PixelVAE).
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        features: int,
        layers: int,
        *,
        context_features: int = 0,
        decoder: nn.Module | None = None,
        half_width: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(as_image_shape(event_shape, "event_shape"))
        self.context_features = context_features
        self.decoder = decoder
        self.network = GatedPixelNetwork(
            self.event_shape,
            features,
            layers,
            context_features=context_features,
            half_width=half_width,
            dropout=dropout,
        )

    def forward(self, context: Any = None) -> AutoregressivePixels:
        """Return the distribution given z; for None, that of the same net with z := 0.

        Raises:
            ValueError: if z is not a feature map of the image's resolution, or is not accepted.
        """
        if context is None:
            return AutoregressivePixels(self.network, self.event_shape, None)
        if not self.context_features:
            raise ValueError(
                f"context: expected None, for the net has no z, got {tuple(context.shape)}"
            )
        z = context if self.decoder is None else self.decoder(context)
        wanted = (self.context_features, *self.event_shape[1:])
        if z.dim() < 3 or z.shape[-3:] != wanted:
            raise ValueError(
                f"context: expected a feature map (..., {', '.join(map(str, wanted))}),"
                f" got {tuple(z.shape)}"
            )
        return AutoregressivePixels(self.network, self.event_shape, z)
