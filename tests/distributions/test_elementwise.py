import math

import pytest
import torch
from flow_helpers import log_abs_det, randomise

from course_lib.distributions import (
    ElementwiseAffine,
    ElementwiseSigmoidal,
    Pushforward,
    StandardGaussian,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")


def skewed(n):
    x = torch.randn(n, 3, dtype=torch.float64)
    bumps = torch.where(torch.rand(n, dtype=torch.float64) < 0.3, -4.0, 4.0) + 0.1 * x[:, 2]
    return torch.stack((x[:, 0].exp(), 30 * x[:, 1] - 7, bumps), -1)


def test_diagonal_is_the_gaussian_of_its_data():
    x = skewed(401)
    layer = ElementwiseAffine(3).double().fit_to(x)
    z, log_det = layer.inverse(x)
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(3).double(), atol=1e-12, rtol=0)
    gaussian = torch.distributions.Normal(x.mean(0), x.std(0, correction=0))
    log_prob = Pushforward(StandardGaussian(3).double()(), [layer]).log_prob(x)
    torch.testing.assert_close(log_prob, gaussian.log_prob(x).sum(-1))
    back, log_det_back = layer(z)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_det_back, -log_det)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("kind", [ElementwiseAffine, lambda dim: ElementwiseSigmoidal(dim, 5)])
def test_log_det_equals_the_autograd_jacobian(kind, direction):
    layer = randomise(kind(3), 0.7).double()
    z = torch.randn(7, 3, dtype=torch.float64)
    _, log_det = getattr(layer, direction)(z)
    exact = log_abs_det(lambda one: getattr(layer, direction)(one)[0], z)
    assert log_det.abs().mean() > 0.1
    torch.testing.assert_close(log_det, exact, rtol=1e-12, atol=1e-12)


def test_a_marginal_goes_there_and_back():
    layer = randomise(ElementwiseSigmoidal(3, 5), 0.7).double()
    x = 3 * torch.randn(2, 33, 3, dtype=torch.float64)
    z, log_det = layer.inverse(x)
    back, log_det_back = layer(z)
    torch.testing.assert_close(back, x, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(log_det_back, -log_det, rtol=1e-11, atol=1e-11)


def test_a_fitted_marginal_makes_each_dimension_logistic():
    x = skewed(5001)
    z, _ = ElementwiseSigmoidal(3, 32).double().fit_to(x).inverse(x)
    ranks = (z.argsort(0).argsort(0).double() + 0.5) / len(z)
    assert (torch.sigmoid(z) - ranks).abs().max() < 0.03


def test_a_fitted_marginal_is_nearer_to_odd_data_than_the_gaussian():
    x, held_out = skewed(2000), skewed(2000)
    base, spread = StandardGaussian(3).double()(), ElementwiseAffine(3).double()
    torch.nn.init.constant_(spread.log_scale, math.log(math.pi / math.sqrt(3)))  # the logistic's
    bent = Pushforward(base, [spread, ElementwiseSigmoidal(3, 16).double().fit_to(x)])
    plain = Pushforward(base, [ElementwiseAffine(3).double().fit_to(x)])
    assert (bent.log_prob(held_out) - plain.log_prob(held_out)).mean() > 1.5


def test_a_marginal_starts_near_the_identity():
    x = torch.randn(50, 3)
    z, log_det = ElementwiseSigmoidal(3, 8).inverse(x)
    torch.testing.assert_close(z, x, rtol=0.1, atol=0.1)
    assert (log_det.abs() < 0.3).all()


def test_a_dimension_with_ties_gets_a_finite_density():
    x = torch.cat([torch.zeros(500, 1), torch.rand(20, 1)]).double()
    layer = ElementwiseSigmoidal(1, 8).double().fit_to(x)
    assert torch.isfinite(layer.inverse(x)[1]).all()


@pytest.mark.parametrize("kind", [ElementwiseAffine, lambda dim: ElementwiseSigmoidal(dim, 4)])
@pytest.mark.parametrize("x", [torch.zeros(5, 3), torch.randn(5, 2), torch.full((5, 3), torch.nan)])
def test_data_without_a_spread_is_refused(kind, x):
    with pytest.raises(ValueError, match="x: expected"):
        kind(3).fit_to(x)
