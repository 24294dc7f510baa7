"""A base distribution pushed through invertible maps: flow density, flow prior, flow posterior."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, constraints

from course_lib.distributions.base import Brick, rsample_and_log_prob
from course_lib.distributions.transforms import Transform

__all__ = ["Flow", "Pushforward"]


class Pushforward(Distribution):
    r"""The distribution of x = f_K(...f_1(z)), z from the base (slides 5 and 6).

    .. math:: \log p_X(x) = \log p_Z(z) - \sum_k \log|\det \partial f_k|

    Args:
        base: the distribution of z, over vectors.
        transforms: f_1, ..., f_K, applied in this order to samples.
        context: (*batch, context_dim) what the maps depend on, or None.

    Paper: Rezende, Mohamed (2015), arXiv:1505.05770.
    """

    has_rsample = True
    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.real_vector

    def __init__(
        self,
        base: Distribution,
        transforms: Sequence[Transform],
        context: Tensor | None = None,
    ) -> None:
        self.base, self.transforms, self.context = base, transforms, context
        super().__init__(
            base.batch_shape, _image_shape(base.event_shape, transforms), validate_args=False
        )

    def push(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x = f_K(...f_1(z)), (..., dim), and the sum of the log-determinants, (...)."""
        total = torch.zeros_like(z[..., 0])
        for transform in self.transforms:
            z, log_det = transform(z, self.context)
            total = total + log_det
        return z, total

    def rsample_and_log_prob(self, sample_shape: tuple[int, ...] = Size()) -> tuple[Tensor, Tensor]:
        """Return a sample and its log-density with one evaluation of every map."""
        z, log_prob = rsample_and_log_prob(self.base, sample_shape)
        x, log_det = self.push(z)
        return x, log_prob - log_det

    def rsample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return f(z), differentiable in the parameters of base and maps."""
        return self.rsample_and_log_prob(sample_shape)[0]

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return f(z) without gradients, from a base that need not be reparameterised."""
        with torch.no_grad():
            return self.push(self.base.sample(Size(sample_shape)))[0]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density at given points by inverting the maps: (..., dim) -> (...)."""
        total: Tensor | float = 0.0
        for transform in reversed(self.transforms):
            value, log_det = transform.inverse(value, self.context)
            total = total + log_det
        return self.base.log_prob(value) + total


class Flow(Brick):
    """A brick pushed through invertible maps; with an encoder, both depend on the context.

    ``Flow(StandardGaussian(2), maps)`` is a density or a prior (slide 5);
    ``Flow(ConditionalGaussian(...), maps, encoder)`` is the posterior of slide 6: the encoder's
    features give z' ~ q(z'|x) and condition the maps z = f(z').

    Args:
        base: the brick of z'.
        transforms: the maps, in the order in which they are applied to samples.
        encoder: maps the context to features that base and maps receive; None passes it on.

    Example:
        >>> from course_lib.distributions import AffineAutoregressive, StandardGaussian
        >>> flow = Flow(StandardGaussian(2), [AffineAutoregressive(2, (8,))])
        >>> x = torch.randn(5, 2)
        >>> torch.allclose(flow().log_prob(x), StandardGaussian(2)().log_prob(x))
        True
    """

    def __init__(
        self, base: Brick, transforms: Iterable[Transform], encoder: nn.Module | None = None
    ) -> None:
        transforms = list(transforms)
        super().__init__(tuple(_image_shape(base.event_shape, transforms)))
        self.base = base
        self.transforms = nn.ModuleList(transforms)
        self.encoder = encoder

    def forward(self, context: Any = None) -> Pushforward:
        """Return the pushforward distribution given the context."""
        features = context if self.encoder is None else self.encoder(context)
        base = self.base(features)
        if features is not None and not base.batch_shape:
            base = base.expand(features.shape[:-1])  # each example gets noise of its own
        return Pushforward(base, list(self.transforms), features)


def _image_shape(shape: Size, transforms: Iterable[Transform]) -> Size:
    """Return the shape of f_K(...f_1(z)) for one z of the given shape."""
    for transform in transforms:
        shape = transform.image_shape(shape)
    return shape
