"""Convert stored grey levels to the images that models take."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import as_floats

__all__ = ["Pixels", "as_images", "check_pixels", "dequantise"]

Pixels = Literal["binary", "grey"]


def check_pixels(pixels: str) -> None:
    """Raise a ValueError unless ``pixels`` is ``"binary"`` or ``"grey"``."""
    if pixels not in ("binary", "grey"):
        raise ValueError(f'pixels: expected "binary" or "grey", got {pixels!r}')


def as_images(levels: np.ndarray, pixels: Pixels, threshold: int) -> Tensor:
    """Return stored grey levels as a batch of one-channel images.

    Args:
        levels: (n, height, width) uint8 grey levels.
        pixels: ``"grey"`` keeps the levels, ``"binary"`` asks whether each exceeds ``threshold``.
        threshold: the highest level that counts as background.

    Returns:
        (n, 1, height, width) float32: grey levels, or zeros and ones.

    Raises:
        ValueError: if ``pixels`` is neither name.

    Example:
        >>> as_images(np.array([[[0, 8, 9]]], dtype=np.uint8), "binary", threshold=8)
        tensor([[[[0., 0., 1.]]]])
    """
    check_pixels(pixels)
    values = levels > threshold if pixels == "binary" else levels
    return torch.from_numpy(values.astype(np.float32)).unsqueeze(1)


def dequantise(x: Tensor, generator: torch.Generator) -> Tensor:
    r"""Return y = x + u with u uniform on [0, 1): a density on y bounds a probability on x.

    .. math:: E_u[\log p(x + u)] \le \log \int_{[0,1)^d} p(x + u) \, du = \log P(x)

    so the held-out nats of a continuous model of y, in units of one grey level, are an upper
    bound on the nats of the discrete model it implies, and the two can be compared.

    Args:
        x: (n, *event) whole grey levels in floating point.
        generator: the source of u, on the device of ``x``.

    Returns:
        (n, *event) y, never rounded up to the next level: ``y.floor()`` is ``x``.

    Raises:
        TypeError: if ``x`` is not floating-point or ``generator`` is not a torch.Generator.
        ValueError: if ``x`` has values that are not whole, e.g. because it is already dequantised.

    Example:
        >>> x = torch.tensor([[0.0, 16.0], [3.0, 7.0]])
        >>> y = dequantise(x, torch.Generator().manual_seed(0))
        >>> torch.equal(y.floor(), x)
        True

    Paper: Theis, van den Oord, Bethge (2016), arXiv:1511.01844.
    """
    as_floats(x, "x")
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator: expected a torch.Generator, got {type(generator).__name__}")
    if not torch.equal(x, x.floor()):
        raise ValueError("x: expected whole grey levels, got fractions, NaN or dequantised values")
    u = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    # 255 + 0.999999 rounds to 256 in float32, which is another image.
    return torch.minimum(x + u, torch.nextafter(x + 1, x))
