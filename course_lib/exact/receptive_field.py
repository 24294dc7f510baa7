"""Which pixels a stack of masked convolutions sees: all weights one, the field by its gradient.

Images are (height, width) and their pixels come in raster order. With every weight allowed by the
mask set to one, nothing can cancel: the derivative of an output with respect to a pixel counts the
paths between them, and the pixel is seen if there is one (slide 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

__all__ = [
    "Count",
    "count_seen",
    "earlier",
    "masked_kernel",
    "one_stack",
    "seen_pixels",
    "shift_down",
    "shift_right",
    "two_stacks",
]

Shift = Callable[[Tensor], Tensor]
MaskedKernel = Callable[[str, int], Tensor]
Network = Callable[[Tensor], Tensor]


def masked_kernel(kind: str, size: int) -> Tensor:
    """Return the mask of a PixelCNN's convolution: ones where the kernel may look (slide 4).

    Rows above the centre are seen, and what is to the left of it in its own row. Mask A, for the
    first layer, hides the centre; mask B, for all later layers, shows it: their input at a pixel
    is made of earlier pixels already.

    Args:
        kind: ``"A"`` or ``"B"``.
        size: height and width, odd.

    Returns:
        (size, size) zeros and ones, float64.

    Raises:
        ValueError: if the kind is unknown or the size not odd.

    Example:
        >>> masked_kernel("B", 3) - masked_kernel("A", 3)
        tensor([[0., 0., 0.],
                [0., 1., 0.],
                [0., 0., 0.]], dtype=torch.float64)

    Paper: van den Oord, Kalchbrenner, Kavukcuoglu (2016), arXiv:1601.06759.
    """
    if kind not in ("A", "B"):
        raise ValueError(f"kind: expected A or B, got {kind!r}")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(f"size: expected an odd positive integer, got {size!r}")
    centre = size // 2
    kernel = torch.ones(size, size, dtype=torch.float64)
    kernel[centre, centre + (kind == "B") :] = 0
    kernel[centre + 1 :] = 0
    return kernel


def shift_down(x: Tensor) -> Tensor:
    """Return the image moved down by one row, zeros above: row r shows what row r - 1 held.

    Args:
        x: (..., height, width).
    """
    return pad(x, (0, 0, 1, -1))


def shift_right(x: Tensor) -> Tensor:
    """Return the image moved right by one column, zeros at the left.

    Args:
        x: (..., height, width).
    """
    return pad(x, (1, -1))


def one_stack(kinds: str, size: int, kernel: MaskedKernel = masked_kernel) -> Network:
    """Return the stack of masked convolutions, one for each letter of ``kinds`` (slide 4).

    Args:
        kinds: the mask of every layer, e.g. ``"ABB"``.
        size: of every kernel.
        kernel: (kind, size) -> (size, size), the mask.

    Returns:
        A map from (height, width) to (height, width).
    """
    kernels = [_of_shape(kernel(kind, size), (size, size), "kernel") for kind in kinds]

    def network(x: Tensor) -> Tensor:
        for weight in kernels:
            x = _convolve(x, weight)
        return x

    return network


def two_stacks(
    kinds: str, size: int, down: Shift = shift_down, right: Shift = shift_right
) -> Network:
    """Return the stacks of the gated PixelCNN: the rows above, and the pixels to the left.

    The vertical stack looks at whole rows; its input is moved down by one row, so that it sees
    nothing of the pixel's own. The horizontal stack looks to the left, and adds what the vertical
    one has found. An A moves the horizontal stack's input one column to the right.

    Args:
        kinds: the mask of every layer, e.g. ``"ABB"``.
        size: of every kernel.
        down: (height, width) -> (height, width), moves the image down by one row.
        right: the same, to the right by one column.

    Returns:
        A map from (height, width) to (height, width).

    Paper: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016),
    arXiv:1606.05328.
    """
    centre = size // 2
    vertical = torch.ones(size, size, dtype=torch.float64)
    vertical[centre + 1 :] = 0
    horizontal = torch.zeros(size, size, dtype=torch.float64)
    horizontal[centre, : centre + 1] = 1

    def network(x: Tensor) -> Tensor:
        above = left = x
        for layer, kind in enumerate(kinds):
            if layer == 0:
                above = _of_shape(down(x), x.shape, "down")
            above = _convolve(above, vertical)
            left = _of_shape(right(left), x.shape, "right") if kind == "A" else left
            left = _convolve(left, horizontal) + above
        return left

    return network


def _convolve(x: Tensor, weight: Tensor) -> Tensor:
    return conv2d(x[None, None], weight.to(x)[None, None], padding="same")[0, 0]


def _of_shape(value: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    if not isinstance(value, Tensor) or tuple(value.shape) != tuple(shape):
        came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {came}")
    return value


def seen_pixels(network: Network, shape: tuple[int, int], row: int, column: int) -> Tensor:
    """Return which pixels the output at one place depends on, by its gradient.

    Args:
        network: a map from (height, width) to (height, width) without negative weights.
        shape: (height, width) of the image.
        row: of the output.
        column: of the output.

    Returns:
        (height, width) booleans.

    Raises:
        ValueError: if the network returns another shape.

    Example:
        >>> seen_pixels(one_stack("A", 3), (3, 3), 1, 1).int()
        tensor([[1, 1, 1],
                [1, 0, 0],
                [0, 0, 0]], dtype=torch.int32)
    """
    with torch.enable_grad():
        x = torch.ones(shape, dtype=torch.float64, requires_grad=True)
        output = _of_shape(network(x), shape, "network")
        (slope,) = torch.autograd.grad(output[row, column], x, materialize_grads=True)
    return slope != 0


def earlier(shape: tuple[int, int], row: int, column: int) -> Tensor:
    """Return which pixels come before one in raster order: (height, width) booleans."""
    place = torch.arange(shape[0] * shape[1]).view(shape)
    return place < row * shape[1] + column


class Count(NamedTuple):
    """How many earlier pixels are seen, how many there are, and how many others are seen."""

    seen: int
    legal: int
    illegal: int


def count_seen(seen: Tensor, row: int, column: int) -> Count:
    """Return the count of pixels seen by the one at (row, column).

    Args:
        seen: (height, width) booleans, from ``seen_pixels``.
        row: of the pixel.
        column: of the pixel.

    Example:
        >>> count_seen(seen_pixels(one_stack("A" + "B" * 7, 3), (9, 9), 6, 4), 6, 4)
        Count(seen=52, legal=58, illegal=0)
        >>> count_seen(seen_pixels(two_stacks("A" + "B" * 7, 3), (9, 9), 6, 4), 6, 4)
        Count(seen=58, legal=58, illegal=0)
    """
    before = earlier(tuple(seen.shape), row, column)
    return Count(int((seen & before).sum()), int(before.sum()), int((seen & ~before).sum()))
