"""What the tests of invertible maps share: random weights, exact Jacobians, a grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian


def randomise(module: nn.Module, scale: float = 0.3) -> nn.Module:
    """Give every parameter a random value, for a map that starts at the identity proves nothing."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return module


def jacobians(function, points: Tensor) -> Tensor:
    """Return the autograd Jacobian of a map of single vectors at each point."""
    return torch.stack([jacobian(function, point) for point in points])


def log_abs_det(function, points: Tensor) -> Tensor:
    """Return log|det| of the autograd Jacobian at each point."""
    return torch.linalg.slogdet(jacobians(function, points))[1]


def plane(half_width: float, steps: int) -> tuple[Tensor, float]:
    """Return a square float64 grid of (steps^2, 2) points around zero and the area of a cell."""
    axis = torch.linspace(-half_width, half_width, steps, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), (axis[1] - axis[0]).item() ** 2
