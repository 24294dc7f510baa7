import math

import pytest
import torch

from course_lib.exact import identities, tables
from course_lib.exact.grid import Grid
from course_lib.exact.linear_gaussian import LinearGaussian

MEANS = [[0.7, -1.0], [-0.4, 0.5], [1.5, 0.2]]
SCALES = [[0.6, 1.3], [0.9, 0.5], [2.0, 0.8]]


@pytest.fixture(scope="module")
def grid():
    return Grid(-7.0, 7.0, 301, dim=2)


@pytest.mark.parametrize(
    "observed", [None, [True] * 3, [True, False, True], [False, True, False], [False] * 3]
)
def test_closed_form_is_the_normalised_product(grid, observed):
    residual = identities.product_of_experts_is_normalised_product(MEANS, SCALES, grid, observed)
    assert residual.holds, residual
    assert abs(residual.left - residual.right) < 1e-9
    assert residual.residual < 1e-9


def test_with_nobody_observed_the_product_is_the_prior(grid):
    mean, scale = identities.product_of_experts(MEANS, SCALES, [False] * 3)
    assert mean.tolist() == [0, 0]
    assert scale.tolist() == [1, 1]


def test_one_expert_is_an_observation_of_z():
    """N(z; m, s^2) N(z; 0, 1): the posterior of a linear-Gaussian world with W = 1."""
    mean, scale = identities.product_of_experts([[2.0]], [[0.5]])
    posterior = LinearGaussian([[1.0]], [0.0], 0.5).posterior([[2.0]])
    assert mean.item() == pytest.approx(posterior.mean.item(), abs=1e-14)
    assert scale.item() ** 2 == pytest.approx(posterior.covariance_matrix.item(), abs=1e-14)


def test_the_order_of_the_experts_does_not_matter():
    forwards = identities.product_of_experts(MEANS, SCALES)
    backwards = identities.product_of_experts(MEANS[::-1], SCALES[::-1])
    for one, other in zip(forwards, backwards, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=0)


def test_a_product_beside_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"^grid: too small"):
        identities.product_of_experts_is_normalised_product([[50.0]], [[0.1]], Grid(-7.0, 7.0, 301))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [1.0]), "means: expected shape"),
        (([[1.0]], [[1.0, 2.0]]), "scales: expected shape"),
        (([[1.0]], [[0.0]]), "scales: expected positive"),
        (([[1.0]], [[-1.0]]), "scales: expected positive"),
        (([[1.0]], [[math.inf]]), "scales: expected positive"),
        (([[math.nan]], [[1.0]]), "means: expected numbers"),
        (([[1.0]], [[1.0]], [True, False]), "observed: expected shape"),
    ],
)
def test_what_is_no_set_of_experts_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        identities.product_of_experts(*arguments)


def test_a_grid_of_another_dimension_is_refused(grid):
    with pytest.raises(ValueError, match="means: expected 2 dimensions"):
        identities.product_of_experts_is_normalised_product([[1.0]], [[1.0]], grid)


@pytest.mark.parametrize("seed", range(4))
def test_the_posterior_of_two_views_is_the_product_of_posteriors(seed):
    first = LinearGaussian.random(4, 3, 0.7, seed)
    second = LinearGaussian.random(2, 3, 1.6, seed + 50)
    generator = torch.Generator().manual_seed(seed)
    x1, x2, z = (torch.randn(5, d, generator=generator).double() for d in (4, 2, 3))
    residual = identities.posterior_is_product_of_posteriors(first, second, x1, x2, z)
    assert residual.holds, residual


def test_a_prior_counted_twice_is_another_posterior():
    """What the identity divides by is no formality: without it both moments are wrong."""
    world = LinearGaussian([[1.0]], [0.0], 1.0)
    both = LinearGaussian([[1.0], [1.0]], [0.0, 0.0], 1.0).posterior([[1.0, 1.0]])
    alone = world.posterior([[1.0]])
    precision = 1 / alone.covariance_matrix.item()
    assert 1 / both.covariance_matrix.item() == pytest.approx(2 * precision - 1)
    assert both.mean.item() == pytest.approx(2 * precision * alone.mean.item() / 3)


@pytest.mark.parametrize("seed", range(4))
def test_the_tie_splits_at_the_average(seed):
    p_x2 = tables.random((5,), seed)
    q_both = tables.random((7, 5), seed + 1, normalise="z")
    q_one = tables.random((7,), seed + 2)
    residual = identities.tie_is_least_at_the_average(p_x2, q_both, q_one)
    assert residual.holds, residual
    at_average = identities.tie_is_least_at_the_average(p_x2, q_both, q_both @ p_x2)
    assert at_average.left < residual.left
    assert at_average.holds, at_average


@pytest.mark.parametrize("seed", range(5))
def test_the_reverse_tie_is_least_at_the_geometric_mean(seed):
    p_x2 = tables.random((5,), seed)
    q_both = tables.random((7, 5), seed + 1, normalise="z")
    residual = identities.reverse_tie_is_least_at_the_geometric_mean(
        p_x2, q_both, tables.random((7,), seed + 2)
    )
    assert residual.holds, residual
    geometric = (q_both.log() @ p_x2).softmax(0)
    least = identities.reverse_tie_is_least_at_the_geometric_mean(p_x2, q_both, geometric)
    assert least.holds, least
    assert least.left < residual.left
    average = identities.reverse_tie_is_least_at_the_geometric_mean(p_x2, q_both, q_both @ p_x2)
    assert least.left < average.left


def test_two_sure_nets_leave_the_average_unsure():
    residual = identities.tie_is_least_at_the_average(
        [0.5, 0.5], [[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5]
    )
    assert residual.left == pytest.approx(math.log(2), abs=1e-14)
    assert residual.holds
