"""Each dimension scaled and shifted by itself: where a flow meets the units of its data."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from course_lib.distributions.base import as_count
from course_lib.distributions.transforms.base import Transform

__all__ = ["Diagonal"]


class Diagonal(Transform):
    r"""x = mu + sigma z in every dimension by itself, with learned mu and log sigma.

    .. math:: x_i = \mu_i + \sigma_i z_i, \qquad
              \log|\det \partial x/\partial z| = \sum_i \log\sigma_i

    It is the last layer of NICE, whose couplings keep volume, and ``fit_to`` starts a flow at the
    mean and spread of its data.

    Args:
        dim: the number of dimensions.

    Example:
        >>> layer = Diagonal(2).fit_to(torch.tensor([[0.0, 5.0], [2.0, 7.0]]))
        >>> layer.inverse(torch.tensor([[2.0, 6.0]]))[0]
        tensor([[1., 0.]], grad_fn=<MulBackward0>)

    Paper: Dinh, Krueger, Bengio (2015), arXiv:1410.8516, section 3.3.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mu = nn.Parameter(torch.zeros(as_count(dim, "dim")))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    @torch.no_grad()
    def fit_to(self, x: Tensor) -> Self:
        """Set mu and sigma to the mean and standard deviation of ``x``, (n, dim), and return self.

        Raises:
            ValueError: if a dimension does not vary or is not finite, or the shape is another.
        """
        if x.dim() != 2 or x.shape[1:] != self.mu.shape:
            raise ValueError(f"x: expected shape (n, {len(self.mu)}), got {tuple(x.shape)}")
        scale = x.std(0, correction=0)
        if not (scale > 0).all() or not torch.isfinite(scale).all():
            raise ValueError("x: expected finite values that vary in every dimension")
        self.mu.copy_(x.mean(0))
        self.log_scale.copy_(scale.log())
        return self

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mu + sigma z and its log-determinant, the same for all z."""
        x = torch.addcmul(self.mu, self.log_scale.exp(), z)
        return x, self.log_scale.sum().expand(z.shape[:-1])

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (x - mu) / sigma and its log-determinant."""
        z = (x - self.mu) * (-self.log_scale).exp()
        return z, -self.log_scale.sum().expand(x.shape[:-1])
