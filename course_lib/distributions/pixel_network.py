"""The network of a PixelCNN: gated masked convolutions in two stacks (slides 2 and 4)."""

from __future__ import annotations

import torch
from torch import Size, Tensor, nn

from course_lib.arguments import as_count, as_shape
from course_lib.distributions.masked_convolution import (
    GatedLayer,
    MaskedConv2d,
    add,
    channel_mask,
    gate,
)

__all__ = ["GatedPixelNetwork", "as_image_shape"]

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
    """The outputs for every pixel, such as its logit, from the earlier pixels, its position, and z.

    If z is a feature map, it enters every layer by a 1x1 convolution without a mask: the
    logit of pixel i depends on z_i itself. The position enters in the same way, as a separate
    learned feature map, so that a net without z has the same positional bias. The last layer starts
    at zero: at first the pixels are independent of each other and of z.

    Args:
        event_shape: (channels, height, width) of an image.
        features: the number of features of a stack.
        layers: the number of gated layers; with 0 the pixels are independent given z.
        context_features: the number of features of z at each pixel; 0 for none.
        half_width: how far each layer sees; the first sees twice as far.
        dropout: share of the gated features set to zero in training.
        outputs: the number of outputs for each entry of a pixel: one logit for a bit.

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
        self._initialise(last)

    def _initialise(self, last: nn.Conv2d) -> None:
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
