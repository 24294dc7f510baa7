"""Several modalities and one z: identity 15 and what ties three inference nets (slide 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.exact import tables
from course_lib.exact.arrays import as_float64, check_shape, expectation
from course_lib.exact.identities.residual import CLOSED_FORM, GRID, Residual, between
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.normal import log_normal
from course_lib.exact.quadrature import Grid

__all__ = [
    "posterior_is_product_of_posteriors",
    "product_of_experts",
    "product_of_experts_is_normalised_product",
    "reverse_tie_is_least_at_the_geometric_mean",
    "tie_is_least_at_the_average",
]


def product_of_experts(
    means: Any, scales: Any, observed: Sequence[bool] | None = None
) -> tuple[Tensor, Tensor]:
    r"""Return mean and scale of p(z) prod_m N(z; mu_m, diag(sigma_m^2)), p(z) = N(0, I) (slide 8).

    .. math:: \sigma^{-2} = 1 + \sum_m \sigma_m^{-2}, \qquad
              \mu = \sigma^2 \sum_m \sigma_m^{-2} \mu_m

    The sums run over the observed experts, and the one is the prior, counted once.

    Args:
        means: (experts, dim) what each expert believes.
        scales: (experts, dim) standard deviations, positive.
        observed: which experts take part; all of them, if None.

    Returns:
        (dim,) mean and (dim,) standard deviation.

    Raises:
        ValueError: if a shape does not fit or a scale is not positive.

    Example:
        >>> product_of_experts([[3.0]], [[1.0]])
        (tensor([1.5000], dtype=torch.float64), tensor([0.7071], dtype=torch.float64))
        >>> product_of_experts([[3.0]], [[1.0]], observed=[False])  # nobody spoke: the prior
        (tensor([0.], dtype=torch.float64), tensor([1.], dtype=torch.float64))
    """
    means, scales, keep = _experts(means, scales, observed)
    precisions = scales[keep] ** -2
    precision = 1 + precisions.sum(0)
    return (precisions * means[keep]).sum(0) / precision, precision**-0.5


def product_of_experts_is_normalised_product(
    means: Any, scales: Any, grid: Grid, observed: Sequence[bool] | None = None
) -> Residual:
    """Execute identity 15: the closed form is the product over its integral (slide 8).

    The residual is the largest difference of log-densities at any node of the grid; the two
    numbers are their means under the product.

    Args:
        means: (experts, dim), as for ``product_of_experts``; dim is the grid's.
        scales: (experts, dim).
        grid: nodes that cover the product.
        observed: which experts take part.

    Raises:
        ValueError: if a shape does not fit, or the product does not fit on the grid.
    """
    mean, scale = product_of_experts(means, scales, observed)
    means, scales, keep = _experts(means, scales, observed)
    if means.shape[1] != grid.dim:
        raise ValueError(f"means: expected {grid.dim} dimensions as the grid, got {len(mean)}")
    log_product = log_normal(grid.nodes)
    for m in keep.nonzero().flatten().tolist():
        log_product = log_product + log_normal(grid.nodes, means[m], scales[m].log())
    grid.check_fit(log_product, "the product")
    right = log_product - grid.log_integral(log_product)
    left = log_normal(grid.nodes, mean, scale.log())
    worst = between("", left, right, GRID).residual
    mass = (right + grid.log_weights).exp()
    ends = (float(expectation(mass, side)) for side in (left, right))
    return Residual("PoE = normalised product", *ends, worst, GRID)


def posterior_is_product_of_posteriors(
    first: LinearGaussian, second: LinearGaussian, x1: Any, x2: Any, z: Any
) -> Residual:
    r"""Execute what a product of experts imitates: Bayes' rule for two views of one z (slide 8).

    .. math:: p(z|x_1,x_2) = \frac{p(z|x_1)\, p(z|x_2)}{p(z)}
              \cdot \frac{p(x_1)\, p(x_2)}{p(x_1, x_2)}

    The prior is in both posteriors and may count once only: it is divided out.

    Args:
        first: the world of x1, independent of x2 given z.
        second: the world of x2, with as many latent dimensions.
        x1: (batch, x1_dim) observations.
        x2: (batch, x2_dim) observations.
        z: (batch, z_dim) where the densities are compared.

    Raises:
        ValueError: if a shape does not fit.
    """
    x1, x2, z = as_float64(x1, "x1"), as_float64(x2, "x2"), as_float64(z, "z")
    check_shape(z, (len(x1), first.z_dim), "z")
    ratio = first.noise_scale / second.noise_scale  # one noise for both: rescale the second view
    both = LinearGaussian(
        torch.cat([first.weight, ratio * second.weight]),
        torch.cat([first.bias, ratio * second.bias]),
        first.noise_scale,
    )
    x = torch.cat([x1, ratio * x2], 1)
    log_joint = both.log_prob(x) + second.x_dim * math.log(ratio)
    evidence = first.log_prob(x1) + second.log_prob(x2) - log_joint
    apart = first.posterior(x1).log_prob(z) + second.posterior(x2).log_prob(z)
    right = apart - log_normal(z) + evidence
    name = "p(z|x1,x2) = p(z|x1) p(z|x2) / p(z) up to a constant"
    return between(name, both.posterior(x).log_prob(z), right, CLOSED_FORM)


def tie_is_least_at_the_average(p_x2: Any, q_z_given_x12: Any, q_z_given_x1: Any) -> Residual:
    r"""Execute why the forward tie leaves q(z|x1) uncertain about what x1 does not tell (slide 8).

    .. math:: E_{x_2|x_1} KL(q(z|x_1,x_2), q(z|x_1))
              = E_{x_2|x_1} KL(q(z|x_1,x_2), \bar q) + KL(\bar q, q(z|x_1)), \qquad
              \bar q = E_{x_2|x_1} q(z|x_1,x_2)

    Only the last term knows q(z|x1), and it is zero at the average.

    Args:
        p_x2: (n_x2,) p(x2|x1) at one x1.
        q_z_given_x12: (n_z, n_x2) q(z|x1,x2).
        q_z_given_x1: (n_z,) q(z|x1).
    """
    p_x2, q_both, q_one = _tied(p_x2, q_z_given_x12, q_z_given_x1)
    average = q_both @ p_x2
    to_one = torch.stack([tables.kl(column, q_one) for column in q_both.T])
    to_average = torch.stack([tables.kl(column, average) for column in q_both.T])
    left = expectation(p_x2, to_one)
    right = expectation(p_x2, to_average) + tables.kl(average, q_one)
    return between("E KL(q12, q1) = E KL(q12, qbar) + KL(qbar, q1)", left, right, CLOSED_FORM)


def reverse_tie_is_least_at_the_geometric_mean(
    p_x2: Any, q_z_given_x12: Any, q_z_given_x1: Any
) -> Residual:
    r"""Execute why the reverse tie makes q(z|x1) as narrow as what all x2 agree on (slide 8).

    .. math:: E_{x_2|x_1} KL(q(z|x_1), q(z|x_1,x_2)) = KL(q(z|x_1), g / c) - \log c, \qquad
              g = \exp E_{x_2|x_1} \log q(z|x_1,x_2), \quad c = \sum_z g

    Only the KL knows q(z|x1), and it is zero at the normalised geometric mean, a product of
    experts. Arguments as for ``tie_is_least_at_the_average``, the q(z|x1,x2) without zeros.
    """
    p_x2, q_both, q_one = _tied(p_x2, q_z_given_x12, q_z_given_x1)
    geometric = (q_both.log() @ p_x2).exp()
    left = expectation(p_x2, torch.stack([tables.kl(q_one, column) for column in q_both.T]))
    right = tables.kl(q_one, geometric / geometric.sum()) - geometric.sum().log()
    return between("E KL(q1, q12) = KL(q1, g/c) - log c", left, right, CLOSED_FORM)


def _tied(p_x2: Any, q_z_given_x12: Any, q_z_given_x1: Any) -> tuple[Tensor, Tensor, Tensor]:
    p_x2 = tables.distribution(p_x2, "p_x2")
    q_both = check_shape(as_float64(q_z_given_x12, "q_z_given_x12"), ("n_z", len(p_x2)), "q")
    columns = [tables.distribution(column, "q_z_given_x12") for column in q_both.T]
    return p_x2, torch.stack(columns, 1), tables.distribution(q_z_given_x1, "q_z_given_x1")


def _experts(
    means: Any, scales: Any, observed: Sequence[bool] | None
) -> tuple[Tensor, Tensor, Tensor]:
    means = check_shape(as_float64(means, "means"), ("experts", "dim"), "means")
    scales = check_shape(as_float64(scales, "scales"), tuple(means.shape), "scales")
    if not ((scales > 0) & torch.isfinite(scales)).all():
        raise ValueError(f"scales: expected positive numbers, got {scales.min().item()}")
    keep = torch.ones(len(means)) if observed is None else torch.as_tensor(observed)
    return means, scales, check_shape(keep.bool(), (len(means),), "observed")
