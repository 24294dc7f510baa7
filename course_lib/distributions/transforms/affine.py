"""The affine autoregressive layer: MAF in one direction, IAF in the other (slide 5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.distributions.networks import MaskedMLP
from course_lib.distributions.transforms.base import Transform, softclip
from course_lib.distributions.transforms.stepwise import Stepwise, sequence_of

__all__ = ["AffineAutoregressive"]


class AffineAutoregressive(Transform):
    r"""The masked autoregressive layer: each dimension is affine given those before it (slide 5).

    .. math:: x_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, z_i, \qquad
              \log|\det \partial x/\partial z| = \sum_i \log\sigma_i

    ``inverse`` (a density at given points) is one pass of the network; ``forward`` (sampling) goes
    dimension by dimension, because each depends on those before it.
    ``Inverse(AffineAutoregressive(...))`` is the inverse autoregressive layer: it takes one pass to
    draw a sample and compute its density.

    Args:
        dim: the number of dimensions.
        hidden: widths of the network's hidden layers.
        context_dim: size of the context; 0 for none.
        order: (dim,) a permutation: ``order[i]`` is the place of dimension i.
        bound: |log scale| stays below this number, so that far points stay finite.

    Example:
        >>> maf = AffineAutoregressive(3, (16,))
        >>> x, log_det = maf(torch.randn(5, 3))
        >>> torch.allclose(maf.inverse(x)[1], -log_det)
        True

    Papers: Papamakarios, Pavlakou, Murray (2017), arXiv:1705.07057 (MAF); Kingma, Salimans,
    Jozefowicz, Chen, Sutskever, Welling (2016), arXiv:1606.04934 (IAF).
    """

    def __init__(
        self,
        dim: int,
        hidden: Sequence[int],
        *,
        context_dim: int = 0,
        order: Tensor | None = None,
        bound: float = 7.0,
    ) -> None:
        super().__init__()
        self.network = MaskedMLP(dim, hidden, 2, context_dim=context_dim, order=order)
        self.bound = bound

    @property
    def sequence(self) -> Tensor:
        """The dimensions in the order in which they are sampled: (dim,)."""
        return sequence_of(self.network)

    def conditioner(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mu_i(x_<i) and log sigma_i(x_<i), each (..., dim)."""
        mu, raw = self.network(x, context).mT.unbind(-2)
        return mu, softclip(raw, self.bound)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|, one dimension after the other."""
        batch = z.shape[:-1]
        if context is not None:  # one z may be asked of many contexts
            batch = torch.broadcast_shapes(batch, context.shape[:-1])
        visits = Stepwise(self.network, batch, context)
        z, log_det = z[..., visits.sequence].expand(*batch, -1), z.new_zeros(batch)
        for places, outputs in visits:
            mu, raw = outputs.unbind(-1)
            log_scale = softclip(raw, self.bound)
            visits.reveal(torch.addcmul(mu, log_scale.exp(), z[..., places]))
            log_det = log_det + log_scale.sum(-1)
        return visits.x, log_det

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx| by one pass of the network."""
        mu, log_scale = self.conditioner(x, context)
        log_slope = -log_scale
        return (x - mu) * log_slope.exp(), log_slope.sum(-1)
