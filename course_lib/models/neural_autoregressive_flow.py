"""The neural autoregressive flow: a monotone network transforms each dimension (slide 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from course_lib.arguments import as_shape
from course_lib.distributions import Brick, NeuralAutoregressive, StandardGaussian
from course_lib.models.flow_model import FlowModel, data_maps, orders

__all__ = ["NeuralAutoregressiveFlow"]


class NeuralAutoregressiveFlow(FlowModel):
    r"""NAF: a density in one pass; sampling solves one monotone equation per dimension.

    .. math:: z_i = \operatorname{logit} \sum_k w_{ik}\, \sigma(a_{ik} x_i + b_{ik})

    Unlike an affine layer, a single one of these can give a dimension several modes.

    Example:
        >>> import torch
        >>> model = NeuralAutoregressiveFlow.build(3, layers=2, hidden=(16,), units=4)
        >>> x, log_prob = model.brick().rsample_and_log_prob((5,))
        >>> torch.allclose(model.log_prob(x), log_prob, atol=1e-4)
        True

    Paper: Huang, Krueger, Lacoste, Courville (2018), arXiv:1804.00779.
    """

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        layers: int = 2,
        hidden: Sequence[int] = (128, 128),
        *,
        units: int = 8,
        order: str = "reversed",
        base: Brick | None = None,
        marginal_units: int = 0,
        levels: float | None = None,
        alpha: float = 1e-3,
    ) -> Self:
        """Return a neural autoregressive flow from plain sizes.

        Args:
            x_shape: the shape of one observation, e.g. ``64`` or ``(1, 8, 8)``.
            layers: how many autoregressive layers.
            hidden: widths of the hidden layers in each.
            units: K, the number of sigmoids per dimension.
            order: ``"reversed"`` or ``"random"``, as in ``AutoregressiveFlow.build``.
            base: the brick p_Z over vectors; white noise if None.
            marginal_units: how many sigmoids transform each dimension of x separately, next to the
                data; 0 for a scale and a shift. ``start_at`` fits them.
            levels: the number of grey levels for dequantised images, None for real data.
            alpha: the margin of the logit if there are levels.

        Raises:
            ValueError: if a size is not a positive integer, or the order is unknown.
        """
        shape, last = data_maps(x_shape, marginal_units, levels, alpha)
        dim, hidden = shape.numel(), as_shape(hidden, "hidden")
        maps = [
            NeuralAutoregressive(dim, hidden, units=units, order=o)
            for o in orders(dim, layers, order)
        ]
        return cls(base or StandardGaussian(dim), [*maps, *last])
