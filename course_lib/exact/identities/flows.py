"""Autoregressive models are flows: identities 10 and 11 (slide 5), for any callables.

A layer takes z, (n, dim), and returns x = f(z), (n, dim), with log|det df/dz|, (n,); its
``inverse`` goes back. A prior takes z and returns log p(z), (n,). The residuals of densities are
relative where a density is large: far from the data log p(x) runs into the hundred thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_shape
from course_lib.exact.identities.residual import Residual
from course_lib.exact.identities.transforms import Invertible, mapped
from course_lib.exact.normal import log_normal

__all__ = [
    "autoregressive_gaussian",
    "autoregressive_prior_is_a_layer",
    "autoregressive_prior_is_an_inverse_posterior",
    "maf_and_iaf_are_inverses",
]

RELATIVE = 1e-9
"""The tolerance relative to the size of the right side, or to one where that is larger."""

LogDensity = Callable[[Tensor], Tensor]


def autoregressive_gaussian(
    conditioner: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> LogDensity:
    r"""Return z -> log p(z) of the autoregressive prior of slide 5, written as its factors.

    .. math:: \log p(z) = \sum_i \log N(z_i; \mu_i(z_{<i}), \sigma_i(z_{<i}))

    Args:
        conditioner: maps z, (n, dim), to all mu_i and log sigma_i, each (n, dim).

    Example:
        >>> still = lambda z: (torch.zeros_like(z), torch.zeros_like(z))
        >>> round(autoregressive_gaussian(still)(torch.zeros(1, 2).double()).item(), 6)
        -1.837877
    """

    def log_prob(z: Tensor) -> Tensor:
        return log_normal(z, *conditioner(z))

    return log_prob


def autoregressive_prior_is_a_layer(
    log_prior: LogDensity, layer: Invertible, flow: Sequence[Invertible], x: Any
) -> Residual:
    r"""Execute "an autoregressive prior is just another MAF layer" (identity 10, slide 5).

    .. math:: \log p_{AR}(f^{-1}(x)) + \log|\det \partial f^{-1}/\partial x|
              = \log N(l^{-1}(f^{-1}(x)); 0, I) + \log|\det \partial (l^{-1} f^{-1})/\partial x|

    Args:
        log_prior: log p_AR, from its conditionals.
        layer: l, the layer that should be this prior, on N(0, I).
        flow: f, the layers between prior and data, in the order in which samples pass them; a
            permutation of the dimensions is such a layer, with log-determinant zero.
        x: (n, dim) points.

    Example:
        >>> still = lambda z: (torch.zeros_like(z), torch.zeros_like(z))
        >>> class Identity:
        ...     def __call__(self, z): return z, torch.zeros_like(z[:, 0])
        ...     inverse = __call__
        >>> prior, points = autoregressive_gaussian(still), [[0.5, -1.0], [2.0, 3.0]]
        >>> autoregressive_prior_is_a_layer(prior, Identity(), [Identity()], points).holds
        True
    """
    z = check_shape(as_float64(x, "x"), ("n", "dim"), "x")
    with torch.no_grad():
        total = torch.zeros_like(z[:, 0])
        for one in reversed(flow):
            z, log_det = mapped(one.inverse, z)
            total = total + log_det
        noise, last = mapped(layer.inverse, z)
        left = _density(log_prior, z) + total
    return _relative("log p_AR(x) = log p_MAF(x)", left, log_normal(noise) + last + total)


def autoregressive_prior_is_an_inverse_posterior(
    log_prior: LogDensity, layer: Invertible, z: Any, log_q: Any
) -> Residual:
    r"""Execute "an autoregressive prior is an inverse autoregressive posterior", point by point.

    .. math:: \log q(z|x) - \log p_{AR}(z) = \log q'(\epsilon|x) - \log N(\epsilon; 0, I),
              \qquad \epsilon = l^{-1}(z)

    where q' is q pushed through l^-1, which is an IAF layer: the KL of the ELBO is the same number
    for every z, whichever of the two is made flexible (identity 10, slides 5 and 6).

    Args:
        log_prior: log p_AR, from its conditionals.
        layer: l, the layer that is this prior on N(0, I).
        z: (n, dim) draws from a posterior.
        log_q: (n,) their log q(z|x).

    Paper: Chen, Kingma, Salimans, Duan, Dhariwal, Schulman, Sutskever, Abbeel (2017), Variational
    lossy autoencoder, arXiv:1611.02731, section 3.2.
    """
    z = check_shape(as_float64(z, "z"), ("n", "dim"), "z")
    log_q = check_shape(as_float64(log_q, "log_q"), (len(z),), "log_q")
    with torch.no_grad():
        noise, log_det = mapped(layer.inverse, z)
        left = log_q - _density(log_prior, z)
    right = (log_q - log_det) - log_normal(noise)
    return _relative("log q(z) - log p_AR(z) = log q'(e) - log N(e)", left, right)


def maf_and_iaf_are_inverses(
    maf: Invertible, iaf: Invertible, z: Any
) -> tuple[Residual, Residual, Residual]:
    """Execute that MAF and IAF of the same parameters undo each other (identity 11, slide 5).

    Args:
        maf: x_i = mu_i(x_<i) + sigma_i(x_<i) z_i; its ``inverse`` is the pass that a density takes.
        iaf: z_i = (x_i - mu_i(x_<i)) / sigma_i(x_<i); its call is a pass that a sample takes.
        z: (n, dim) points.

    Returns:
        IAF(MAF(z)) = z; the log-determinants are opposite; the density that MAF gives to MAF(z) is
        that of N(0, I) carried there by the IAF.
    """
    z = check_shape(as_float64(z, "z"), ("n", "dim"), "z")
    with torch.no_grad():
        x, log_det = mapped(maf, z)
        back, log_det_back = mapped(iaf, x)
        noise, density = mapped(maf.inverse, x)
    return (
        _relative("IAF(MAF(z)) = z", back, z),
        _relative("log|det IAF| = -log|det MAF|", log_det_back, -log_det),
        _relative(
            "log p_MAF(x) = log N(IAF(x)) + log|det IAF|",
            log_normal(noise) + density,
            log_normal(back) + log_det_back,
        ),
    )


def _density(log_prior: LogDensity, z: Tensor) -> Tensor:
    return check_shape(as_float64(log_prior(z), "log_prior(z)"), (len(z),), "log_prior(z)")


def _relative(name: str, left: Tensor, right: Tensor) -> Residual:
    size = right.abs().clamp(min=1)
    difference = torch.where(left == right, 0.0, (left - right).abs() / size)
    return Residual(
        name, float(left.mean()), float(right.mean()), float(difference.max()), RELATIVE
    )
