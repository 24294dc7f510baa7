"""The tables of lecture 8: many solutions with one ELBO, and what a price on information picks."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.exact import tables
from course_lib.exact.arrays import as_float64, check_shape
from course_lib.exact.matching import MatchingWorld
from course_lib.exact.tables.probability import distribution

__all__ = ["K", "PathTerms", "path_terms", "priced_path", "valley"]

K = 8
"""How many values x and z take in the lecture: the informative solution knows log 8 nats."""


class PathTerms(NamedTuple):
    """What moves along a path of solutions: one entry for each of its points, in nats.

    Attributes:
        reconstruction: (n, n_x) E_q[log p(x|z)] of each x.
        rate: (n, n_x) KL(q(z|x), p(z)) of each x.
        information: (n,) I_q(x; z).
        marginal_kl: (n,) KL(q(z), p(z)).
    """

    reconstruction: Tensor
    rate: Tensor
    information: Tensor
    marginal_kl: Tensor


def valley(p_data: Any, q_z_given_x: Any, share: float) -> MatchingWorld:
    r"""Return one of many solutions with the same, best ELBO (slide 16).

    .. math:: q_t(z|x) = (1 - t)\, p(z) + t\, q(z|x), \qquad p(z) = E_{p_d} q(z|x), \qquad
              p(x|z) = p_d(x)\, q_t(z|x) / p(z)

    Args:
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the encoder at t = 1; each column sums to one.
        share: t, from 0, where z says nothing about x, to 1.

    Raises:
        ValueError: if a table is no distribution, a z never occurs, or the share is not in [0, 1].

    Example:
        >>> for share in (0.0, 1.0):
        ...     world = valley(torch.full((8,), 1 / 8), torch.eye(8), share)
        ...     kl, information = tables.kl(world.q_zx, world.p_zx), world.q_zx
        ...     print(f"{kl:.3f} {tables.mutual_information(information):.3f}")
        0.000 0.000
        0.000 2.079
    """
    return _on_path(p_data, q_z_given_x, share, None)


def priced_path(share: float, limit: float = 1.0, tilt: float = 0.0) -> MatchingWorld:
    r"""Return a point of the path from an ignored z to a perfect code, for a limited decoder.

    .. math:: q_t(z|x) = (1 - t)\, p(z) + t\, 1[z = x], \qquad p(z) \propto e^{s z}, \qquad
              p(x|z) = q_{\min(t, c)}(x|z)

    x takes ``K`` equally likely values on the line from -1 to 1, and so does z. Up to t = c the
    decoder inverts the encoder; beyond, it cannot follow, and E KL(q(x|z), p(x|z)) grows. If the
    prior is tilted, KL(q(z), p(z)) grows along the path too.

    Args:
        share: t, from 0 to 1.
        limit: c, the largest share that the decoder can use; 1 for a flexible decoder.
        tilt: s, how far the prior leans to the right; at 0 it fits the code.

    Raises:
        ValueError: if the share or the limit is not in [0, 1].

    Example:
        >>> world = priced_path(0.5)
        >>> f"{tables.kl(world.q_zx, world.p_zx):.3f}"  # a point of the valley
        '0.000'
    """
    line = torch.linspace(-1, 1, K, dtype=torch.float64)
    uniform = torch.full((K,), 1 / K, dtype=torch.float64)
    code, prior = torch.eye(K, dtype=torch.float64), (tilt * line).softmax(0)
    encoder = _on_path(uniform, code, share, prior)
    reach = min(share, _as_share(limit, "limit"))
    return encoder._replace(p_x_given_z=_on_path(uniform, code, reach, prior).p_x_given_z)


def path_terms(worlds: list[MatchingWorld]) -> PathTerms:
    """Return what the points of a path differ in, from which every objective is made (17, 18).

    Args:
        worlds: the points.

    Example:
        >>> terms = path_terms([priced_path(t / 4, tilt=1.0) for t in range(5)])
        >>> parts = terms.information + terms.marginal_kl
        >>> torch.allclose(terms.rate.mean(1), parts)
        True
    """
    rows = []
    for world in worlds:
        q_zx, p_zx = world.q_zx, world.p_zx
        rows.append(
            (
                tables.reconstruction(p_zx, world.q_z_given_x),
                tables.rate(p_zx, world.q_z_given_x),
                tables.mutual_information(q_zx),
                tables.kl_split_by_z(q_zx, p_zx).marginal,
            )
        )
    return PathTerms(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _on_path(p_data: Any, q_z_given_x: Any, share: float, prior: Tensor | None) -> MatchingWorld:
    share = _as_share(share, "share")
    informative = distribution(as_float64(q_z_given_x, "q_z_given_x"), "q_z_given_x", "z")
    p_data = check_shape(distribution(p_data, "p_data"), (informative.shape[1],), "p_data")
    p_z = informative @ p_data if prior is None else prior
    if not (p_z > 0).all():
        raise ValueError("q_z_given_x: expected that every z occurs for some x, got one of mass 0")
    encoder = (1 - share) * p_z[:, None] + share * informative
    joint = p_data * encoder
    return MatchingWorld(p_data, encoder, p_z, joint / joint.sum(1, keepdim=True))


def _as_share(share: float, name: str) -> float:
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: expected a number from 0 to 1, got {share!r}")
    return share
