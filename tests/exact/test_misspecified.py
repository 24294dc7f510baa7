"""A Gaussian that cannot be the data: divergences, and the best fit from lambda 0 to infinity."""

import itertools
import math

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from course_lib.exact import tables
from course_lib.exact.misspecified import MisspecifiedGaussian, lopsided_mixture

LAMBDAS = (0.0, 1.0, 5.0, 10.0, 30.0, 100.0, 1000.0, math.inf)


@pytest.fixture(scope="module")
def world():
    return lopsided_mixture()


@pytest.fixture(scope="module")
def path(world):
    return [world.best(lambda_) for lambda_ in LAMBDAS]


def test_the_data_are_the_mixture_and_have_mass_one(world):
    weight, means = torch.tensor([0.85, 0.15]).double(), torch.tensor([-2.0, 2.0]).double()
    exact = MixtureSameFamily(Categorical(weight), Normal(means, 0.6))
    assert torch.allclose(world.log_data, exact.log_prob(world.x), atol=1e-6)
    assert float(world.log_data.exp().sum() * world.dx) == pytest.approx(1, abs=1e-9)


def test_one_component_is_matched_exactly_by_every_objective():
    world = MisspecifiedGaussian(((1.0, 0.5),))
    for lambda_ in (0.0, 3.0, math.inf):
        fit = world.best(lambda_)
        assert (fit.mean, fit.scale) == pytest.approx((1.0, 0.5), abs=1e-4)
        assert (fit.kl, fit.jsd) == pytest.approx((0, 0), abs=1e-7)


def test_the_divergences_of_two_gaussians_are_the_known_ones():
    world = MisspecifiedGaussian(((0.0, 1.0),))
    mean, scale = torch.tensor([[0.0, 1.0], [2.0, -1.0]]), torch.tensor([[0.5, 1.0], [2.0, 1.5]])
    kl, jsd = world.divergences(mean.double(), scale.double().log())
    exact = torch.distributions.kl_divergence(Normal(0.0, 1.0), Normal(mean, scale))
    assert torch.allclose(kl, exact.double(), atol=1e-6)
    assert kl.shape == jsd.shape == (2, 2)
    log_q = [
        world.log_model(float(m), float(s))
        for m, s in zip(mean.flatten(), scale.flatten(), strict=True)
    ]
    for value, log_p in zip(jsd.flatten(), log_q, strict=True):
        tabled = tables.jsd(world.log_data.softmax(0), log_p.softmax(0))
        assert float(value) == pytest.approx(float(tabled), abs=1e-6)


def test_the_best_by_kl_has_the_datas_moments(path):
    mean = 0.85 * -2 + 0.15 * 2
    variance = 0.36 + 0.85 * (mean + 2) ** 2 + 0.15 * (mean - 2) ** 2
    assert (path[0].mean, path[0].scale) == pytest.approx((mean, math.sqrt(variance)), abs=1e-3)


def test_lambda_moves_the_fit_from_one_optimum_to_the_other(path):
    """Along lambda the KL rises and the JSD falls, strictly: each fit is the best of its own."""
    for key, sign in (("mean", -1), ("scale", -1), ("kl", 1), ("jsd", -1)):
        values = [sign * getattr(fit, key) for fit in path]
        assert values == sorted(values), key
        assert len(set(values)) == len(values), key


@pytest.mark.parametrize("place", range(len(LAMBDAS)))
def test_no_neighbour_is_better(world, path, place):
    lambda_, fit = LAMBDAS[place], path[place]

    def value(kl, jsd):
        return jsd if math.isinf(lambda_) else kl + lambda_ * jsd

    steps = itertools.product((-0.01, 0, 0.01), (-0.01, 0, 0.01))
    near = torch.tensor([(fit.mean + a, math.log(fit.scale) + b) for a, b in steps]).double()
    others = value(*world.divergences(near[:, 0], near[:, 1]))
    assert float(others.min()) >= value(fit.kl, fit.jsd) - 1e-7 * (1 + min(lambda_, 1e3))


def test_a_fit_reports_the_divergences_at_its_own_place(world, path):
    for fit in path:
        at = (
            torch.tensor([number], dtype=torch.float64)
            for number in (fit.mean, math.log(fit.scale))
        )
        kl, jsd = world.divergences(*at)
        assert (fit.kl, fit.jsd) == pytest.approx((float(kl), float(jsd)), rel=1e-9)
        log_q = world.log_model(fit.mean, fit.scale)
        assert torch.allclose(log_q, Normal(fit.mean, fit.scale).log_prob(world.x), atol=1e-6)


@pytest.mark.parametrize("weights", [(0.5, 0.6), (1.5, -0.5)])
def test_weights_that_are_no_shares_are_refused(weights):
    with pytest.raises(ValueError, match="weights: expected shares that add up to 1"):
        MisspecifiedGaussian(((-1.0, 1.0), (1.0, 1.0)), weights)


def test_a_negative_lambda_is_refused(world):
    with pytest.raises(ValueError, match="lambda_"):
        world.best(-1.0)
