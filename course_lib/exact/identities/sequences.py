"""The bound of a sequence model is a sum over time: identity 16 (slide 9), by enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.exact import tables
from course_lib.exact.arrays import as_float64, check_shape, expectation
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between

__all__ = ["padding_adds_nothing", "random_filters", "sequence_bound_is_sum_over_time"]


def sequence_bound_is_sum_over_time(p: Any, filters: Sequence[Any]) -> Residual:
    r"""Execute ELBO = sum over time of reconstruction - KL (identity 16, slide 9).

    .. math:: E_q \log \frac{p(x, z)}{q(z|x)} = E_q \sum_t \big[ \log p(x_t | z_{\le t}, x_{<t})
              - KL(q(z_t | z_{<t}, x_{\le t}), p(z_t | z_{<t}, x_{<t})) \big]

    On the left all steps of z are one variable, and the bound is that of a VAE; with one step
    there is nothing else, and both sides are the VAE's bound.

    Args:
        p: (n_z, n_x, n_z, n_x, ...) any joint of z_1, x_1, z_2, x_2, ..., z_T, x_T, without
            zeros.
        filters: for t = 1..T the table q(z_t | z_<t, x_<=t), of the first 2t dimensions of p, whose
            sum over z_t is one.

    Example:
        >>> p = tables.random((2, 3, 2, 3), seed=0)
        >>> sequence_bound_is_sum_over_time(p, random_filters(p, seed=1)).holds
        True
    """
    p, filters = _check(p, filters)
    steps = len(filters)
    path = torch.ones((), dtype=torch.float64)
    for q_t in filters:
        path = path[..., None, None] * q_t
    order = [*range(0, 2 * steps, 2), *range(1, 2 * steps, 2)]
    one_z = [
        table.permute(order).reshape(p.shape[0] ** steps, -1) for table in (p, path.expand(p.shape))
    ]
    whole = tables.elbo(*one_z).reshape([p.shape[1]] * steps)
    name = "ELBO = sum over t of reconstruction - KL"
    return between(name, whole, _sum_over_time(p, filters), CLOSED_FORM)


def padding_adds_nothing(p: Any, filters: Sequence[Any]) -> Residual:
    """Execute: a step that is certain, and whose q is the prior, adds exactly zero (identity 16).

    That is what a mask over the padding of a batch computes (slide 9). Padding that is scored as
    silence instead adds log p(silence), another number for every model.

    Args:
        p: as for ``sequence_bound_is_sum_over_time``.
        filters: likewise.
    """
    p, filters = _check(p, filters)
    n_z, n_x = p.shape[:2]
    prior = tables.random((n_z, p.numel()), seed=0, normalise="z").T.reshape(*p.shape, n_z)
    certain = torch.eye(n_x, dtype=torch.float64)[0]
    longer = (p[..., None] * prior)[..., None] * certain
    padded = _sum_over_time(longer, [*filters, prior[..., None].expand(longer.shape)])
    name = "ELBO of a padded sequence = ELBO"
    return between(name, padded[..., 0], _sum_over_time(p, filters), CLOSED_FORM)


def random_filters(p: Any, seed: int) -> list[Tensor]:
    """Return random tables q(z_t | z_<t, x_<=t) for a joint p of any number of steps (slide 9).

    Args:
        p: (n_z, n_x, n_z, n_x, ...) the joint.
        seed: of the draw.
    """
    shape = as_float64(p, "p").shape
    filters = []
    for t in range(len(shape) // 2):
        table = tables.random(shape[: 2 * t + 2], seed=seed + t)
        filters.append(table / table.sum(2 * t, keepdim=True))
    return filters


def _sum_over_time(p: Tensor, filters: list[Tensor]) -> Tensor:
    """Return the right side for every sequence x_1..x_T: (n_x, ..., n_x)."""
    steps, n_x = len(filters), p.shape[1]
    bound = torch.zeros((n_x,) * steps, dtype=torch.float64)
    before, past = torch.ones((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    for t, q_t in enumerate(filters):
        now = p.sum(tuple(range(2 * t + 2, p.dim()))) if t + 1 < steps else p
        with_z = now.sum(-1, keepdim=True)
        reconstruction = expectation(q_t, now.log() - with_z.log(), 2 * t)
        kl = expectation(q_t, q_t.log() - with_z.log() + past[..., None, None].log(), 2 * t)
        # what remains is a function of z_<t and x_<=t, averaged over q(z_<t | x_<t)
        earlier_z = tuple(range(0, 2 * t, 2))
        term = reconstruction - kl
        term = expectation(before[..., None], term, earlier_z) if earlier_z else term
        bound = bound + term.reshape((n_x,) * (t + 1) + (1,) * (steps - t - 1))
        before, past = before[..., None, None] * q_t, now
    return bound


def _check(p: Any, filters: Sequence[Any]) -> tuple[Tensor, list[Tensor]]:
    p = tables.distribution(p, "p")
    steps = p.dim() // 2
    if p.dim() % 2 or steps == 0 or p.shape != p.shape[:2] * steps:
        raise ValueError(f"p: expected shape (n_z, n_x) * T, got {tuple(p.shape)}")
    if len(filters) != steps:
        raise ValueError(f"filters: expected one table a step, {steps}, got {len(filters)}")
    checked = []
    for t, table in enumerate(filters):
        name = f"filters[{t}]"
        q_t = check_shape(as_float64(table, name), tuple(p.shape[: 2 * t + 2]), name)
        if (q_t < 0).any() or (q_t.sum(2 * t) - 1).abs().max() > tables.SUM_TOLERANCE:
            raise ValueError(f"{name}: expected probabilities whose sum over z_{t + 1} is 1")
        checked.append(q_t / q_t.sum(2 * t, keepdim=True))
    return p, checked
