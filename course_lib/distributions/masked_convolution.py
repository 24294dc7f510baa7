"""Convolutions that see only earlier pixels: the layers of a PixelCNN (slides 2, 4).

Pixels come in raster order, the channels of one pixel one after the other. Every convolution here
is "valid": it expects a padded input and adds no padding. The same layer can therefore process
the whole image, for a density, or one row or pixel of it, for a sample.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

__all__ = ["GatedLayer", "MaskedConv2d", "add", "channel_mask", "gate"]


def gate(features: Tensor) -> Tensor:
    """Return tanh(a) sigmoid(b) for features (batch, 2n, ...) = a, b: (batch, n, ...)."""
    a, b = features.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


def add(a: Tensor, b: Tensor) -> Tensor:
    """Return a + b where one of them may be shared: (n, ...) and (m, ...) -> (max(n, m), ...).

    Of n = k m rows, row i m + j belongs to row j of the smaller one: k draws of z for each of m
    images, of which the rows above are convolved only once.
    """
    if len(a) == len(b) or min(len(a), len(b)) == 1:
        return a + b
    many, few = (a, b) if len(a) > len(b) else (b, a)
    return (many.unflatten(0, (-1, len(few))) + few).flatten(0, 1)


def channel_mask(groups_in: Tensor, groups_out: Tensor, *, strict: bool) -> Tensor:
    """Return the mask of which features of a pixel may depend on which others of that pixel.

    Feature groups follow the image's channels: group g may depend on the channels before g.

    Args:
        groups_in: (n_in,) the group of every input feature.
        groups_out: (n_out,) the group of every output feature.
        strict: True at the image itself (mask A), False further up (mask B).

    Returns:
        (n_out, n_in) booleans.

    Example:
        >>> rgb = torch.arange(3)
        >>> channel_mask(rgb, rgb, strict=True).int().tolist()
        [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    if strict:
        return groups_out[:, None] > groups_in
    return groups_out[:, None] >= groups_in


class MaskedConv2d(nn.Conv2d):
    """A convolution over the pixels to the left whose last column, the pixel itself, is masked.

    The mask is applied in every forward pass, so that no optimiser can undo it.

    Args:
        mask: (out_channels, in_channels) what the pixel's own features may know of each other.
        columns: width of the window, the pixel itself included.
    """

    def __init__(self, mask: Tensor, columns: int = 1) -> None:
        super().__init__(mask.shape[1], mask.shape[0], (1, columns))
        window = torch.ones_like(self.weight)
        window[..., -1] = mask.to(window)[..., None]
        self.register_buffer("mask", window)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in, height, width + columns - 1) to (batch, out, height, width)."""
        return conv2d(x, self.weight * self.mask, self.bias)


class GatedLayer(nn.Module):
    r"""One layer of the two stacks: the rows above, and the pixels to the left (slide 4).

    The vertical stack sees a rectangle of rows strictly above the pixel, the horizontal stack the
    pixels to the left and the vertical stack's output: together they have no blind spot. With a
    condition c that depends on z and on the position, the layer computes

    .. math:: h' = h + W_r\, g, \quad s = W_s\, g, \quad
              g = \tanh(a) \odot \sigma(b), \quad (a, b) = W_h * h + W_v * v + c

    Args:
        groups_in: (n,) the group of every input feature; the image's channels in the first layer.
        groups: (features,) the group of every output feature.
        half_width: how far the layer sees to the left, to the right and upwards.
        first: whether the input is the image itself: rows start above the pixel, mask A is used
            and the image is not added to the features.
        dropout: share of the gated features set to zero in training.

    Paper: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016), Conditional
    image generation with PixelCNN decoders, arXiv:1606.05328.
    """

    def __init__(
        self, groups_in: Tensor, groups: Tensor, half_width: int, *, first: bool, dropout: float
    ) -> None:
        super().__init__()
        self.half_width, self.first = half_width, first
        self.top = half_width + 1 if first else half_width
        features, twice = len(groups), groups.repeat(2)
        self.vertical = nn.Conv2d(
            len(groups_in), 2 * features, (half_width + 1, 2 * half_width + 1)
        )
        self.link = nn.Conv2d(2 * features, 2 * features, 1, bias=False)
        self.horizontal = MaskedConv2d(channel_mask(groups_in, twice, strict=first), half_width + 1)
        self.output = MaskedConv2d(channel_mask(groups, twice, strict=False))
        self.dropout = nn.Dropout(dropout)

    def rows(self, above: Tensor) -> Tensor:
        """Return the vertical stack: (batch, n, height, width) -> (batch, 2 * features, ...).

        In the first layer the image moves down by one row, so that no pixel sees its own row.
        """
        down = self.top - self.half_width
        return self.vertical(pad(above, (self.half_width, self.half_width, self.top, -down)))

    def columns(self, left: Tensor) -> Tensor:
        """Return the horizontal stack's input with ``half_width`` empty columns on its left."""
        return pad(left, (self.half_width, 0))

    def step(self, left: Tensor, above: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the horizontal stack's next features and this layer's skip connection.

        Args:
            left: (batch, n, height, width + half_width) its padded features.
            above: (batch, 2 * features, height, width) the link from the vertical stack.
            condition: (batch, 2 * features, height, width) the condition c on z and the position.

        Returns:
            h' and s, both (batch, features, height, width).
        """
        seen = add(add(self.horizontal(left), above), condition)
        residual, skip = self.output(self.dropout(gate(seen))).chunk(2, 1)
        return (residual if self.first else residual + left[..., self.half_width :]), skip
