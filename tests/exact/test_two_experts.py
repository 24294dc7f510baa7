"""Four rules for two experts: one is exact, and the others cost what their formula says."""

import itertools

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.exact.two_experts import RULES, combine, cost

MEAN = torch.tensor([[1.0, -0.3], [0.2, 1.2]], dtype=torch.float64)
SCALE = torch.tensor([[0.4, 1.5], [1.2, 0.5]], dtype=torch.float64)
BOTH = [True, True]


def gaussian(combined):
    return Independent(Normal(combined.mean[0], combined.scale[0]), 1)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_a_density_and_agrees_where_there_is_nothing_to_combine(rule):
    axis = torch.linspace(-8, 8, 401, dtype=torch.float64)
    plane = torch.cartesian_prod(axis, axis)
    for observed in itertools.product((True, False), repeat=2):
        combined = combine(MEAN, SCALE, list(observed), rule)
        mass = combined.log_prob(plane).exp().sum() * (axis[1] - axis[0]) ** 2
        assert mass.item() == pytest.approx(1, abs=1e-6)
        if sum(observed) < 2:
            exact = combine(MEAN, SCALE, list(observed), "product")
            assert all(torch.equal(a, b) for a, b in zip(combined, exact, strict=True))


@pytest.mark.parametrize("rule", ["product", "prior twice", "average"])
def test_the_cost_of_a_gaussian_is_its_kl(rule):
    exact, shown = combine(MEAN, SCALE, BOTH, "product"), combine(MEAN, SCALE, BOTH, rule)
    value = kl_divergence(gaussian(exact), gaussian(shown)).item()
    assert cost(exact, shown) == pytest.approx(value, abs=1e-8)


def test_the_prior_once_more_is_one_more_unit_of_precision():
    exact, twice = (combine(MEAN, SCALE, BOTH, rule) for rule in ("product", "prior twice"))
    torch.testing.assert_close(twice.scale**-2, exact.scale**-2 + 1)
    torch.testing.assert_close(twice.mean / twice.scale**2, exact.mean / exact.scale**2)


def test_a_mixture_is_as_wide_as_its_experts_and_a_product_narrower_than_each():
    alone = [
        combine(MEAN, SCALE, observed, "product") for observed in ([True, False], [False, True])
    ]
    product, mixture = (combine(MEAN, SCALE, BOTH, rule) for rule in ("product", "mixture"))
    assert all((product.scale < one.scale).all() for one in alone)
    for component, one in enumerate(alone):
        assert torch.equal(mixture.mean[component], one.mean[0])
        assert torch.equal(mixture.scale[component], one.scale[0])
    assert mixture.weight.tolist() == [0.5, 0.5]
    assert cost(product, mixture) > 0.3


def test_draws_have_the_moments_of_the_density():
    generator = torch.Generator().manual_seed(0)
    n = 200_000
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    for rule in RULES:
        combined = combine(MEAN, SCALE, BOTH, rule)
        draws = combined.at(uniform, noise)
        w = combined.weight[:, None]
        mean = (w * combined.mean).sum(0)
        variance = (w * (combined.scale**2 + (combined.mean - mean) ** 2)).sum(0)
        assert torch.allclose(draws.mean(0), mean, atol=0.01)
        assert torch.allclose(draws.var(0), variance, rtol=0.02)


def test_a_rule_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"^rule: expected one of product, prior twice"):
        combine(MEAN, SCALE, BOTH, "sum")
