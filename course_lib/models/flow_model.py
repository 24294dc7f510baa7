"""Flows as models of data: the exact density p(x) by change of variables (slide 5)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

import torch
from torch import Size, Tensor

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import (
    Brick,
    ElementwiseAffine,
    ElementwiseSigmoidal,
    Flow,
    Inverse,
    Logit,
    Reshape,
    Transform,
)
from course_lib.models.density import DensityModel

__all__ = ["FlowModel"]


class FlowModel(DensityModel):
    r"""A density p(x) = p_Z(f^-1(x)) |det df^-1/dx| (slide 5).

    Args:
        base: the brick p_Z: white noise, or any other, an autoregressive one included.
        transforms: the maps, in the order in which they are applied to samples.

    Example:
        >>> from course_lib.distributions import Planar, StandardGaussian
        >>> model = FlowModel(StandardGaussian(2), [Planar(2), Planar(2)])
        >>> model.log_prob(model.sample(5)).shape
        torch.Size([5])
    """

    def __init__(self, base: Brick, transforms: Iterable[Transform]) -> None:
        super().__init__(Flow(base, transforms))

    def start_at(self, x: Tensor) -> Self:
        """Fit the map nearest to the data to each dimension by itself: where training starts.

        Args:
            x: (n, *event) training data.

        Raises:
            TypeError, ValueError: if ``x`` is not a batch of events, or does not vary.
            ValueError: if no map is an ``ElementwiseAffine`` or an ``ElementwiseSigmoidal``.
        """
        self.brick.check_event(x, "x")
        with torch.no_grad():
            for transform in reversed(self.brick.transforms):
                if isinstance(transform, ElementwiseAffine | ElementwiseSigmoidal):
                    transform.fit_to(x)
                    return self
                x = transform.inverse(x)[0]
        raise ValueError(
            "transforms: expected an ElementwiseAffine or ElementwiseSigmoidal map among them"
        )


def data_maps(
    x_shape: int | tuple[int, ...], marginal_units: int, levels: float | None, alpha: float
) -> tuple[Size, list[Transform]]:
    """Return the shape of one x and a flow's last maps, from a vector to x in data units.

    Args:
        x_shape: the shape of one observation.
        marginal_units: the number of sigmoids per dimension; 0 for a scale and a shift.
        levels: the number of grey levels if x is an image y = x + u; None for real x.
        alpha: the margin of the logit; unused without levels.
    """
    shape = as_shape(x_shape, "x_shape")
    dim = math.prod(shape)
    maps: list[Transform] = [
        ElementwiseAffine(dim) if marginal_units == 0 else ElementwiseSigmoidal(dim, marginal_units)
    ]
    maps += [] if levels is None else [Inverse(Logit(levels, alpha))]
    return shape, maps + ([] if len(shape) == 1 else [Reshape(tuple(shape))])


def orders(dim: int, layers: int, order: str) -> list[Tensor]:
    """Return each layer's order of the dimensions, (dim,): the place of each dimension.

    Args:
        dim: the number of dimensions.
        layers: how many layers.
        order: ``"reversed"`` reverses the order in every second layer; ``"random"`` also draws a
            new order for every pair, so that adjacent layers never share one.

    Raises:
        ValueError: if ``layers`` is not a positive integer, or the order is unknown.
    """
    if order not in ("reversed", "random"):
        raise ValueError(f"order: expected reversed or random, got {order!r}")
    drawn: list[Tensor] = []
    for layer in range(as_count(layers, "layers")):
        if layer % 2 == 1:
            drawn.append(dim - 1 - drawn[-1])
        else:
            drawn.append(torch.randperm(dim) if order == "random" else torch.arange(dim))
    return drawn
