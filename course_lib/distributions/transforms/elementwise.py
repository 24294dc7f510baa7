"""Learned maps per dimension: they connect a flow to the units of its data."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from course_lib.arguments import as_count
from course_lib.distributions.transforms.base import Transform
from course_lib.distributions.transforms.neural import (
    SigmoidalFlow,
    inverse_sigmoidal_flow,
    sigmoidal_flow,
)

__all__ = ["ElementwiseAffine", "ElementwiseSigmoidal"]


class ElementwiseAffine(Transform):
    r"""x = mu + sigma z in each dimension separately, with learned mu and log sigma.

    .. math:: x_i = \mu_i + \sigma_i z_i, \qquad
              \log|\det \partial x/\partial z| = \sum_i \log\sigma_i

    It is the last layer of NICE, whose couplings keep volume, and ``fit_to`` starts a flow at the
    mean and spread of its data.

    Args:
        dim: the number of dimensions.

    Example:
        >>> layer = ElementwiseAffine(2).fit_to(torch.tensor([[0.0, 5.0], [2.0, 7.0]]))
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
            ValueError: if a dimension is constant or not finite, or the shape is not (n, dim).
        """
        _check_spread(x, len(self.mu))
        self.mu.copy_(x.mean(0))
        self.log_scale.copy_(x.std(0, correction=0).log())
        return self

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mu + sigma z and its log-determinant, the same for all z."""
        x = torch.addcmul(self.mu, self.log_scale.exp(), z)
        return x, self.log_scale.sum().expand(z.shape[:-1])

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (x - mu) / sigma and its log-determinant."""
        z = (x - self.mu) * (-self.log_scale).exp()
        return z, -self.log_scale.sum().expand(x.shape[:-1])


class ElementwiseSigmoidal(Transform):
    r"""A learned monotone map per dimension, so that earlier layers need not model the marginals.

    .. math:: z_i = \operatorname{logit} \sum_k w_{ik}\, \sigma(a_{ik} (x_i - c_{ik}))

    A flow of affine layers spends its capacity on the marginal shape of every pixel. Here 3K
    numbers per dimension describe that shape, and the other layers only have to model how the
    dimensions depend on each other. ``fit_to`` starts it at the distribution functions of the
    data, so that z is logistic in every dimension; without it, it starts near the identity.

    Args:
        dim: the number of dimensions.
        units: K, the number of sigmoids per dimension.

    Example:
        >>> x = torch.randn(1000, 1).exp()
        >>> z, _ = ElementwiseSigmoidal(1, units=16).fit_to(x).inverse(x)
        >>> torch.equal(z.argsort(0), x.argsort(0)), bool(z.median().abs() < 0.2)
        (True, True)

    Papers: Chen, Gopinath (2000), Gaussianization, NeurIPS (marginals first); for the curve
    Huang, Krueger, Lacoste, Courville (2018), arXiv:1804.00779.
    """

    def __init__(self, dim: int, units: int) -> None:
        super().__init__()
        shape = as_count(dim, "dim"), as_count(units, "units")
        places = (2 * torch.arange(units) + 1) / units - 1
        self.place = nn.Parameter(places.repeat(dim, 1))
        self.log_slope = nn.Parameter(torch.zeros(shape))
        self.weight = nn.Parameter(torch.zeros(shape))

    @property
    def curves(self) -> SigmoidalFlow:
        """The parameters of the monotone maps, each (dim, units)."""
        shift = -self.log_slope.exp() * self.place
        return SigmoidalFlow(self.log_slope, shift, torch.log_softmax(self.weight, -1))

    @torch.no_grad()
    def fit_to(self, x: Tensor) -> Self:
        """Put the sigmoids at evenly spaced quantiles of ``x``, (n, dim), and return self.

        Each is as wide as its share of the data. Raises as ``ElementwiseAffine.fit_to``.
        """
        dim, units = self.place.shape
        _check_spread(x, dim)
        rank = torch.arange(2 * units + 1, device=x.device) * (len(x) - 1) // (2 * units)
        quantiles = x.sort(0).values[rank].T
        share = quantiles[:, 2::2] - quantiles[:, :-1:2]
        least = 1e-3 * (quantiles[:, -1:] - quantiles[:, :1])
        self.place.copy_(quantiles[:, 1::2])
        self.log_slope.copy_((4 / share.maximum(least)).log())
        self.weight.zero_()
        return self

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|, by solving one equation per dimension."""
        x = inverse_sigmoidal_flow(z, self.curves)
        return x, -sigmoidal_flow(x, self.curves)[1].sum(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx|."""
        z, log_slope = sigmoidal_flow(x, self.curves)
        return z, log_slope.sum(-1)


def _check_spread(x: Tensor, dim: int) -> None:
    if x.dim() != 2 or x.shape[1] != dim:
        raise ValueError(f"x: expected shape (n, {dim}), got {tuple(x.shape)}")
    if not torch.isfinite(x).all() or not (x.amax(0) > x.amin(0)).all():
        raise ValueError("x: expected finite values that vary in every dimension")
