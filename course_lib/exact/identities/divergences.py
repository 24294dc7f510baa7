"""KL, JSD and the critics that estimate them: identities 12 and 13 (slides 10 and 11)."""

from __future__ import annotations

import math
from typing import Any

import torch

from course_lib.exact import f_divergence, tables
from course_lib.exact.arrays import as_float64
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between
from course_lib.exact.misspecified import Fit, MisspecifiedGaussian

__all__ = [
    "Fit",
    "f_gan_bound_is_tight",
    "gan_value_is_jsd",
    "kl_and_jsd_vanish_together",
    "misspecified_minimisers",
]

SYMMETRIC_MIXTURE = ((-3.0, 0.6), (3.0, 0.6))


def gan_value_is_jsd(p: Any, q: Any) -> Residual:
    """Execute V(D*) = 2 JSD(p, q) - log 4 for the optimal discriminator (identity 12, slide 11).

    Args:
        p: the distribution called real, a table of any shape.
        q: (same shape) the distribution called fake.
    """
    value = tables.gan_value(p, q, tables.optimal_discriminator(p, q))
    right = 2 * tables.jsd(p, q) - math.log(4)
    return between("V(D*) = 2 JSD(p, q) - log 4", value, right, CLOSED_FORM)


def f_gan_bound_is_tight(
    p: Any, q: Any, divergence: f_divergence.FDivergence, critic: Any = None
) -> Residual:
    """Execute E_p[T] - E_q[f*(T)] <= D_f(p, q), an equality at T* (identity 12, slide 10).

    Args:
        p: the distribution called real, a table of any shape.
        q: (same shape) the distribution called fake.
        divergence: one of ``course_lib.exact.f_divergence``.
        critic: (same shape) T; T* = f'(p/q) if None. With a critic the residual is how far the
            bound lies above the divergence, which is zero.
    """
    value = divergence(p, q)
    if critic is None:
        bound = divergence.bound(p, q, divergence.optimal_critic(p, q))
        return between(f"max over T of the bound = {divergence.name}", bound, value, CLOSED_FORM)
    bound = divergence.bound(p, q, as_float64(critic, "critic"))
    above = max(float(bound - value), 0.0)
    name = f"E_p[T] - E_q[f*(T)] <= {divergence.name}"
    return Residual(name, float(bound), float(value), above, CLOSED_FORM)


def kl_and_jsd_vanish_together(p: Any) -> Residual:
    """Execute KL(p, p) = JSD(p, p) = 0 (identity 13, slide 11): one optimum for both, if reached.

    Where the family cannot reach it, see ``misspecified_minimisers``.

    Args:
        p: a table of any shape.
    """
    both = torch.stack([tables.kl(p, p), tables.jsd(p, p)])
    return between("KL(p, p) = JSD(p, p) = 0", both, 0.0, CLOSED_FORM)


def misspecified_minimisers(
    components: tuple[tuple[float, float], ...] = SYMMETRIC_MIXTURE,
) -> tuple[Fit, Fit]:
    """Return the Gaussian nearest to a mixture in KL, and the one nearest in JSD (slide 11).

    The family cannot be p_data, so that the two objectives of slide 10 disagree (identity 13): KL
    covers every peak, JSD gives up some and fits one. ``exact.misspecified`` has what lies between
    them.

    Args:
        components: mean and scale of the mixture's equally likely Gaussians.

    Returns:
        The minimiser of KL(p_data, p) and that of JSD(p_data, p).

    Example:
        >>> by_kl, by_jsd = misspecified_minimisers()
        >>> by_kl.kl < by_jsd.kl and by_jsd.jsd < by_kl.jsd
        True

    Paper: Theis, van den Oord, Bethge (2016), arXiv:1511.01844, figure 1.
    """
    world = MisspecifiedGaussian(components)
    return world.best(0.0), world.best(math.inf)
