"""The planar layer and the constraint that makes it invertible (slide 6)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_lib.distributions.transforms.base import Transform

__all__ = ["Planar", "constrain_planar", "planar"]


def constrain_planar(u: Tensor, w: Tensor) -> Tensor:
    r"""Return u-hat, the nearest u along w for which a planar layer is invertible (slide 6).

    .. math:: \hat u = u + [m(w^\top u) - w^\top u]\, w / \|w\|^2, \quad m(a) = \log(1+e^a) - 1

    so that :math:`w^\top \hat u = m(w^\top u) > -1`.

    Args:
        u: (..., dim) the direction of the push.
        w: (..., dim) the normal of the plane, not zero.

    Returns:
        (..., dim) the constrained direction.
    """
    w_u = (w * u).sum(-1, keepdim=True)
    return u + (softplus(w_u) - 1 - w_u) * w / w.square().sum(-1, keepdim=True)


def planar(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    r"""Push z along u-hat across the plane w.z + b = 0 (slide 6).

    .. math:: f(z) = z + \hat u \tanh(w^\top z + b), \qquad
              \log|\det \partial f/\partial z| = \log|1 + (1-\tanh^2)\, w^\top \hat u|

    Args:
        z: (..., dim) points.
        u: (..., dim) direction, constrained here.
        w: (..., dim) normal of the plane.
        b: (...) offset.

    Returns:
        f(z), (..., dim), and the log-determinant, (...).

    Paper: Rezende, Mohamed (2015), arXiv:1505.05770, appendix A.1 for the constraint.
    """
    t = (w * z).sum(-1) + b
    return z + constrain_planar(u, w) * torch.tanh(t).unsqueeze(-1), _planar_log_det(t, u, w)


def _planar_log_det(t: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """Return log|1 + h' w.u-hat| as log(1 - h' + h' m), with h' = tanh'(t) and m = 1 + w.u-hat.

    No term is negative and none is a small difference, so rounding can neither give the logarithm
    of a negative number nor lose the slope where tanh is flat.
    """
    slope, m = 4 * torch.sigmoid(2 * t) * torch.sigmoid(-2 * t), softplus((w * u).sum(-1))
    return torch.log(torch.tanh(t).square() + slope * m)


class Planar(Transform):
    """One planar layer; with a context, u, w and b are functions of it (slide 6).

    It starts at the identity: there w.u = log(e - 1), hence u-hat = 0.

    Args:
        dim: the number of dimensions.
        context_dim: size of the context; 0 for parameters shared by all examples.

    Example:
        >>> layer = Planar(2)
        >>> z = torch.randn(5, 2)
        >>> torch.allclose(layer(z)[0], z, atol=1e-6)
        True

    Paper: Rezende, Mohamed (2015), Variational inference with normalizing flows, arXiv:1505.05770.
    """

    def __init__(self, dim: int, context_dim: int = 0) -> None:
        super().__init__()
        self.dim = dim
        w = torch.randn(dim) / math.sqrt(dim)
        u = math.log(math.e - 1) * w / w.square().sum()
        self.shared = nn.Parameter(torch.cat([u, w, torch.zeros(1)]))
        self.context = nn.Linear(context_dim, 2 * dim + 1, bias=False) if context_dim else None
        if self.context is not None:
            nn.init.zeros_(self.context.weight)

    def parameters_given(self, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return u, (..., dim), w, (..., dim), and b, (...)."""
        raw = self.shared if self.context is None else self.shared + self.context(context)
        u, w, b = raw.split((self.dim, self.dim, 1), -1)
        return u, w, b.squeeze(-1)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return f(z) and its log-determinant."""
        return planar(z, *self.parameters_given(context))

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return f^-1(x) and its log-determinant.

        Only t = w.z + b is unknown: it solves t + w.u-hat tanh(t) = w.x + b.
        """
        u, w, b = self.parameters_given(context)
        w_u, target = softplus((w * u).sum(-1)) - 1, (w * x).sum(-1) + b
        t = _solve_planar(w_u, target)
        # On a steep layer u-hat magnifies the last bit of tanh(t); the equation for t does not.
        h = torch.where(w_u > 1, (target - t) / w_u.clamp(min=1), torch.tanh(t))
        return x - constrain_planar(u, w) * h.unsqueeze(-1), -_planar_log_det(t, u, w)


def _solve_planar(w_u: Tensor, target: Tensor) -> Tensor:
    """Return the t at which t + w_u tanh(t) = target, differentiable in both; w_u > -1.

    The left side grows in t and its root lies within |w_u| of the target: bisection finds it to
    the dtype's last bits. One Newton step of size zero then carries the gradient of the root.
    """
    eps = torch.finfo(target.dtype).eps
    with torch.no_grad():
        low, high = target - w_u.abs(), target + w_u.abs()
        for _ in range(17 - int(math.log2(eps))):
            t = (low + high) / 2
            above = t + w_u * torch.tanh(t) > target
            low, high = torch.where(above, low, t), torch.where(above, t, high)
        h = torch.tanh(t)
        slope = (1 + w_u * (1 - h.square())).clamp(min=eps)
    step = (target - t - w_u * h) / slope
    return t + (step - step.detach())
