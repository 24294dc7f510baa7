"""The coupling layer: some dimensions are transformed given the rest (NICE, RealNVP; slide 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.arguments import as_shape
from course_lib.distributions.networks import mlp
from course_lib.distributions.transforms.base import Transform, softclip

__all__ = ["Coupling", "checkerboard", "halves"]

KINDS = {"additive": 1, "affine": 2}


class Coupling(Transform):
    r"""Keep the masked dimensions, and transform the others conditioned on them (slide 5).

    .. math:: x_A = z_A, \qquad x_B = t(z_A) + e^{s(z_A)} z_B, \qquad
              \log|\det \partial x/\partial z| = \sum_B s(z_A)

    ``kind="additive"`` has s = 0 (NICE: volume is kept), ``"affine"`` is RealNVP. Both directions
    are one pass of the network. It starts at the identity.

    Args:
        mask: (dim,) of bools or of zeros and ones: true where a dimension is kept (A).
        hidden: widths of the network's hidden layers.
        context_dim: size of the context; 0 for none.
        kind: ``"affine"`` or ``"additive"``.
        bound: |s| stays below this number, so that far points stay finite.

    Raises:
        ValueError: if the mask keeps all dimensions or none, or the kind is unknown.

    Example:
        >>> layer = Coupling(halves(5), (16,), kind="additive")
        >>> z = torch.randn(7, 5)
        >>> x, log_det = layer(z)
        >>> torch.equal(x[:, :3], z[:, :3]), log_det.abs().max().item()
        (True, 0.0)

    Papers: Dinh, Krueger, Bengio (2015), arXiv:1410.8516 (NICE); Dinh, Sohl-Dickstein, Bengio
    (2017), arXiv:1605.08803 (RealNVP).
    """

    def __init__(
        self,
        mask: Tensor,
        hidden: Sequence[int],
        *,
        context_dim: int = 0,
        kind: str = "affine",
        bound: float = 7.0,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
        kept, moved = _split(mask)
        self.register_buffer("kept", kept)
        self.register_buffer("moved", moved)
        self.bound, self.kind = bound, kind
        self.network = mlp(len(kept) + context_dim, hidden, KINDS[kind] * len(moved))
        nn.init.zeros_(self.network[-1].weight)
        nn.init.zeros_(self.network[-1].bias)

    def conditioner(self, kept: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return t and s of the transformed dimensions, each (..., moved), from the kept ones."""
        if context is not None:
            context = context.expand(*kept.shape[:-1], context.shape[-1])
            kept = torch.cat((kept, context), -1)
        out = self.network(kept)
        if self.kind == "additive":
            return out, torch.zeros_like(out)
        shift, raw = out.chunk(2, -1)
        return shift, softclip(raw, self.bound)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz| by one pass of the network."""
        kept, moved = z[..., self.kept], z[..., self.moved]
        shift, log_scale = self.conditioner(kept, context)
        return self._join(kept, torch.addcmul(shift, log_scale.exp(), moved)), log_scale.sum(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx| by one pass of the network."""
        kept, moved = x[..., self.kept], x[..., self.moved]
        shift, log_scale = self.conditioner(kept, context)
        return self._join(kept, (moved - shift) * (-log_scale).exp()), -log_scale.sum(-1)

    def _join(self, kept: Tensor, moved: Tensor) -> Tensor:
        places = torch.cat((self.kept, self.moved)).argsort()
        return torch.cat((kept, moved), -1)[..., places]


def halves(shape: int | tuple[int, ...]) -> Tensor:
    """Return the mask that keeps the first half of the entries in row-major order: (dim,) bools.

    Example:
        >>> halves(5).tolist()
        [True, True, True, False, False]
    """
    dim = math.prod(as_shape(shape, "shape"))
    return torch.arange(dim) < (dim + 1) // 2


def checkerboard(shape: int | tuple[int, ...]) -> Tensor:
    """Return the mask that keeps the entries whose indices add up to an even number: (dim,) bools.

    Args:
        shape: the shape of the event, e.g. ``(1, 8, 8)`` for an image.

    Example:
        >>> checkerboard((1, 2, 3)).tolist()
        [True, False, True, False, True, False]
    """
    axes = [torch.arange(n) for n in as_shape(shape, "shape")]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).sum(0)
    return (places % 2 == 0).flatten()


def _split(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the indices that are kept and those that are transformed."""
    if (
        not isinstance(mask, Tensor)
        or mask.dim() != 1
        or not torch.equal(mask.bool().to(mask), mask)
    ):
        raise ValueError(f"mask: expected a vector of zeros and ones, got {mask!r}")
    kept, moved = mask.bool().nonzero().flatten(), (~mask.bool()).nonzero().flatten()
    if not len(kept) or not len(moved):
        raise ValueError(
            f"mask: expected to keep some dimensions and to move some, got {mask.tolist()}"
        )
    return kept, moved
