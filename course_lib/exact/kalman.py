"""The linear-Gaussian chain: a latent step at every time, and log p(x) known (slide 9)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal

from course_lib.arguments import as_count
from course_lib.exact.arrays import as_float64, check_shape

__all__ = ["BackwardView", "LinearGaussianChain"]


class BackwardView(NamedTuple):
    """The exact posterior of a chain, one step given the last: N(gain z_{t-1} + offset, cov).

    Attributes:
        gain: (time, z_dim, z_dim).
        offset: (batch, time, z_dim), where x_t..x_T come in.
        covariance: (time, z_dim, z_dim).
    """

    gain: Tensor
    offset: Tensor
    covariance: Tensor


class LinearGaussianChain:
    r"""z_t = A z_{t-1} + noise, x_t = C z_t + noise, z_0 = 0, in float64 (slide 9).

    .. math:: p(x, z) = \prod_t N(x_t; C z_t, R) \, N(z_t; A z_{t-1}, Q)

    Args:
        transition: (z_dim, z_dim) A.
        emission: (x_dim, z_dim) C.
        z_variance: (z_dim,) the diagonal of Q.
        x_variance: (x_dim,) the diagonal of R.

    Raises:
        ValueError: if a shape does not fit, or a variance is not positive and finite.

    Example:
        >>> chain = LinearGaussianChain([[0.9]], [[1.2]], [0.5], [0.3])
        >>> x = chain.sample(4, steps=6, generator=torch.Generator().manual_seed(0))
        >>> x.shape, chain.log_prob(x).shape
        (torch.Size([4, 6, 1]), torch.Size([4]))

    Paper: Kalman (1960), A new approach to linear filtering and prediction problems.
    """

    def __init__(self, transition: Any, emission: Any, z_variance: Any, x_variance: Any) -> None:
        self.emission = check_shape(
            as_float64(emission, "emission"), ("x_dim", "z_dim"), "emission"
        )
        self.x_dim, self.z_dim = self.emission.shape
        self.transition = as_float64(transition, "transition")
        check_shape(self.transition, (self.z_dim, self.z_dim), "transition")
        self.z_cov = _diagonal(z_variance, self.z_dim, "z_variance")
        self.x_cov = _diagonal(x_variance, self.x_dim, "x_variance")

    def log_prob(self, x: Any) -> Tensor:
        """Return log p(x) by the Kalman filter, in nats: (batch, time, x_dim) -> (batch,)."""
        x = self._observed(x)
        mean = x.new_zeros(len(x), self.z_dim)
        cov = x.new_zeros(self.z_dim, self.z_dim)
        total = x.new_zeros(len(x))
        for step in x.unbind(1):
            mean, cov = mean @ self.transition.T, self._spread(cov)
            innovation = self.emission @ cov @ self.emission.T + self.x_cov
            seen = mean @ self.emission.T
            total = total + MultivariateNormal(seen, innovation).log_prob(step)
            gain = torch.linalg.solve(innovation, self.emission @ cov).T
            mean = mean + (step - seen) @ gain.T
            cov = cov - gain @ self.emission @ cov
        return total

    def posterior(self, x: Any) -> BackwardView:
        r"""Return the exact p(z_t | z_{t-1}, x_{t:T}), by messages from the end (slide 9).

        .. math:: p(z | x) = \prod_t p(z_t | z_{t-1}, x_{t:T})

        It needs the whole future of x: no q(z_t | z_{t-1}, x_{\le t}) can equal it.

        Args:
            x: (batch, time, x_dim) observations.
        """
        x = self._observed(x)
        z_precision = torch.linalg.inv(self.z_cov)
        towards = self.emission.T @ torch.linalg.inv(self.x_cov)
        views, message = [], (torch.zeros_like(self.z_cov), x.new_zeros(len(x), self.z_dim))
        for step in x.flip(1).unbind(1):
            information = message[0] + towards @ self.emission
            pull = message[1] + step @ towards.T
            cov = torch.linalg.inv(z_precision + information)
            gain = cov @ z_precision @ self.transition
            views.append((gain, pull @ cov, cov))
            back = self.transition.T @ z_precision
            message = back @ (self.transition - gain), pull @ cov @ back.T
        gains, offsets, covs = zip(*reversed(views), strict=True)
        return BackwardView(torch.stack(gains), torch.stack(offsets, 1), torch.stack(covs))

    def sample(self, n: int, steps: int, generator: Generator | None = None) -> Tensor:
        """Return n sequences drawn step by step: (n, steps, x_dim)."""
        size, z = as_count(n, "n"), torch.zeros(n, self.z_dim, dtype=torch.float64)
        drawn = []
        for _ in range(as_count(steps, "steps")):
            noise = torch.randn(size, self.z_dim + self.x_dim, generator=generator).double()
            z = z @ self.transition.T + noise[:, : self.z_dim] * self.z_cov.diagonal().sqrt()
            seen = z @ self.emission.T
            drawn.append(seen + noise[:, self.z_dim :] * self.x_cov.diagonal().sqrt())
        return torch.stack(drawn, 1)

    def _spread(self, cov: Tensor) -> Tensor:
        return self.transition @ cov @ self.transition.T + self.z_cov

    def _observed(self, x: Any) -> Tensor:
        x = check_shape(as_float64(x, "x"), ("batch", "time", self.x_dim), "x")
        if not torch.isfinite(x).all():
            raise ValueError("x: expected finite numbers, got infinity")
        return x


def _diagonal(variance: Any, dim: int, name: str) -> Tensor:
    variance = check_shape(as_float64(variance, name), (dim,), name)
    if not ((variance > 0) & (variance < math.inf)).all():
        raise ValueError(f"{name}: expected positive numbers, got {variance.tolist()}")
    return variance.diag()
