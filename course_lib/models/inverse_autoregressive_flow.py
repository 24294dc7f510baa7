"""The inverse autoregressive flow: MAF reversed, so that sampling is fast (slides 5, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from course_lib.arguments import as_shape
from course_lib.distributions import AffineAutoregressive, Brick, Inverse, StandardGaussian
from course_lib.models.flow_model import FlowModel, data_maps, orders

__all__ = ["InverseAutoregressiveFlow"]


class InverseAutoregressiveFlow(FlowModel):
    r"""IAF: a sample and its density take one pass; the density of a given x is sequential.

    .. math:: x_i = (z_i - \mu_i(z_{<i}))\, /\, \sigma_i(z_{<i})

    Example:
        >>> import torch
        >>> model = InverseAutoregressiveFlow.build(3, layers=2, hidden=(16,))
        >>> x, log_prob = model.brick().rsample_and_log_prob((5,))
        >>> torch.allclose(model.log_prob(x), log_prob, atol=1e-5)
        True

    Paper: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling (2016), arXiv:1606.04934.
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
        """Return an inverse autoregressive flow from the sizes of ``AutoregressiveFlow.build``.

        Raises:
            ValueError: if a size is not a positive integer, or the order is unknown.
        """
        shape, last = data_maps(x_shape, marginal_units, levels, alpha)
        dim, hidden = shape.numel(), as_shape(hidden, "hidden")
        layers_of = [AffineAutoregressive(dim, hidden, order=o) for o in orders(dim, layers, order)]
        return cls(base or StandardGaussian(dim), [*map(Inverse, layers_of), *last])
