"""The GAN's game on finite tables (slides 10 and 11)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_lib.exact.arrays import as_float64, check_shape, expectation
from course_lib.exact.tables.probability import pair

__all__ = ["gan_value", "optimal_discriminator"]


def optimal_discriminator(p: Any, q: Any) -> Tensor:
    """Return D*(x) = p(x) / (p(x) + q(x)), 1/2 where neither has mass: (n_x,) (slide 11)."""
    p, q = pair(p, q)
    return torch.where(p + q > 0, p / (p + q), 0.5)


def gan_value(p: Any, q: Any, discriminator: Any) -> Tensor:
    r"""Return the value of the GAN game (slides 10 and 11).

    .. math:: V(D) = E_p[\log D] + E_q[\log(1 - D)] \;\le\; 2\, JSD(p, q) - \log 4

    Args:
        p: the distribution called real.
        q: (same shape) the distribution called fake.
        discriminator: (same shape) D, the probability of being real.

    Raises:
        ValueError: if D leaves [0, 1] or a shape does not fit.

    Paper: Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661.
    """
    p, q = pair(p, q)
    d = check_shape(as_float64(discriminator, "discriminator"), tuple(p.shape), "discriminator")
    if ((d < 0) | (d > 1)).any():
        raise ValueError(f"discriminator: expected values in [0, 1], got {d.min()} to {d.max()}")
    return expectation(p, d.log()) + expectation(q, torch.log1p(-d))
