"""NICE and RealNVP: a flow that takes one pass of its networks in each direction (slide 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import Coupling, StandardGaussian, checkerboard, halves
from course_lib.models.flow_model import FlowModel, data_maps

__all__ = ["CouplingFlow"]


class CouplingFlow(FlowModel):
    r"""Layers that alternate which dimensions they keep and which they transform; fast both ways.

    .. math:: x_A = z_A, \qquad x_B = t(z_A) + e^{s(z_A)} z_B

    Example:
        >>> model = CouplingFlow.build((1, 3, 5), layers=4, hidden=(16,), kind="additive")
        >>> x, log_prob = model.brick().rsample_and_log_prob((7,))
        >>> x.shape, torch.allclose(model.log_prob(x), log_prob, atol=1e-4)
        (torch.Size([7, 1, 3, 5]), True)

    Papers: Dinh, Krueger, Bengio (2015), arXiv:1410.8516 (NICE); Dinh, Sohl-Dickstein, Bengio
    (2017), arXiv:1605.08803 (RealNVP).
    """

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        layers: int = 6,
        hidden: Sequence[int] = (128,),
        *,
        kind: str = "affine",
        order: str = "checkerboard",
        marginal_units: int = 0,
        levels: float | None = None,
        alpha: float = 1e-3,
    ) -> Self:
        """Return a coupling flow from plain sizes; NICE ends with a scale per dimension.

        Args:
            x_shape: the shape of one observation, e.g. ``64`` or ``(1, 8, 8)``.
            layers: how many coupling layers; at least two, or some dimensions stay unchanged.
            hidden: widths of the hidden layers of each coupling.
            kind: ``"affine"`` (RealNVP) or ``"additive"`` (NICE).
            order: which dimensions are kept: ``"halves"``, ``"checkerboard"`` or ``"random"``;
                every second layer keeps the others.
            marginal_units: how many sigmoids transform each dimension of x separately, next to the
                data; 0 for a scale and a shift. ``start_at`` fits them.
            levels: the number of grey levels for dequantised images, None for real data.
            alpha: the margin of the logit if there are levels.

        Raises:
            ValueError: if a size is not a positive integer, or a name is unknown.
        """
        shape, last = data_maps(x_shape, marginal_units, levels, alpha)
        masks = coupling_masks(shape, as_count(layers, "layers"), order)
        hidden = as_shape(hidden, "hidden")
        maps = [Coupling(mask, hidden, kind=kind) for mask in masks]
        return cls(StandardGaussian(shape.numel()), [*maps, *last])


def coupling_masks(shape: Sequence[int], layers: int, order: str) -> list[Tensor]:
    """Return the mask of each layer; every second layer keeps the complement."""
    if order not in ("halves", "checkerboard", "random"):
        raise ValueError(f"order: expected halves, checkerboard or random, got {order!r}")
    mask = checkerboard(tuple(shape)) if order == "checkerboard" else halves(tuple(shape))
    masks: list[Tensor] = []
    for layer in range(layers):
        if layer % 2 == 0 and order == "random":
            mask = mask[torch.randperm(len(mask))]
        masks.append(mask if layer % 2 == 0 else ~mask)
    return masks
