"""What every fully observed model does: exact log p(x), samples, maximum likelihood (slide 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.distributions import Brick

__all__ = ["DensityModel"]


class DensityModel(nn.Module):
    """A model whose density is known exactly: one brick p(x), trained by its log-likelihood.

    Args:
        brick: the distribution of x, without a context.

    Example:
        >>> from course_lib.distributions import AffineAutoregressive, Flow, StandardGaussian
        >>> model = DensityModel(Flow(StandardGaussian(2), [AffineAutoregressive(2, (8,))]))
        >>> model.log_prob(model.sample(5)).shape
        torch.Size([5])
    """

    def __init__(self, brick: Brick) -> None:
        super().__init__()
        self.brick = brick

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) exactly, in nats: (batch, *event) -> (batch,).

        Raises:
            TypeError, ValueError: if ``x`` is not a finite batch of events.
        """
        self.brick.check_event(x, "x")
        return self.brick().log_prob(x)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the training loss, the batch mean of -log p(x), in nats."""
        return {"model": -self.log_prob(batch).mean()}

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Return n draws of x: (n, *event)."""
        return self.brick().sample((n,))
