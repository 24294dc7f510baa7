"""A layer's shift and log-scale: of a network, or of a linear layer that is a plain tensor."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["conditioner"]


def conditioner(
    layer: Tensor | Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Return the shift and the log-scale of an affine autoregressive layer at x (slide 5).

    Args:
        layer: a function x -> (shift, log_scale), or the parameters (2, dim, dim + 1) of a linear
            one: weights first, strictly lower triangular, the bias in the last column.
        x: (batch, dim) what the layer looks at.

    Returns:
        (shift, log_scale), each (batch, dim).

    Raises:
        ValueError: if the parameters do not fit x.

    Example:
        >>> import torch
        >>> shift, log_scale = conditioner(torch.zeros(2, 3, 4), torch.ones(5, 3))
        >>> shift.shape, log_scale.any().item()
        (torch.Size([5, 3]), False)
    """
    if not isinstance(layer, Tensor):
        return layer(x)
    dim = x.shape[-1]
    if layer.shape != (2, dim, dim + 1):
        raise ValueError(
            f"layer: expected shape (2, {dim}, {dim + 1}) for x of {dim} dimensions,"
            f" got {tuple(layer.shape)}"
        )
    shift, log_scale = (x @ part[:, :-1].T + part[:, -1] for part in layer)
    return shift, log_scale
