"""An autoregressive image model, pixel by pixel: identity 18 (slides 2 and 4).

A network of this kind takes images, (n, channels, height, width), and returns logits of the same
shape. Its entries come in raster order, the channels of one pixel one after the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_shape
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between

__all__ = ["pixels_follow_their_order", "probabilities_of_all_images_sum_to_one"]

Network = Callable[[Tensor], Tensor]

MOST_ENTRIES = 16
"""All images of this many bits are enumerated in memory: 65,536."""


def pixels_follow_their_order(network: Network, x: Any) -> tuple[Residual, Residual]:
    r"""Execute d logit_i / d x_j = 0 for j >= i, and != 0 for j < i (identity 18, slide 4).

    The first residual is the largest derivative with respect to the entry itself or a later one.
    The second counts the pairs j < i that are connected for some x, against all i (i - 1) / 2: a
    stack of masked convolutions has a blind spot there, the gated PixelCNN has none.

    Args:
        network: a float64 map from images to logits, differentiable, that treats every image by
            itself; a deep one with a reach beyond the image, or the second identity cannot hold.
        x: (n, channels, height, width) images; where units may be inactive for one, give many.

    Returns:
        The residuals of "nothing from later" and "everything from before".

    Raises:
        ValueError: if the network returns another shape or does not depend on x differentiably.

    Example:
        >>> running_sum = lambda x: (x.flatten(1).cumsum(1) - x.flatten(1)).view_as(x)
        >>> x = torch.ones(1, 1, 2, 3)
        >>> nothing_later, all_before = pixels_follow_their_order(running_sum, x)
        >>> nothing_later.holds, all_before.holds
        (True, True)

    Paper: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks,
    arXiv:1601.06759.
    """
    x = check_shape(as_float64(x, "x"), ("n", "channels", "height", "width"), "x")
    slopes = _in_order(_jacobian(network, x.detach().requires_grad_()))
    later, before = slopes.triu(), slopes.tril(-1)
    entries = len(slopes)
    pairs = entries * (entries - 1) // 2
    connected = (before > 0).sum().double()
    return (
        between("d logit_i / d x_j = 0 for j >= i", later.max(), 0.0, 0.0),
        between("pairs j < i with d logit_i / d x_j != 0", connected, pairs, 0.0),
    )


def probabilities_of_all_images_sum_to_one(
    network: Network, shape: tuple[int, int, int]
) -> Residual:
    r"""Execute sum_x prod_i p(x_i|x_<i) = 1 over all binary images (identity 18, slide 4).

    A logit that sees its own pixel or a later one still gives numbers like probabilities; only
    their sum over all images tells. An untrained leak may move it by less than a hundredth.

    Args:
        network: a float64 map from images to logits.
        shape: (channels, height, width), at most 16 entries.

    Raises:
        ValueError: if there are too many images, or the network returns another shape.

    Example:
        >>> independent = lambda x: torch.full_like(x, 0.3)
        >>> probabilities_of_all_images_sum_to_one(independent, (1, 2, 3)).holds
        True
    """
    entries = torch.Size(shape).numel()
    if len(shape) != 3 or not 1 <= entries <= MOST_ENTRIES:
        raise ValueError(
            f"shape: expected (channels, height, width) of 1 to {MOST_ENTRIES} entries, got {shape}"
        )
    bits = torch.tensor(list(itertools.product((0.0, 1.0), repeat=entries)), dtype=torch.float64)
    images = bits.reshape(-1, *shape)
    with torch.no_grad():
        logits = check_shape(as_float64(network(images), "logits"), tuple(images.shape), "logits")
    log_prob = torch.where(images > 0, logits, -logits).sigmoid().log().flatten(1).sum(1)
    return between("sum over all images of p(x) = 1", log_prob.exp().sum(), 1.0, CLOSED_FORM)


def _jacobian(network: Network, x: Tensor) -> Tensor:
    """Return max over images of |d logit / d x|: (*event, *event), output entry first."""
    with torch.enable_grad():
        logits = check_shape(as_float64(network(x), "logits"), tuple(x.shape), "logits")
        if not logits.requires_grad:
            raise ValueError("network: expected the logits to depend on x differentiably")
        lines = [
            torch.autograd.grad(entry.sum(), x, retain_graph=True, materialize_grads=True)[0]
            for entry in logits.flatten(1).unbind(1)
        ]
    return torch.stack([line.abs().amax(0) for line in lines]).unflatten(0, x.shape[1:])


def _in_order(slopes: Tensor) -> Tensor:
    """Return the derivatives as a square matrix, rows and columns in the order of the entries."""
    channels, height, width = slopes.shape[:3]
    entries = channels * height * width
    return slopes.permute(1, 2, 0, 4, 5, 3).reshape(entries, entries)
