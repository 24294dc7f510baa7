"""PixelCNN: an image one pixel after the other, with or without a z (slides 2 and 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, constraints

from course_lib.arguments import as_count, as_shape
from course_lib.distributions.bernoulli import BitBrick, IndependentBernoulli
from course_lib.distributions.masked_convolution import (
    GatedLayer,
    MaskedConv2d,
    add,
    channel_mask,
    gate,
)
from course_lib.distributions.pixelcnn_sampling import sample_pixels

__all__ = ["AutoregressivePixels", "ConditionalPixelCNN", "GatedPixelNetwork", "as_image_shape"]

PLACE_FEATURES = 8


def as_image_shape(shape: tuple[int, ...], name: str) -> Size:
    """Return ``shape`` as a ``torch.Size`` of (channels, height, width).

    Raises:
        ValueError: if it is not three positive integers.
    """
    size = as_shape(shape, name)
    if len(size) != 3:
        raise ValueError(f"{name}: expected (channels, height, width), got {shape!r}")
    return size


class GatedPixelNetwork(nn.Module):
    """The numbers of every pixel, its log-odds say, from the pixels before it, its place, and z.

    If z is a feature map, it enters every layer by a 1x1 convolution without a mask: the
    logit of pixel i depends on z_i itself. The position enters in the same way, as a separate
    learned feature map, so that a net without z has the same positional bias. The last layer starts
    at zero: at first the pixels are independent of each other and of z.

    Args:
        event_shape: (channels, height, width) of an image.
        features: how many features a stack has.
        layers: how many gated layers; with 0 the pixels are independent given z.
        context_features: how many features z has at each place; 0 for none.
        half_width: how far each layer sees; the first sees twice as far.
        dropout: share of the gated features set to zero in training.
        outputs: how many numbers each entry of a pixel gets: one log-odds for a bit.

    Paper: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016), Conditional
    image generation with PixelCNN decoders, arXiv:1606.05328.
    """

    def __init__(
        self,
        event_shape: Size,
        features: int,
        layers: int,
        *,
        context_features: int = 0,
        half_width: int = 1,
        dropout: float = 0.0,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        channels, height, width = as_image_shape(event_shape, "event_shape")
        _check_sizes(channels, features, layers, context_features, half_width)
        image, hidden = torch.arange(channels), torch.arange(features) * channels // features
        self.layers = nn.ModuleList(
            GatedLayer(image, hidden, 2 * half_width, first=True, dropout=dropout)
            if i == 0
            else GatedLayer(hidden, hidden, half_width, first=False, dropout=dropout)
            for i in range(layers)
        )
        self.sizes = [2 * features] * layers + [features]
        self.place = nn.Parameter(0.1 * torch.randn(1, PLACE_FEATURES, height, width))
        self.from_place = nn.Conv2d(PLACE_FEATURES, sum(self.sizes), 1)
        self.from_z: nn.Module | None = None
        if context_features:
            self.from_z = nn.Conv2d(context_features, sum(self.sizes), 1, bias=False)
        last = MaskedConv2d(channel_mask(hidden, image.repeat(outputs), strict=False))
        wide = MaskedConv2d(channel_mask(hidden, hidden, strict=False))
        self.head = nn.Sequential(nn.ReLU(), wide, nn.ReLU(), last)
        self.bias = nn.Parameter(torch.zeros(1, outputs * channels, height, width))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                # torch's default start halves a signal in every layer, and the gates halve it again
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def conditions(self, z: Tensor | None) -> tuple[Tensor, ...]:
        """Return the terms from z and the position for all layers and the output, (n, ...)."""
        condition = self.from_place(self.place)
        if z is not None:
            condition = condition + self.from_z(z)
        return condition.split(self.sizes, 1)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Map images, (n, C, H, W), and z, (k n, context_features, H, W), to logits (k n, ...).

        With several outputs the result has (k n, outputs * C, H, W), those of one kind together.
        """
        *conditions, skip = self.conditions(z)
        above = left = x
        for i, (layer, condition) in enumerate(zip(self.layers, conditions, strict=True)):
            above = layer.rows(gate(above) if i else above)
            left, said = layer.step(layer.columns(left), layer.link(above), condition)
            skip = add(skip, said)
        logits = self.head(skip) + self.bias
        return logits.expand(max(len(x), len(logits)), -1, -1, -1)


def _check_sizes(channels: int, features: int, layers: int, context: int, half_width: int) -> None:
    if as_count(features, "features") < channels:
        raise ValueError(
            f"features: expected at least one for each of {channels} channels, got {features}"
        )
    as_count(half_width, "half_width")
    for name, number in (("layers", layers), ("context_features", context)):
        as_count(number, name, least=0)


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
