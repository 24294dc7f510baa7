import math

import pytest
import torch
from torch import nn

from course_lib.distributions import (
    ConditionalGaussian,
    DiagonalGaussian,
    ProductOfExperts,
    StandardGaussian,
    product_of_gaussians,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")


def gaussians(count, *shape):
    return [
        DiagonalGaussian(torch.randn(shape).double(), 0.7 * torch.randn(shape).double())
        for _ in range(count)
    ]


def product(names=("x1", "x2", "x3"), z_dim=2):
    experts = {m: ConditionalGaussian(nn.Linear(3, 2 * z_dim), z_dim) for m in names}
    return ProductOfExperts(experts).double()


def views(*names, n=5):
    return {m: torch.randn(n, 3).double() for m in names}


def test_log_densities_add_up_to_a_constant():
    """The product's log-density differs from the sum of the experts' by its integral alone."""
    experts = gaussians(3, 5, 2)
    z = torch.randn(11, 5, 2).double()
    difference = product_of_gaussians(experts).log_prob(z) - sum(e.log_prob(z) for e in experts)
    torch.testing.assert_close(difference, difference[:1].expand_as(difference))


def test_precisions_add_and_means_weigh_by_them():
    experts = gaussians(3, 4, 2)
    together = product_of_gaussians(experts)
    precision = sum(1 / e.variance for e in experts)
    torch.testing.assert_close(1 / together.variance, precision)
    torch.testing.assert_close(together.mean, sum(e.mean / e.variance for e in experts) / precision)


def test_the_order_of_the_experts_does_not_matter():
    experts = gaussians(3, 4, 2)
    one, other = product_of_gaussians(experts), product_of_gaussians(experts[::-1])
    torch.testing.assert_close(one.mu, other.mu)
    torch.testing.assert_close(one.log_scale, other.log_scale)


def test_one_gaussian_is_its_own_product():
    (expert,) = gaussians(1, 5, 2)
    assert torch.equal(product_of_gaussians([expert]).mean, expert.mean)
    torch.testing.assert_close(product_of_gaussians([expert]).log_scale, expert.log_scale)


@pytest.mark.parametrize("log_scale", [-400.0, 400.0])
def test_a_very_sure_and_a_very_vague_expert_stay_finite_in_float32(log_scale):
    prior = StandardGaussian(1)()
    expert = DiagonalGaussian(torch.tensor([3.0]), torch.tensor([log_scale]))
    together = product_of_gaussians([prior, expert])
    wanted = (3.0, -400.0) if log_scale < 0 else (0.0, 0.0)
    assert (together.mu.item(), together.log_scale.item()) == wanted


def test_events_keep_their_shape():
    experts = [
        DiagonalGaussian(torch.zeros(5, 1, 2, 3), torch.zeros(5, 1, 2, 3), event_dim=3)
        for _ in range(2)
    ]
    together = product_of_gaussians(experts)
    assert (together.batch_shape, together.event_shape) == ((5,), (1, 2, 3))


def test_no_expert_at_all_is_refused():
    with pytest.raises(ValueError, match="experts: expected at least one"):
        product_of_gaussians([])
    with pytest.raises(ValueError, match="experts: expected experts on one shape"):
        ProductOfExperts({})


@pytest.mark.parametrize("observed", [("x1",), ("x2", "x3"), ("x3", "x1", "x2")])
def test_the_prior_counts_once_and_a_missing_modality_drops_out(observed):
    brick, x = product(), views(*observed)
    together = brick(x)
    precision = 1 + sum(1 / brick.experts[m](x[m]).variance for m in observed)
    torch.testing.assert_close(1 / together.variance, precision)
    pull = sum(brick.experts[m](x[m]).mean / brick.experts[m](x[m]).variance for m in observed)
    torch.testing.assert_close(together.mean, pull / precision)
    assert together.batch_shape == (5,)


def test_with_nothing_observed_the_product_is_the_prior():
    nothing = product()({})
    assert torch.equal(nothing.mean, torch.zeros(2).double())
    assert torch.equal(nothing.stddev, torch.ones(2).double())


def test_missing_is_not_a_picture_of_zeros():
    brick, x = product(), views("x1")
    blank = {**x, "x2": torch.zeros(5, 3).double()}
    assert not torch.allclose(brick(x).mean, brick(blank).mean)


def test_every_set_of_modalities_is_known():
    assert len(product().subsets) == 7
    assert product().subsets[-1] == ("x1", "x2", "x3")


def test_unknown_modalities_and_other_latents_are_refused():
    with pytest.raises(ValueError, match=r"context: expected some of .*x1, x2, x3.* got x4"):
        product()(views("x1", "x4"))
    with pytest.raises(ValueError, match=r"experts: expected experts on one shape"):
        ProductOfExperts(
            {
                "x1": ConditionalGaussian(nn.Linear(3, 4), 2),
                "x2": ConditionalGaussian(nn.Linear(3, 6), 3),
            }
        )


def test_an_infinitely_vague_expert_is_a_missing_one():
    prior = StandardGaussian(2)().expand((5,))
    vague = DiagonalGaussian(torch.randn(5, 2), torch.full((5, 2), math.inf))
    together = product_of_gaussians([prior, vague])
    assert torch.equal(together.mean, prior.mean)
    assert torch.equal(together.log_scale, prior.log_scale)
