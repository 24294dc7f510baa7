"""The masked autoregressive flow: each dimension is affine given those before it (slide 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from course_lib.arguments import as_shape
from course_lib.distributions import AffineAutoregressive, Brick, StandardGaussian
from course_lib.models.flow_model import FlowModel, data_maps, orders

__all__ = ["AutoregressiveFlow"]


class AutoregressiveFlow(FlowModel):
    r"""MAF: the density takes one pass of its networks; sampling goes dimension by dimension.

    .. math:: x_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, z_i

    An autoregressive base acts as one more layer (slide 5).

    Example:
        >>> import torch
        >>> model = AutoregressiveFlow.build(3, layers=2, hidden=(16,))
        >>> torch.allclose(model.log_prob(torch.zeros(5, 3)), torch.tensor(-2.7568), atol=1e-4)
        True

    Paper: Papamakarios, Pavlakou, Murray (2017), arXiv:1705.07057.
    """

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        layers: int = 5,
        hidden: Sequence[int] = (128, 128),
        *,
        order: str = "reversed",
        base: Brick | None = None,
        marginal_units: int = 0,
        levels: float | None = None,
        alpha: float = 1e-3,
    ) -> Self:
        """Return a masked autoregressive flow from plain sizes.

        Args:
            x_shape: the shape of one observation, e.g. ``64`` or ``(1, 8, 8)``.
            layers: how many autoregressive layers.
            hidden: widths of the hidden layers in each.
            order: ``"reversed"``: every second layer reverses the order of the dimensions;
                ``"random"``: each pair of layers uses one random order and its reverse.
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
        maps = [AffineAutoregressive(dim, hidden, order=o) for o in orders(dim, layers, order)]
        return cls(base or StandardGaussian(dim), [*maps, *last])
