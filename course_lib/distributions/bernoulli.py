"""Bernoulli bricks for binary data: pixels chosen independently given z (slide 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from course_lib.distributions.base import Brick, known_true

__all__ = ["BitBrick", "ConditionalBernoulli", "IndependentBernoulli"]


class IndependentBernoulli(Distribution):
    r"""Independent bits with the given logits (slide 3).

    .. math:: \log p(x) = \sum_i x_i \ell_i - \log(1 + e^{\ell_i})

    Args:
        logits: (*batch, *event) log-odds of a one.
        event_dim: how many trailing dimensions form one event.

    Example:
        >>> p = IndependentBernoulli(torch.zeros(5, 3))
        >>> torch.allclose(p.log_prob(torch.ones(5, 3)).exp(), torch.tensor(1 / 8))
        True
    """

    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.independent(constraints.boolean, 1)

    def __init__(self, logits: Tensor, event_dim: int = 1) -> None:
        self.logits = logits
        self._event_axes = tuple(range(-event_dim, 0))
        super().__init__(logits.shape[:-event_dim], logits.shape[-event_dim:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The probability of a one, (*batch, *event)."""
        return self.logits.sigmoid()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability summed over the event: (..., *event) -> (...)."""
        logits = self.logits
        if logits.shape != value.shape:
            logits, value = torch.broadcast_tensors(logits, value)
        terms = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -terms.sum(self._event_axes)

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return bits as floats, (*sample_shape, *batch, *event); no gradient passes through."""
        with torch.no_grad():
            return torch.bernoulli(self.mean.expand(self._extended_shape(Size(sample_shape))))

    def entropy(self) -> Tensor:
        """Return the sum over the event of each bit's entropy: (*batch,)."""
        terms = softplus(self.logits) - self.logits * self.mean
        return terms.sum(self._event_axes)


class BitBrick(Brick):
    """A brick whose events are made of zeros and ones."""

    def check_entries(self, value: Tensor, name: str) -> None:
        """Raise a ``ValueError`` if an entry is neither 0 nor 1."""
        # x - x^2 is zero only for bits, and NaN at infinity, which counts as true
        if known_true(torch.addcmul(value, value, value, value=-1).abs().max()):
            super().check_entries(value, name)
            raise ValueError(
                f"{name}: expected entries 0 and 1,"
                f" got values in [{value.min():.3g}, {value.max():.3g}]"
            )


class ConditionalBernoulli(BitBrick):
    """The decoder p(x|z) for binary x: a network maps z to the log-odds of every pixel.

    Args:
        network: maps a context to (..., event size) logits.
        event_shape: the shape of one event.

    Example:
        >>> brick = ConditionalBernoulli(nn.Linear(2, 12), event_shape=(1, 3, 4))
        >>> brick(torch.zeros(5, 2)).sample().shape
        torch.Size([5, 1, 3, 4])
    """

    def __init__(self, network: nn.Module, event_shape: int | tuple[int, ...]) -> None:
        super().__init__(event_shape)
        self.network = network

    def forward(self, context: Any = None) -> IndependentBernoulli:
        """Return the bits' distribution given the context, (batch, *context) -> batch of events."""
        logits = self.as_events(self.network(context))
        return IndependentBernoulli(logits, len(self.event_shape))
