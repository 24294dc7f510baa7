"""f-divergences and the lower bounds that a critic gives, on finite tables (slides 10 and 11).

The GAN's game is one case; every f-divergence has its own game, with the divergence as its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_shape, expectation
from course_lib.exact.tables import pair

__all__ = ["JSD", "KL", "PEARSON", "REVERSE_KL", "FDivergence"]

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FDivergence:
    r"""D_f(p, q) = E_q f(p/q), with f convex and f(1) = 0.

    .. math:: D_f(p, q) \ge E_p[T] - E_q[f^*(T)], \qquad T^* = f'(p/q)

    for every critic T, with equality at T*.

    Args:
        name: as printed.
        f: the convex function.
        derivative: f'.
        conjugate: f*(t) = sup_u (ut - f(u)), infinite outside its domain.

    Example:
        >>> p, q = [0.2, 0.8], [0.5, 0.5]
        >>> best = KL.optimal_critic(p, q)
        >>> bool(KL.bound(p, q, best - 0.1) < KL.bound(p, q, best))
        True

    Paper: Nowozin, Cseke, Tomioka (2016), f-GAN, arXiv:1606.00709.
    """

    name: str
    f: Function
    derivative: Function
    conjugate: Function

    def __call__(self, p: Any, q: Any) -> Tensor:
        """Return D_f(p, q): two tables of one shape -> ()."""
        p, q = pair(p, q)
        beyond = self.derivative(torch.tensor(math.inf, dtype=torch.float64))
        where_q = expectation(q, self.f(_ratio(p, q)))
        return where_q + expectation(torch.where(q > 0, 0.0, p), beyond)

    def optimal_critic(self, p: Any, q: Any) -> Tensor:
        """Return T* = f'(p/q), of the tables' shape."""
        return self.derivative(_ratio(*pair(p, q)))

    def bound(self, p: Any, q: Any, critic: Any) -> Tensor:
        """Return E_p[T] - E_q[f*(T)], a lower bound on D_f(p, q): ().

        Args:
            p: the distribution called real.
            q: (same shape) the distribution called fake.
            critic: (same shape) T.
        """
        p, q = pair(p, q)
        t = check_shape(as_float64(critic, "critic"), tuple(p.shape), "critic")
        return expectation(p, t) - expectation(q, self.conjugate(t))


def _ratio(p: Tensor, q: Tensor) -> Tensor:
    """Return p/q, infinite where only p has mass and 1 where neither has."""
    return torch.where(p + q > 0, p / q, 1.0)


def _jsd(u: Tensor) -> Tensor:
    return 0.5 * (torch.xlogy(u, u) - torch.xlogy(u + 1, (u + 1) / 2))


def _jsd_conjugate(t: Tensor) -> Tensor:
    left = 2 - (2 * t).exp()
    return torch.where(left > 0, -0.5 * left.clamp(min=0).log(), math.inf)


def _reverse_kl_conjugate(t: Tensor) -> Tensor:
    return torch.where(t < 0, -1 - (-t).clamp(min=0).log(), math.inf)


KL = FDivergence(
    "KL(p, q)",
    lambda u: torch.xlogy(u, u),
    lambda u: 1 + u.log(),
    lambda t: (t - 1).exp(),
)

REVERSE_KL = FDivergence("KL(q, p)", lambda u: -u.log(), lambda u: -1 / u, _reverse_kl_conjugate)

# log(2u / (1 + u)) is log 2 - log(1 + 1/u), which stays finite as u grows.
JSD = FDivergence(
    "JSD(p, q)", _jsd, lambda u: 0.5 * (math.log(2) - torch.log1p(1 / u)), _jsd_conjugate
)

PEARSON = FDivergence(
    "Pearson chi^2(p, q)",
    lambda u: (u - 1).square(),
    lambda u: 2 * (u - 1),
    lambda t: torch.where(t < -2, -1.0, t + t.square() / 4),
)
