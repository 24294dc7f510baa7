"""VAE + flow: a posterior that is easy to sample and need not be Gaussian (slides 6, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import nn

from course_lib.arguments import as_count, as_shape
from course_lib.distributions import (
    AffineAutoregressive,
    Brick,
    ConditionalGaussian,
    Flow,
    Inverse,
    Planar,
    StandardGaussian,
    Transform,
)
from course_lib.models.vae import VAE, decoder, encoder

__all__ = ["FlowPosteriorVAE"]


class FlowPosteriorVAE(VAE):
    r"""A VAE whose q(z|x) is a Gaussian z' pushed through invertible maps z = f(z') (slide 6).

    .. math:: \log q(z|x) = \log q(z'|x) - \sum_k \log|\det \partial f_k|

    The maps are conditioned on the encoder's features and start at the identity, so training
    begins at the plain VAE.

    Example:
        >>> vae = FlowPosteriorVAE.build(x_shape=6, z_dim=2, hidden=(16,), flow="iaf", layers=2)
        >>> x = torch.bernoulli(torch.full((5, 6), 0.5))
        >>> z, log_q = vae.posterior(x).rsample_and_log_prob()
        >>> torch.allclose(vae.posterior(x).log_prob(z), log_q, atol=1e-5)
        True

    Papers: Rezende, Mohamed (2015), arXiv:1505.05770 (planar); Kingma, Salimans, Jozefowicz, Chen,
    Sutskever, Welling (2016), arXiv:1606.04934 (IAF).
    """

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        *,
        flow: str = "iaf",
        layers: int = 2,
        flow_hidden: Sequence[int] = (64,),
        **options: float,
    ) -> Self:
        """Return a VAE with a flow posterior from plain sizes.

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x.
            flow: ``"planar"`` or ``"iaf"``.
            layers: how many maps.
            flow_hidden: hidden widths inside each IAF layer; planar layers have none.
            options: ``warm_up`` and ``input_noise``, as in ``VAE``.

        Raises:
            ValueError: if a size is not a positive integer, or a name is unknown.
        """
        z_dim, layers = as_count(z_dim, "z_dim"), as_count(layers, "layers")
        hidden = as_shape(hidden, "hidden")
        posterior = flow_posterior(x_shape, z_dim, hidden, flow, layers, flow_hidden)
        p_x = decoder(x_shape, z_dim, hidden, likelihood)
        return cls(StandardGaussian(z_dim), p_x, posterior, **options)


def flow_posterior(
    x_shape: int | tuple[int, ...],
    z_dim: int,
    hidden: Sequence[int],
    flow: str = "iaf",
    layers: int = 2,
    flow_hidden: Sequence[int] = (64,),
) -> Brick:
    """Return the brick q(z|x): a Gaussian pushed through maps that see the encoder's features."""
    *trunk, features = hidden
    return Flow(
        ConditionalGaussian(nn.Linear(features, 2 * z_dim), z_dim),
        posterior_maps(flow, layers, z_dim, features, flow_hidden),
        nn.Sequential(encoder(x_shape, trunk, features), nn.ReLU()),
    )


def posterior_maps(
    flow: str, layers: int, z_dim: int, context_dim: int, hidden: Sequence[int]
) -> list[Transform]:
    """Return the maps of a flow posterior; IAF layers alternate the order of the dimensions."""
    if flow == "planar":
        return [Planar(z_dim, context_dim) for _ in range(layers)]
    if flow == "iaf":
        forwards = torch.arange(z_dim)
        orders = [forwards if k % 2 == 0 else forwards.flip(0) for k in range(layers)]
        return [
            Inverse(AffineAutoregressive(z_dim, hidden, context_dim=context_dim, order=order))
            for order in orders
        ]
    raise ValueError(f"flow: expected planar or iaf, got {flow!r}")
