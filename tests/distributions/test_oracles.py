"""Two independent libraries agree with our densities and log-determinants at equal parameters."""

import math

import pytest
import torch
from flow_helpers import randomise
from torch import nn

from course_lib.distributions import (
    AffineAutoregressive,
    Inverse,
    Planar,
    Pushforward,
    StandardGaussian,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

zuko = pytest.importorskip("zuko")
pyro_transforms = pytest.importorskip("pyro.distributions.transforms")

ORDER = torch.tensor([3, 0, 4, 1, 2])


class Borrowed(nn.Module):
    """A foreign network of the affine map z = shift + scale x, read as ours, x = mu + sigma z."""

    def __init__(self, shift_and_raw_scale, bound):
        super().__init__()
        self.shift_and_raw_scale, self.bound = shift_and_raw_scale, bound

    def forward(self, x, context=None):
        shift, raw = self.shift_and_raw_scale(x)
        log_scale = raw / (1 + raw.abs() / self.bound)
        return torch.stack((-shift * (-log_scale).exp(), -raw), -1)


@pytest.fixture
def points():
    return 2 * torch.randn(33, 5, dtype=torch.float64)


def test_our_layer_on_zukos_network_is_zukos_flow(points):
    theirs = zuko.flows.MaskedAutoregressiveTransform(5, order=ORDER, hidden_features=(16, 16))
    randomise(theirs).double()
    bound = -math.log(1e-3)
    ours = AffineAutoregressive(5, (16, 16), order=ORDER, bound=bound).double()
    ours.network = Borrowed(lambda x: theirs.hyper(x).unflatten(-1, (5, 2)).unbind(-1), bound)
    z, log_det = theirs().call_and_ladj(points)
    ours_z, ours_log_det = ours.inverse(points)
    torch.testing.assert_close(ours_z, z, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours_log_det, log_det, rtol=1e-12, atol=1e-12)
    base = zuko.distributions.DiagNormal(*torch.stack((torch.zeros(5), torch.ones(5))).double())
    density = zuko.distributions.NormalizingFlow(theirs(), base).log_prob(points)
    ours_density = Pushforward(StandardGaussian(5).double()(), [ours]).log_prob(points)
    torch.testing.assert_close(ours_density, density, rtol=1e-12, atol=1e-12)


def test_zukos_flow_on_our_network_is_our_layer(points):
    ours = randomise(AffineAutoregressive(5, (16, 16), order=ORDER)).double()

    def meta(x):
        mu, log_scale = ours.conditioner(x)
        raw = ours.network(x)[..., 1]
        affine = zuko.transforms.MonotonicAffineTransform
        univariate = affine(-mu * (-log_scale).exp(), -raw, slope=math.exp(-7))
        return zuko.transforms.DependentTransform(univariate, 1)

    theirs = zuko.transforms.AutoregressiveTransform(meta, passes=5)
    z, log_det = ours.inverse(points)
    torch.testing.assert_close(theirs(points), z, rtol=1e-12, atol=1e-12)
    expected = theirs.log_abs_det_jacobian(points, z)
    torch.testing.assert_close(expected, log_det, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(theirs.inv(z), ours(z)[0], rtol=1e-10, atol=1e-10)


def test_our_layer_on_pyros_network_is_pyros_iaf():
    network = pyro_transforms.affine_autoregressive(
        5, hidden_dims=[16, 16], log_scale_min_clip=-50.0, log_scale_max_clip=50.0
    ).arn
    theirs = pyro_transforms.AffineAutoregressive(network, -50.0, 50.0)
    ours = AffineAutoregressive(5, (16,), order=network.permutation.argsort(), bound=1e9)
    ours.network = Borrowed(network, 1e9)
    z = torch.randn(33, 5)
    x, log_det = Inverse(ours)(z)
    torch.testing.assert_close(x, theirs(z), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        log_det, theirs.log_abs_det_jacobian(z, theirs(z)), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("scale", [0.3, 1.5])
def test_our_planar_layer_is_pyros(points, scale):
    ours = randomise(Planar(5), scale).double()
    u, w, b = ours.parameters_given(None)
    theirs = pyro_transforms.Planar(5)
    for parameter, value in ((theirs.bias, b), (theirs.u, u), (theirs.w, w)):
        parameter.data = value.detach().reshape(parameter.shape)
    x = theirs(points)
    ours_x, ours_log_det = ours(points)
    torch.testing.assert_close(ours_x, x, rtol=1e-12, atol=1e-12)
    expected = theirs.log_abs_det_jacobian(points, x)
    torch.testing.assert_close(ours_log_det, expected, rtol=1e-11, atol=1e-11)
