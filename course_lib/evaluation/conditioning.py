"""How unevenly a flow stretches space: the condition number of its Jacobian (slides 10, 11)."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.distributions import Flow

__all__ = ["log_condition"]


@torch.enable_grad()
def log_condition(flow: Flow, z: Tensor) -> Tensor:
    """Return log10 of the condition number of dx/dz at each z.

    The condition number is the largest over the smallest singular value. A flow that squeezes some
    direction of z almost to a point is ill-conditioned; the density of a point beside the squeezed
    sheet is then next to nothing, even if its samples look right.

    Args:
        flow: the brick p(x), a base pushed forward by invertible maps.
        z: (n, dim) points of the base, e.g. draws from it; use float64.

    Returns:
        (n,).

    Example:
        >>> from course_lib.distributions import StandardGaussian
        >>> log_condition(Flow(StandardGaussian(3), []), torch.randn(5, 3)).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0]

    Paper: Grover, Dhar, Ermon (2018), Flow-GAN, arXiv:1705.08868, section 4.
    """
    z = z.detach().requires_grad_()
    x = flow().push(z)[0].flatten(1)
    rows = [torch.autograd.grad(entry.sum(), z, retain_graph=True)[0] for entry in x.unbind(-1)]
    singular = torch.linalg.svdvals(torch.stack(rows, 1))  # (n, dim), the largest first
    return (singular[:, 0] / singular[:, -1]).log10()
