"""Where the tie of slide 8 leads a Gaussian q(z|x1): in closed form, for Gaussian joint posteriors.

One x1 goes with several x2, and each has its joint posterior q(z|x1,x2) = N(mu_k, s_k^2), with
weight w_k = p(x2|x1). What q(z|x1) should be is their mixture, sum_k w_k N(mu_k, s_k^2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.arguments import as_weight

__all__ = ["Tied", "forward_tie", "joint_drawn_along", "reverse_tie"]

ROUNDS = 2000
SETTLED = 1e-12


class Tied(NamedTuple):
    """A Gaussian q(z|x1), (dim,) mean and scale, with the joint posteriors it settled with.

    Attributes:
        mean: (dim,) of q(z|x1).
        scale: (dim,) standard deviation of q(z|x1).
        joint_mean: (answers, dim).
        joint_scale: (answers, dim).
    """

    mean: Tensor
    scale: Tensor
    joint_mean: Tensor
    joint_scale: Tensor


def forward_tie(mean: Tensor, scale: Tensor, weight: Tensor) -> Tied:
    r"""Return the q(z|x1) of least E_{x2|x1} KL(q(z|x1,x2), q(z|x1)): the moments of the mixture.

    .. math:: \mu = \sum_k w_k \mu_k, \qquad s^2 = \sum_k w_k [s_k^2 + (\mu_k - \mu)^2]

    Args:
        mean: (answers, dim) means of the joint posteriors.
        scale: (answers, dim) their standard deviations.
        weight: (answers,) p(x2|x1).

    Example:
        >>> mean, scale = torch.tensor([[-3.0], [3.0]]), torch.full((2, 1), 0.5)
        >>> forward_tie(mean, scale, torch.tensor([0.5, 0.5])).scale
        tensor([3.0414])
    """
    w = weight[:, None]
    centre = (w * mean).sum(0)
    variance = (w * (scale.square() + (mean - centre).square())).sum(0)
    return Tied(centre, variance.sqrt(), mean, scale)


def reverse_tie(mean: Tensor, scale: Tensor, weight: Tensor) -> Tied:
    r"""Return the q(z|x1) of least E_{x2|x1} KL(q(z|x1), q(z|x1,x2)): their geometric mean.

    .. math:: q(z|x_1) \propto \prod_k q(z|x_1,x_2^k)^{w_k}, \qquad
              s^{-2} = \sum_k w_k s_k^{-2}, \qquad \mu = s^2 \sum_k w_k s_k^{-2} \mu_k

    It is a product of experts over the x2 that were possible, and as narrow as they are, however
    far they lie apart. Arguments as for ``forward_tie``.

    Example:
        >>> mean, scale = torch.tensor([[-3.0], [3.0]]), torch.full((2, 1), 0.5)
        >>> reverse_tie(mean, scale, torch.tensor([0.5, 0.5])).scale
        tensor([0.5000])
    """
    precision = weight[:, None] * scale**-2
    total = precision.sum(0)
    return Tied((precision * mean).sum(0) / total, total**-0.5, mean, scale)


def joint_drawn_along(mean: Tensor, scale: Tensor, weight: Tensor, alpha: float) -> Tied:
    r"""Return where a forward tie leads that moves the joint posteriors too (arXiv:1611.01891).

    For fixed q(z|x1), the joint posterior of least KL(q, p) + alpha KL(q, q(z|x1)) is proportional
    to (p q(z|x1)^alpha)^(1 / (1 + alpha)), with p the posterior that the ELBO alone would have
    found; for fixed joint posteriors, q(z|x1) has the moments of their mixture. Both are repeated
    until nothing moves. With alpha = 0 nothing is dragged; with a large alpha all joint posteriors
    become one, and z forgets x2.

    Args:
        mean: (answers, dim) means of p(z|x1,x2).
        scale: (answers, dim) their standard deviations.
        weight: (answers,) p(x2|x1).
        alpha: the weight of the tie.

    Raises:
        ValueError: if ``alpha`` is negative or not finite.
    """
    alpha = as_weight(alpha, "alpha", finite=True)
    found = forward_tie(mean, scale, weight)
    for _ in range(ROUNDS):
        own, pull = scale**-2, alpha * found.scale**-2
        joint_mean = (own * mean + pull * found.mean) / (own + pull)
        joint_scale = ((own + pull) / (1 + alpha)) ** -0.5
        last, found = found, forward_tie(joint_mean, joint_scale, weight)
        if torch.allclose(last.scale, found.scale, rtol=SETTLED, atol=0):
            break
    return found
