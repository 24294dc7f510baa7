"""What a transform is: an invertible map that returns its log-determinant in the same pass.

``transform(z, context)`` returns ``(x, log|det dx/dz|)`` and ``transform.inverse(x, context)``
returns ``(z, log|det dz/dx|)``: the two log-determinants are opposite in sign (slide 5).
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["Inverse", "Transform"]


class Transform(nn.Module):
    """An invertible map of (..., dim) vectors, given a context or nothing."""

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x = f(z), (..., dim), and log|det df/dz|, (...)."""
        raise NotImplementedError

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z = f^-1(x), (..., dim), and log|det df^-1/dx|, (...)."""
        raise NotImplementedError


class Inverse(Transform):
    """The same map read backwards: MAF becomes IAF with the very same parameters (slide 5).

    Args:
        transform: the map to reverse.

    Example:
        >>> from course_lib.distributions import AffineAutoregressive
        >>> maf = AffineAutoregressive(2, (8,))
        >>> iaf, z = Inverse(maf), torch.randn(5, 2)
        >>> torch.equal(iaf(z)[0], maf.inverse(z)[0])
        True
    """

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what the reversed map's inverse returns."""
        return self.transform.inverse(z, context)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return what the reversed map returns."""
        return self.transform(x, context)
