"""Change of variables: identities 9 and 17 (slides 5 and 6), for any callable transform.

A transform takes z, (n, dim), and returns x = f(z), (n, dim), with log|det df/dz|, (n,). That its
log-determinant is right does not make it invertible. Two integrals do tell: the mass of a density
that is pulled back through f (slide 5), and the ELBO of draws that are pushed through f (slide 6).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_shape
from course_lib.exact.grid import Grid
from course_lib.exact.identities.residual import GRID, Residual, between
from course_lib.exact.normal import log_normal

__all__ = [
    "Invertible",
    "inverse_has_opposite_log_det",
    "is_invertible_planar",
    "log_det_matches_jacobian",
    "mapped",
    "planar_without_constraint",
    "pull_back_mass",
    "pushed_elbo_is_a_bound",
]

Map = Callable[[Tensor], tuple[Tensor, Tensor]]

LOG_DET = 1e-9
"""The tolerance of a log-determinant: a solver inside an inverse costs a digit."""


class Invertible(Protocol):
    """A map with its inverse, each with its log-determinant."""

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x = f(z) and log|det df/dz|."""

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z = f^-1(x) and log|det df^-1/dx|."""


def log_det_matches_jacobian(transform: Map, z: Any) -> Residual:
    """Execute log_det = log|det df/dz| with autograd's Jacobian (identities 9 and 17, slide 5).

    Args:
        transform: a float64 map, differentiable in z, that treats every row of z separately.
        z: (n, dim) points.

    Raises:
        ValueError: if the transform returns other shapes or is not differentiable in z.
    """
    z = check_shape(as_float64(z, "z"), ("n", "dim"), "z").detach().requires_grad_()
    with torch.enable_grad():
        x, log_det = mapped(transform, z)
        if not x.requires_grad:
            raise ValueError("transform: expected f(z) to depend on z differentiably")
        # rows do not mix, so that the gradient of a sum over rows is one line of every Jacobian
        lines = [
            torch.autograd.grad(column.sum(), z, retain_graph=True, materialize_grads=True)[0]
            for column in x.unbind(-1)
        ]
    jacobian = torch.stack(lines, -2)
    return between("log_det = log|det df/dz|", log_det, jacobian.slogdet().logabsdet, LOG_DET)


def inverse_has_opposite_log_det(transform: Invertible, z: Any) -> tuple[Residual, Residual]:
    """Execute f^-1(f(z)) = z and log_det + inverse log_det = 0 (identity 9, slide 5).

    Args:
        transform: a float64 map with an ``inverse``.
        z: (n, dim) points.
    """
    z = check_shape(as_float64(z, "z"), ("n", "dim"), "z")
    with torch.no_grad():
        x, log_det = mapped(transform, z)
        back, inverse_log_det = mapped(transform.inverse, x)
    return (
        between("f^-1(f(z)) = z", back, z, LOG_DET),
        between("log|det df^-1/dx| = -log|det df/dz|", inverse_log_det, -log_det, LOG_DET),
    )


def pull_back_mass(transform: Map, grid: Grid | None = None) -> Residual:
    r"""Execute the integral of p(f(z)) |det df/dz| dz = 1, p = N(0, I) (identity 9, slide 5).

    This is f as a density model uses it: from x to the base. An invertible f only renames the
    points, and the mass stays one. One that folds counts some points twice, and the mass is the
    average number of z that reach the same point. No comparison with a Jacobian sees this.

    Args:
        transform: a float64 map of one or two dimensions.
        grid: where z is integrated; 1001 x 1001 nodes in [-12, 12]^2 if None.

    Raises:
        ValueError: if the transform returns other shapes, or the grid is too small or too coarse.

    Example:
        >>> grid = Grid(-8.0, 8.0, 201)
        >>> doubled = lambda z: (2 * z, torch.full_like(z[:, 0], math.log(2)))
        >>> pull_back_mass(doubled, grid).holds
        True
    """
    grid = Grid(-12.0, 12.0, 1001, dim=2) if grid is None else grid
    with torch.no_grad():
        x, log_det = mapped(transform, grid.nodes)
    log_base = log_normal(x)
    grid.check_fit(log_base + log_det, "p(f(z)) |det df/dz|")
    mass = grid.log_integral(log_base + log_det).exp()
    return between("mass of p(f(z)) |det df/dz| = 1", mass, 1.0, GRID)


def pushed_elbo_is_a_bound(
    transform: Map, base_scale: float = 3.0, grid: Grid | None = None
) -> Residual:
    r"""Execute ELBO <= log Z = 0 for draws pushed through f, with the target N(0, I) (slide 6).

    .. math:: L = E_{q'}[\log p(f(z')) - \log q'(z') + \log|\det \partial f / \partial z'|]
              \le \log Z, \qquad q' = N(0, s^2 I)

    This is f as a posterior uses it: from the base to z. Where f folds, several z' reach the
    same z; the density of the draw is the sum over all of them, but the formula counts one. So
    log q is too small and L too large: it is only bounded by the log of ``pull_back_mass``.

    Args:
        transform: a float64 map of one or two dimensions.
        base_scale: s, the standard deviation of the base.
        grid: where z' is integrated; 120001 nodes within ten scales if None, one dimension.

    Returns:
        L and 0; the residual is by how much L exceeds 0.

    Raises:
        ValueError: if the transform returns other shapes, or the grid does not fit.

    Example:
        >>> fold = planar_without_constraint([-3.75], [1.0], 0.2)
        >>> pushed_elbo_is_a_bound(fold).holds
        False
    """
    grid = Grid(-10.0 * base_scale, 10.0 * base_scale, 120001) if grid is None else grid
    with torch.no_grad():
        z, log_det = mapped(transform, grid.nodes)
    log_base = log_normal(grid.nodes / base_scale) - grid.dim * math.log(base_scale)
    grid.check_fit(log_base, "q'(z')")
    weight = (log_base + grid.log_weights).exp()
    elbo = (weight * (log_normal(z) + log_det - log_base)).sum()
    over = float(elbo.clamp(min=0))
    return Residual("ELBO of pushed draws <= log Z = 0", float(elbo), 0.0, over, GRID)


def planar_without_constraint(u: Any, w: Any, b: Any) -> Map:
    r"""Return z -> z + u tanh(w.z + b) with its log-determinant, whatever w.u is (slide 6).

    .. math:: \log|\det| = \log|1 + (1 - \tanh^2(w^\top z + b))\, w^\top u|

    Args:
        u: (dim,) direction.
        w: (dim,) normal of the plane.
        b: () offset.

    Paper: Rezende, Mohamed (2015), arXiv:1505.05770.
    """
    u = check_shape(as_float64(u, "u"), ("dim",), "u")
    w = check_shape(as_float64(w, "w"), tuple(u.shape), "w")
    b = check_shape(as_float64(b, "b"), (), "b")

    def planar(z: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(z @ w + b)
        return z + u * h.unsqueeze(-1), (1 + (1 - h.square()) * (w @ u)).abs().log()

    return planar


def is_invertible_planar(w: Any, u: Any) -> Tensor:
    """Return whether w.u >= -1, where a planar layer is invertible: (..., dim) -> (...).

    Identity 17, slide 6: tanh' lies in (0, 1], and so the slope 1 + tanh' w.u along w is positive
    just about everywhere if and only if w.u >= -1.

    Example:
        >>> is_invertible_planar([[1.0, 0.0], [1.0, 0.0]], [[-0.9, 5.0], [-1.1, 5.0]])
        tensor([ True, False])
    """
    w, u = as_float64(w, "w"), as_float64(u, "u")
    return (check_shape(w, tuple(u.shape), "w") * u).sum(-1) >= -1


def mapped(transform: Map, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return f(z), (n, dim), and its log-determinant, (n,).

    Raises:
        ValueError: if the transform returns something else.
    """
    returned = transform(z)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(f"transform: expected (x, log_det), got {type(returned).__name__}")
    x, log_det = (as_float64(value, "transform(z)") for value in returned)
    return check_shape(x, tuple(z.shape), "x"), check_shape(log_det, (len(z),), "log_det")
