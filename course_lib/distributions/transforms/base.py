"""The base class of transforms: invertible maps that also return their log-determinant.

``transform(z, context)`` returns ``(x, log|det dx/dz|)`` and ``transform.inverse(x, context)``
returns ``(z, log|det dz/dx|)``: the two log-determinants are opposite in sign (slide 5).
"""

from __future__ import annotations

import math

from torch import Size, Tensor, nn

from course_lib.arguments import as_shape

__all__ = ["Inverse", "Reshape", "Transform", "softclip"]


class Transform(nn.Module):
    """An invertible map of (..., dim) vectors, optionally given a context."""

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x = f(z), (..., dim), and log|det df/dz|, (...)."""
        raise NotImplementedError

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z = f^-1(x), (..., dim), and log|det df^-1/dx|, (...)."""
        raise NotImplementedError

    def image_shape(self, shape: Size) -> Size:
        """Return the shape of f(z) for one z of the given shape: the same, except for a reshape."""
        return shape


class Inverse(Transform):
    """The inverse of a map: MAF becomes IAF with the same parameters (slide 5).

    Args:
        transform: the map to reverse.

    Example:
        >>> import torch
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


class Reshape(Transform):
    """A vector reshaped to an image or another array, in row-major order: log-determinant zero.

    Args:
        event_shape: the shape of x = f(z), e.g. ``(1, 8, 8)``.

    Example:
        >>> import torch
        >>> x, log_det = Reshape((1, 2, 3))(torch.zeros(5, 6))
        >>> x.shape, log_det.shape
        (torch.Size([5, 1, 2, 3]), torch.Size([5]))
    """

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        super().__init__()
        self.event_shape = as_shape(event_shape, "event_shape")

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z as arrays, (..., *event), and zero, (...)."""
        return z.unflatten(-1, self.event_shape), z.new_zeros(z.shape[:-1])

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x as vectors, (..., dim), and zero, (...)."""
        z = x.flatten(-len(self.event_shape))
        return z, z.new_zeros(z.shape[:-1])

    def image_shape(self, shape: Size) -> Size:
        """Return the event shape.

        Raises:
            ValueError: if the vectors have another size.
        """
        if len(shape) != 1 or shape[0] != math.prod(self.event_shape):
            raise ValueError(
                f"event_shape: expected room for the {tuple(shape)} of the map before,"
                f" got {tuple(self.event_shape)}"
            )
        return self.event_shape


def softclip(raw: Tensor, bound: float) -> Tensor:
    """Return a number like ``raw`` where that is small, and below ``bound`` in size everywhere."""
    return raw / (1 + raw.abs() / bound)
