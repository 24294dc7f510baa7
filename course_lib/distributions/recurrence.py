"""The memory of a sequence model: h_t = f(x_t, z_t, h_{t-1}) (slide 9)."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["GatedRecurrence"]


class GatedRecurrence(nn.GRUCell):
    """h_t = f(x_t, z_t, h_{t-1}) by a gated recurrent unit, over any batch dimensions (slide 9).

    Example:
        >>> import torch
        >>> GatedRecurrence(3, 8)(torch.zeros(4, 5, 3), torch.zeros(4, 5, 8)).shape
        torch.Size([4, 5, 8])

    Paper: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder for
    statistical machine translation, arXiv:1406.1078.
    """

    def forward(self, step: Tensor, state: Tensor) -> Tensor:
        """Map the input, (..., input), and the state, (..., state), to the next state."""
        after = super().forward(step.flatten(0, -2), state.flatten(0, -2))
        return after.view(state.shape)
