"""Identities 10 and 11 hold for the bricks, and fail for bricks that are wrong in one place."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, Normal

from course_lib.distributions import AffineAutoregressive, DiagonalGaussian, Inverse
from course_lib.exact.identities import (
    autoregressive_gaussian,
    autoregressive_prior_is_a_layer,
    autoregressive_prior_is_an_inverse_posterior,
    maf_and_iaf_are_inverses,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

ORDER = torch.tensor([3, 0, 4, 1, 2])


def maf(order: Tensor = ORDER, scale: float = 0.3) -> AffineAutoregressive:
    layer = AffineAutoregressive(5, (16,), order=order).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return layer


class Reversal:
    """The order-reversing permutation, its own inverse."""

    def __call__(self, z):
        return z.flip(-1), torch.zeros_like(z[:, 0])

    inverse = __call__


class WrongSign:
    """A layer whose inverse has the log-determinant of the other direction."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, z):
        return self.layer(z)

    def inverse(self, x):
        z, log_det = self.layer.inverse(x)
        return z, -log_det


def points(n=200, spread=3.0):
    return spread * torch.randn(n, 5, dtype=torch.float64)


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_an_autoregressive_prior_is_one_more_layer(spread):
    layer, flow = maf(), [Reversal(), maf(ORDER.flip(0)), Reversal(), maf()]
    prior = autoregressive_gaussian(layer.conditioner)
    x = points(1000, spread)
    found = autoregressive_prior_is_a_layer(prior, layer, flow, x)
    assert found.holds
    z, total = x, torch.zeros(1000, dtype=torch.float64)
    for one in (flow[3], flow[2], flow[1], flow[0]):
        z, log_det = one.inverse(z)
        total = total + log_det
    assert found.left == pytest.approx((prior(z) + total).mean().item(), rel=1e-12)
    assert found.residual < 1e-13
    assert abs(found.left) > 5


def test_the_sign_of_the_extra_log_determinant_is_noticed():
    layer, flow = maf(), [Reversal(), maf()]
    prior = autoregressive_gaussian(layer.conditioner)
    assert not autoregressive_prior_is_a_layer(prior, WrongSign(layer), flow, points()).holds
    assert not autoregressive_prior_is_a_layer(prior, maf(), flow, points()).holds


class MixtureLayer:
    """One dimension: z = Phi^-1(F(x)), F the distribution function of a mixture of Gaussians."""

    mixture = MixtureSameFamily(
        Categorical(torch.tensor([0.3, 0.7], dtype=torch.float64)),
        Normal(torch.tensor([-2.0, 1.0]).double(), torch.tensor([0.5, 1.0]).double()),
    )
    normal = Normal(torch.zeros(()).double(), torch.ones(()).double())

    def inverse(self, x):
        z = self.normal.icdf(self.mixture.cdf(x))
        return z, (self.mixture.log_prob(x) - self.normal.log_prob(z)).sum(-1)


def test_any_continuous_conditional_is_a_layer():
    """A distribution function followed by Phi^-1: autoregressive models of reals are flows."""
    layer, x = MixtureLayer(), torch.linspace(-4, 4, 41, dtype=torch.float64)[:, None]

    def log_prior(z):
        return layer.mixture.log_prob(z).sum(-1)

    assert autoregressive_prior_is_a_layer(log_prior, layer, [], x).holds


def test_an_autoregressive_prior_is_an_inverse_autoregressive_posterior():
    layer = maf()
    q = DiagonalGaussian(*0.5 * torch.randn(2, 300, 5, dtype=torch.float64))
    z, log_q = q.rsample_and_log_prob()
    prior = autoregressive_gaussian(layer.conditioner)
    found = autoregressive_prior_is_an_inverse_posterior(prior, layer, z, log_q)
    assert found.holds
    assert found.residual < 5e-13
    wrong = autoregressive_prior_is_an_inverse_posterior(prior, WrongSign(layer), z, log_q)
    assert not wrong.holds


def test_maf_and_iaf_undo_each_other():
    layer = maf()
    for found in maf_and_iaf_are_inverses(layer, Inverse(layer), points(spread=1.0)):
        assert found.holds
        assert found.residual < 1e-12


def test_a_layer_is_not_its_own_inverse():
    layer = maf()
    found = maf_and_iaf_are_inverses(layer, layer, points(spread=1.0))
    assert [one.holds for one in found] == [False, False, False]


def test_an_iaf_of_other_parameters_undoes_nothing():
    found = maf_and_iaf_are_inverses(maf(), Inverse(maf()), points(spread=1.0))
    assert not any(one.holds for one in found)


def test_a_nan_never_holds():
    layer = maf()
    x = points(3)
    x[1, 2] = math.nan
    with pytest.raises(ValueError, match="x: expected"):
        autoregressive_prior_is_a_layer(autoregressive_gaussian(layer.conditioner), layer, [], x)


@pytest.mark.parametrize("x", [torch.zeros(5), torch.zeros(2, 3, 5)])
def test_points_of_another_shape_are_refused(x):
    layer = maf()
    prior = autoregressive_gaussian(layer.conditioner)
    with pytest.raises(ValueError, match="x: expected"):
        autoregressive_prior_is_a_layer(prior, layer, [], x.double())


def test_a_prior_that_sums_over_the_batch_is_refused():
    layer = maf()
    prior = autoregressive_gaussian(layer.conditioner)
    with pytest.raises(ValueError, match=r"log_prior\(z\): expected"):
        autoregressive_prior_is_a_layer(lambda z: prior(z).sum(), layer, [], points(7))
