"""The base class of all bricks, and what the objectives need from every distribution."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from course_lib.arguments import as_floats, as_shape

__all__ = [
    "Brick",
    "check_finite",
    "first_parameter",
    "known_true",
    "rsample_and_log_prob",
]

LOG_2PI = math.log(2 * math.pi)


def known_true(condition: Tensor) -> bool:
    """Return whether a condition on data holds; False where it has no single value.

    Under ``torch.func.vmap``, and on meta tensors, data have no single value. A check of data is
    then skipped, because its caller transforms code that was already checked with real data.

    Args:
        condition: () a truth value.

    Example:
        >>> x = torch.tensor([1.0, -1.0])
        >>> torch.func.vmap(lambda x: x * known_true(x < 0))(x), known_true((x < 0).any())
        (tensor([0., -0.]), True)
    """
    try:
        return bool(condition)
    except (RuntimeError, NotImplementedError):
        if condition.is_meta or torch._C._functorch.is_functorch_wrapped_tensor(condition):
            return False
        raise


def first_parameter(module: nn.Module) -> nn.Parameter | None:
    """Return what ``next(module.parameters(), None)`` does, in a fifth of its time.

    Every training step asks for it; torch walks over the module four times to find it.

    Example:
        >>> first_parameter(nn.Sequential(nn.ReLU(), nn.Linear(2, 3))).shape
        torch.Size([3, 2])
    """
    for parameter in module._parameters.values():
        if parameter is not None:
            return parameter
    for child in module._modules.values():
        found = None if child is None else first_parameter(child)
        if found is not None:
            return found
    return None


class Brick(nn.Module):
    """A conditional distribution over one thing: call it with a context, get a distribution.

    ``prior()`` is p(z), ``likelihood(z)`` is p(x|z) and ``posterior(x)`` is q(z|x); any brick fits
    in any place whose event shape matches (slides 3-6).

    Args:
        event_shape: the shape of one event, e.g. ``(1, 8, 8)`` for an image or ``8`` for a code.
    """

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        super().__init__()
        self.event_shape = as_shape(event_shape, "event_shape")

    def forward(self, context: Any = None) -> Distribution:
        """Return the distribution given the context."""
        raise NotImplementedError

    def as_events(self, numbers: Tensor) -> Tensor:
        """Return a network's output as events, (..., event size) -> (..., *event_shape).

        Vectors are returned as they are: a view would cost as much as a small layer's product.
        """
        shape = numbers.shape[:-1] + self.event_shape
        return numbers if numbers.shape == shape else numbers.reshape(shape)

    def check_event(self, value: Tensor, name: str) -> None:
        """Raise if ``value`` is not a finite floating batch of this brick's events.

        Args:
            value: (..., *event_shape) candidate events.
            name: the argument's name, used in the error.

        Raises:
            TypeError: if ``value`` is not a floating-point tensor of the parameters' precision.
            ValueError: if its shape does not end in the event shape, or it is not finite.
        """
        as_floats(value, name, first_parameter(self))
        n = len(self.event_shape)
        if value.dim() <= n or value.shape[-n:] != self.event_shape:
            raise ValueError(
                f"{name}: expected shape (batch, {', '.join(map(str, self.event_shape))}),"
                f" got {tuple(value.shape)}"
            )
        if value.shape[0] == 0:
            raise ValueError(f"{name}: expected at least one example, got an empty batch")
        self.check_entries(value, name)

    def check_entries(self, value: Tensor, name: str) -> None:
        """Raise a ``ValueError`` if an entry lies outside the support of this brick's events."""
        check_finite(value, name)


def check_finite(value: Tensor, name: str) -> None:
    """Raise a ``ValueError`` if an entry is NaN or infinite.

    A finite sum has finite terms; only if it is not, as when it overflows, is each looked at.
    """
    total = value.sum()
    if known_true(total - total == 0):  # not of infinity, nor of NaN
        return
    if known_true(value.isfinite().logical_not().any()):
        raise ValueError(f"{name}: expected finite values, got NaN or infinity")


def rsample_and_log_prob(
    distribution: Distribution, sample_shape: tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    """Return a reparameterised sample and its log-density, in one pass where that is cheaper.

    Args:
        distribution: any distribution with ``rsample`` and ``log_prob``.
        sample_shape: how many independent samples to draw.

    Returns:
        The sample, (*sample_shape, *batch, *event), and its log-density, (*sample_shape, *batch).
    """
    together = getattr(distribution, "rsample_and_log_prob", None)
    if together is not None:
        return together(sample_shape)
    value = distribution.rsample(Size(sample_shape))
    return value, distribution.log_prob(value)
