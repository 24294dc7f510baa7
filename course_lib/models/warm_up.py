"""Let a latent into use before it costs anything: the weight of the KL in training (slide 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.arguments import as_count

__all__ = ["WarmUp"]


class WarmUp(nn.Module):
    """The KL's weight: rises from 0 to 1 over the first training steps, and is 1 ever after.

    A decoder that can do without z soon does, and never comes back: the loss has a valley there.
    Each call in training mode is one step; outside training the weight is 1. The count is part of
    the model's state, so that a resumed run goes on where it was.

    Args:
        over: how many steps the weight rises; with 0 it is always 1.

    Raises:
        ValueError: if ``over`` is not an integer of at least 0.

    Example:
        >>> weight = WarmUp(over=4)
        >>> [float(weight()) for _ in range(5)], float(weight.eval()())
        ([0.25, 0.5, 0.75, 1.0, 1.0], 1.0)

    Paper: Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio (2016), arXiv:1511.06349.
    """

    def __init__(self, over: int) -> None:
        super().__init__()
        self.over = as_count(over, "warm_up", least=0)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def rises(self) -> bool:
        """Whether the weight of the next call may be below 1."""
        return self.training and self.over > 0

    def forward(self) -> Tensor:
        """Return the weight of this step, min(1, step / over) with steps counted from 1: ()."""
        if not self.rises:
            return torch.ones_like(self.steps)
        self.steps += 1
        return (self.steps / self.over).clamp(max=1.0)
