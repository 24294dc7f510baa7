"""Sampling from a PixelCNN without computing anything twice (slides 2 and 4).

The plain loop passes the whole image through the network for every pixel. Here every layer caches
its input so far: the vertical stack advances by one row, the horizontal stack by one pixel, each
on the window that its convolution needs.
"""

from __future__ import annotations

from itertools import zip_longest

import torch
from torch import Tensor, nn

from course_lib.distributions.masked_convolution import GatedLayer, gate

__all__ = ["sample_pixels"]


class _Memory:
    """The input of one layer's two stacks as far as it is known, padded for its convolutions."""

    def __init__(self, layer: GatedLayer, x: Tensor) -> None:
        n, _, height, width = x.shape
        inputs = layer.vertical.in_channels
        self.layer = layer
        self.above = x.new_zeros(n, inputs, height + layer.top, width + 2 * layer.half_width)
        self.left = x.new_zeros(n, inputs, 1, width + layer.half_width)

    def put_row(self, row: int, features: Tensor) -> None:
        """Store one row of the vertical stack's input, (n, inputs, width)."""
        half_width = self.layer.half_width
        self.above[:, :, row + self.layer.top, half_width:-half_width] = features

    def put_pixel(self, column: int, features: Tensor) -> None:
        """Store one pixel of the horizontal stack's input, (n, inputs)."""
        self.left[:, :, 0, column + self.layer.half_width] = features

    def rows(self, row: int) -> Tensor:
        """Return the vertical stack's output in one row: (n, 2 * features, 1, width)."""
        return self.layer.vertical(self.above[:, :, row : row + self.layer.half_width + 1])

    def step(self, column: int, above: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's h' and s at one pixel, both (n, features, 1, 1)."""
        window = self.left[..., column : column + self.layer.half_width + 1]
        return self.layer.step(window, above[..., column : column + 1], condition)


def sample_pixels(
    network: nn.Module, n: int, z: Tensor | None = None, uniforms: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return n images drawn pixel by pixel in raster order, and the logits they were drawn from.

    Args:
        network: the network of a PixelCNN, a ``GatedPixelNetwork``.
        n: how many images.
        z: (n, features, height, width) what they depend on, or None.
        uniforms: (n, channels, height, width) numbers in [0, 1), the noise of every pixel: it is
            one where its number is below its probability. None for fresh noise.

    Returns:
        x, (n, channels, height, width), zeros and ones, and its logits, of the same shape.
    """
    x = network.bias.new_zeros(n, *network.bias.shape[1:])
    logits, conditions = torch.zeros_like(x), network.conditions(z)
    memories = [_Memory(layer, x) for layer in network.layers]
    for row in range(x.shape[2]):
        above = _rows_above(memories, row)
        for column in range(x.shape[3]):
            here = [c[:, :, row : row + 1, column : column + 1] for c in conditions]
            for channel in range(x.shape[1]):
                features = _pixel(memories, column, above, here)
                logit = (
                    network.head(features)[:, channel, 0, 0] + network.bias[0, channel, row, column]
                )
                logits[:, channel, row, column] = logit
                probability = logit.sigmoid().expand(n)
                x[:, channel, row, column] = (
                    torch.bernoulli(probability)
                    if uniforms is None
                    else (uniforms[:, channel, row, column] < probability).to(x)
                )
                if memories:
                    memories[0].put_pixel(column, x[:, :, row, column])
        if memories:
            memories[0].put_row(row, x[:, :, row])
    return x, logits


def _rows_above(memories: list[_Memory], row: int) -> list[Tensor]:
    """Return the output of every layer's vertical stack in one row, each (n, ., 1, width)."""
    said = []
    for memory, after in zip_longest(memories, memories[1:]):
        above = memory.rows(row)
        said.append(memory.layer.link(above))
        if after is not None:
            after.put_row(row, gate(above)[:, :, 0])
    return said


def _pixel(
    memories: list[_Memory], column: int, above: list[Tensor], conditions: list[Tensor]
) -> Tensor:
    """Return the sum of all skip connections at one pixel: (n, features, 1, 1)."""
    *conditions, skip = conditions
    for i, memory in enumerate(memories):
        features, said = memory.step(column, above[i], conditions[i])
        skip = skip + said
        for after in memories[i + 1 : i + 2]:
            after.put_pixel(column, features[:, :, 0, 0])
    return skip
