"""Bits drawn one after the other, each given the earlier ones, by a masked network (3, 16)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from course_lib.distributions.bernoulli import BitBrick, IndependentBernoulli
from course_lib.distributions.networks import MaskedMLP
from course_lib.distributions.transforms.stepwise import Stepwise

__all__ = ["AutoregressiveBernoulli", "ConditionalAutoregressiveBernoulli"]


class AutoregressiveBernoulli(Distribution):
    r"""Bits with p(x|c) = prod_i p(x_i | x_<i, c) (slide 3: "make it autoregressive").

    Args:
        network: the masked network that gives bit i its log-odds from the bits before it.
        event_shape: the shape of one event; the order of its entries is the network's.
        context: (*batch, context_dim) what the bits depend on, or None.
    """

    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.independent(constraints.boolean, 1)

    def __init__(self, network: MaskedMLP, event_shape: Size, context: Tensor | None) -> None:
        self.network, self.context = network, context
        batch_shape = Size() if context is None else context.shape[:-1]
        super().__init__(batch_shape, event_shape, validate_args=False)

    def conditionals(self, value: Tensor) -> IndependentBernoulli:
        """Return p(x_i | x_<i, c) for every i at once, given the whole of x: (..., dim) bits."""
        bits = value.flatten(-len(self.event_shape))
        return IndependentBernoulli(self.network(bits, self.context).squeeze(-1))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability by one pass of the network: (..., *event) -> (...)."""
        bits = value.flatten(-len(self.event_shape))
        return self.conditionals(value).log_prob(bits)

    @torch.no_grad()
    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return bits as floats, (*sample_shape, *batch, *event), one after the other."""
        visits = Stepwise(self.network, Size(sample_shape) + self.batch_shape, self.context)
        for _, logits in visits:
            visits.reveal(torch.bernoulli(logits.squeeze(-1).sigmoid()))
        return visits.x.unflatten(-1, self.event_shape)


class ConditionalAutoregressiveBernoulli(BitBrick):
    """The decoder p(x|z) flexible enough to need no z: a masked network over the bits (slide 16).

    Args:
        event_shape: the shape of one event; its entries come in row-major order.
        hidden: widths of the network's hidden layers.
        context_dim: size of z; 0 for a model of x alone.
        order: (event size,) a permutation: ``order[i]`` is the place of entry i.

    Example:
        >>> brick = ConditionalAutoregressiveBernoulli((1, 2, 2), hidden=(16,))
        >>> images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4).view(16, 1, 2, 2)
        >>> torch.allclose(brick().log_prob(images).exp().sum(), torch.tensor(1.0))
        True

    Paper: Germain, Gregor, Murray, Larochelle (2015), MADE, arXiv:1502.03509.
    """

    def __init__(
        self,
        event_shape: int | tuple[int, ...],
        hidden: Sequence[int],
        *,
        context_dim: int = 0,
        order: Tensor | None = None,
    ) -> None:
        super().__init__(event_shape)
        self.context_dim = context_dim
        self.network = MaskedMLP(
            math.prod(self.event_shape), hidden, 1, context_dim=context_dim, order=order
        )

    def forward(self, context: Any = None) -> AutoregressiveBernoulli:
        """Return the distribution given the context, (*batch, context_dim), if there is one."""
        context = context if self.context_dim else None
        return AutoregressiveBernoulli(self.network, self.event_shape, context)
