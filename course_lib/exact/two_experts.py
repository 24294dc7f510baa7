"""Two views of a z in the plane: what each says, and four ways to put it together (slide 8).

View m contributes a factor N(z; mu_m, diag(s_m^2)), up to a constant its likelihood, so its own
posterior is p(z|x_m) proportional to p(z) times that factor, and p(z|x1,x2) is the product of
experts. Every other rule is compared with it: KL(p(z|x1,x2), q) in nats, a sum over a grid where no
formula holds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.exact.identities.experts import product_of_experts
from course_lib.exact.normal import log_normal

__all__ = ["RULES", "Combined", "combine", "cost"]

RULES = ("product", "prior twice", "average", "mixture")
EDGE, NODES = 6.0, 121


class Combined(NamedTuple):
    """A mixture of Gaussians with independent dimensions, of one component for all but one rule.

    Attributes:
        weight: (components,) shares of the components.
        mean: (components, 2).
        scale: (components, 2) standard deviations.
    """

    weight: Tensor
    mean: Tensor
    scale: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density: (..., 2) -> (...)."""
        each = log_normal(z[..., None, :], self.mean, self.scale.log())
        return (each + self.weight.log()).logsumexp(-1)

    def at(self, uniform: Tensor, noise: Tensor) -> Tensor:
        """Return the draws that belong to (n,) uniform and (n, 2) normal numbers: (n, 2)."""
        component = torch.bucketize(uniform, self.weight.cumsum(0)).clamp(max=len(self.weight) - 1)
        return self.mean[component] + self.scale[component] * noise


def combine(mean: Tensor, scale: Tensor, observed: list[bool], rule: str) -> Combined:
    r"""Return q(z | the observed views) by one of the ``RULES``, with p(z) = N(0, I) (slide 8).

    "product" multiplies the factors by the prior once, and is exact. "prior twice" multiplies the
    posteriors p(z|x_m) and forgets to divide by p(z). "average" averages the posteriors' means and
    variances. "mixture" draws from one of the posteriors, each as often.

    Args:
        mean: (2, 2) the factors' means.
        scale: (2, 2) their standard deviations.
        observed: whether each view is there; a single view, or none, leaves all rules equal.
        rule: one of ``RULES``.

    Raises:
        ValueError: if the rule is unknown, or as ``product_of_experts``.

    Example:
        >>> mean, scale = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.ones(2, 2)
        >>> combine(mean, scale, [True, True], "product").mean
        tensor([[0.3333, 0.3333]], dtype=torch.float64)
    """
    if rule not in RULES:
        raise ValueError(f"rule: expected one of {', '.join(RULES)}, got {rule!r}")
    product = _single(*product_of_experts(mean, scale, observed))
    if rule == "product" or sum(observed) < 2:
        return product
    alone = [product_of_experts(mean, scale, [m == 0, m == 1]) for m in (0, 1)]
    means, scales = (torch.stack(part) for part in zip(*alone, strict=True))
    if rule == "mixture":
        return Combined(torch.full((2,), 0.5, dtype=means.dtype), means, scales)
    if rule == "average":
        return _single(means.mean(0), scales.square().mean(0).sqrt())
    precision = (scales**-2).sum(0)
    return _single((scales**-2 * means).sum(0) / precision, precision**-0.5)


def cost(exact: Combined, shown: Combined) -> float:
    """Return KL(exact, shown) in nats, by a sum over a grid of the plane."""
    z = _plane()
    log_exact = exact.log_prob(z)
    mass = log_exact.softmax(0)
    return float((mass * (log_exact - shown.log_prob(z))).sum())


def _single(mean: Tensor, scale: Tensor) -> Combined:
    return Combined(torch.ones(1, dtype=mean.dtype), mean[None], scale[None])


def _plane() -> Tensor:
    axis = torch.linspace(-EDGE, EDGE, NODES, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)
