"""Gaussian bricks. Scale is always given as ``log_scale`` = log of the standard deviation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, constraints, register_kl

from course_lib.distributions.base import LOG_2PI, Brick

__all__ = ["ConditionalGaussian", "DiagonalGaussian", "StandardGaussian"]


class DiagonalGaussian(Distribution):
    r"""N(mu, diag(scale^2)) over an event of any shape (slide 3).

    .. math:: \log N(x; \mu, \sigma) = -\tfrac12 \sum_i [((x_i-\mu_i)/\sigma_i)^2
              + 2 \log \sigma_i + \log 2\pi]

    Args:
        mu: (*batch, *event) mean.
        log_scale: (*batch, *event) log of the standard deviation.
        event_dim: how many trailing dimensions form one event.

    Raises:
        ValueError: if ``mu`` and ``log_scale`` differ in shape.

    Example:
        >>> q = DiagonalGaussian(torch.zeros(5, 2), torch.zeros(5, 2))
        >>> q.log_prob(torch.zeros(5, 2)).shape
        torch.Size([5])
    """

    has_rsample = True
    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.real_vector

    def __init__(self, mu: Tensor, log_scale: Tensor, event_dim: int = 1) -> None:
        if mu.shape != log_scale.shape:
            raise ValueError(
                f"log_scale: expected the shape of mu, {tuple(mu.shape)},"
                f" got {tuple(log_scale.shape)}"
            )
        self.mu, self.log_scale = mu, log_scale
        self._event_axes = tuple(range(-event_dim, 0))
        super().__init__(mu.shape[:-event_dim], mu.shape[-event_dim:], validate_args=False)

    def expand(self, batch_shape: tuple[int, ...]) -> DiagonalGaussian:
        """Return the same distribution with a larger batch shape."""
        shape = Size(batch_shape) + self.event_shape
        return DiagonalGaussian(
            self.mu.expand(shape), self.log_scale.expand(shape), len(self.event_shape)
        )

    @property
    def mean(self) -> Tensor:
        """The mean, (*batch, *event)."""
        return self.mu

    @property
    def stddev(self) -> Tensor:
        """The standard deviation, (*batch, *event)."""
        return self.log_scale.exp()

    @property
    def variance(self) -> Tensor:
        """The variance, (*batch, *event)."""
        return (2 * self.log_scale).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density summed over the event: (..., *event) -> (...)."""
        standardised = (value - self.mu) * (-self.log_scale).exp()
        return self._sum_event(-0.5 * (standardised.square() + LOG_2PI) - self.log_scale)

    def rsample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return mu + scale * noise, differentiable in both (slide 6)."""
        return self._push(self._noise(sample_shape))

    def rsample_and_log_prob(self, sample_shape: tuple[int, ...] = Size()) -> tuple[Tensor, Tensor]:
        """Return a sample and its log-density, computed from the noise that made it."""
        noise = self._noise(sample_shape)
        return self._push(noise), self._sum_event(
            -0.5 * (noise.square() + LOG_2PI) - self.log_scale
        )

    def entropy(self) -> Tensor:
        """Return sum_i (log scale_i + (1 + log 2 pi) / 2): (*batch,)."""
        return self._sum_event(self.log_scale + 0.5 * (1 + LOG_2PI))

    def _noise(self, sample_shape: tuple[int, ...]) -> Tensor:
        shape = Size(sample_shape) + self.mu.shape
        return torch.randn(shape, dtype=self.mu.dtype, device=self.mu.device)

    def _push(self, noise: Tensor) -> Tensor:
        return torch.addcmul(self.mu, self.log_scale.exp(), noise)

    def _sum_event(self, value: Tensor) -> Tensor:
        return value.sum(self._event_axes)


@register_kl(DiagonalGaussian, DiagonalGaussian)
def _kl_gaussian(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """KL(q, p) in closed form, summed over the event."""
    log_ratio = p.log_scale - q.log_scale
    standardised = (p.mu - q.mu) * (-p.log_scale).exp()
    return q._sum_event(0.5 * ((-2 * log_ratio).exp() + standardised.square() - 1) + log_ratio)


class _WhiteNoise(DiagonalGaussian):
    """N(0, I) with the same values and less work: nothing is subtracted, nothing divided."""

    def __init__(self, zero: Tensor, event_dim: int = 1) -> None:
        super().__init__(zero, zero, event_dim)

    def expand(self, batch_shape: tuple[int, ...]) -> _WhiteNoise:
        """Return the same distribution with a larger batch shape."""
        return _WhiteNoise(
            self.mu.expand(Size(batch_shape) + self.event_shape), len(self.event_shape)
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density summed over the event: (..., *event) -> (...)."""
        return self._sum_event(-0.5 * ((value - self.mu).square() + LOG_2PI))


@register_kl(DiagonalGaussian, _WhiteNoise)
def _kl_to_white_noise(q: DiagonalGaussian, p: _WhiteNoise) -> Tensor:
    """KL(q, N(0, I)) in closed form, summed over the event."""
    spread = (2 * q.log_scale).exp() + (q.mu - p.mu).square() - 1
    return q._sum_event(0.5 * spread - q.log_scale)


class StandardGaussian(Brick):
    """The prior p(z) = N(0, I) (slide 3).

    Args:
        event_shape: the shape of one z.

    Example:
        >>> StandardGaussian(3)().sample((2,)).shape
        torch.Size([2, 3])
    """

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        super().__init__(event_shape)
        self.register_buffer("zero", torch.zeros(self.event_shape), persistent=False)

    def forward(self, context: Any = None) -> DiagonalGaussian:
        """Return N(0, I); a context is ignored because a prior has none."""
        return _WhiteNoise(self.zero, len(self.event_shape))


class ConditionalGaussian(Brick):
    """N(mu(c), diag(scale(c)^2)), mu and log_scale computed from the context by one network.

    It serves as the encoder q(z|x) and as the decoder p(x|z) of slide 3.

    Args:
        network: maps a context to (..., 2 * event size): mu first, then log_scale.
        event_shape: the shape of one event.

    Example:
        >>> brick = ConditionalGaussian(nn.Linear(4, 6), event_shape=3)
        >>> brick(torch.zeros(5, 4)).rsample().shape
        torch.Size([5, 3])
    """

    def __init__(self, network: nn.Module, event_shape: int | tuple[int, ...]) -> None:
        super().__init__(event_shape)
        self.network = network

    def forward(self, context: Tensor) -> DiagonalGaussian:
        """Return the Gaussian given the context, (batch, *context) -> batch of events."""
        mu, log_scale = map(self.as_events, self.network(context).chunk(2, -1))
        return DiagonalGaussian(mu, log_scale, len(self.event_shape))
