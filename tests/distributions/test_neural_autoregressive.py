import math

import pytest
import torch
from flow_helpers import log_abs_det, plane, randomise

from course_lib.distributions import NeuralAutoregressive, Pushforward, StandardGaussian
from course_lib.distributions.transforms.neural import (
    SigmoidalFlow,
    inverse_sigmoidal_flow,
    sigmoidal_flow,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

ORDER = torch.tensor([3, 0, 4, 1, 2])


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


def layer(dtype=torch.float64, context_dim=0, scale=0.3):
    naf = NeuralAutoregressive(5, (16, 16), units=4, context_dim=context_dim, order=ORDER)
    return randomise(naf, scale).to(dtype)


def curves(*shape, scale=1.0, dtype=torch.float64):
    log_slope, shift, weight = scale * torch.randn(3, *shape, 6, dtype=dtype)
    return SigmoidalFlow(log_slope, 3 * shift, weight.log_softmax(-1))


def test_the_bend_is_the_logit_of_a_mixture_of_sigmoids():
    x, parameters = torch.randn(7, dtype=torch.float64), curves(7)
    log_slope, shift, log_weight = parameters
    mixture = (log_weight.exp() * torch.sigmoid(log_slope.exp() * x[:, None] + shift)).sum(-1)
    torch.testing.assert_close(
        sigmoidal_flow(x, parameters)[0], torch.logit(mixture), rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("context_dim", [0, 2])
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_equals_the_autograd_jacobian(direction, context_dim, dtype):
    naf = layer(dtype, context_dim)
    context = torch.randn(context_dim, dtype=dtype) if context_dim else None
    z = torch.randn(7, 5, dtype=dtype)
    _, log_det = getattr(naf, direction)(z, context)
    exact = log_abs_det(lambda one: getattr(naf, direction)(one, context)[0], z)
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    assert log_det.abs().mean() > 0.1
    torch.testing.assert_close(log_det, exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("context_dim", [0, 2])
def test_round_trips_return_and_log_dets_are_opposite(context_dim, dtype):
    naf = layer(dtype, context_dim)
    x = 2 * torch.randn(3, 33, 5, dtype=dtype)
    context = torch.randn(33, context_dim, dtype=dtype) if context_dim else None
    z, log_det = naf.inverse(x, context)
    back, log_det_back = naf(z, context)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(back, x, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_every_real_number_is_reached(scale, dtype):
    z = torch.cat([torch.randn(400), 1e4 * torch.randn(100), torch.tensor([0.0, 1e6, -1e6])])
    z, parameters = z.to(dtype), curves(503, scale=scale, dtype=dtype)
    again, log_slope = sigmoidal_flow(inverse_sigmoidal_flow(z, parameters), parameters)
    error = (again - z).abs() / (1 + z.abs() * log_slope.exp().clamp(min=1))
    steps = 200 if dtype == torch.float32 else 1000
    slack = (1 + parameters.log_slope.exp().amax(-1)) * (1 + parameters.shift.abs().amax(-1))
    assert (error <= steps * torch.finfo(dtype).eps * slack).all()


def test_a_flat_stretch_between_two_steep_ones_is_crossed():
    """Bisection alone would need hundreds of halvings, Newton alone would jump out of range."""
    steep = SigmoidalFlow(
        torch.full((2,), 4.0), torch.tensor([-2000.0, 2000.0]), torch.tensor([0.5, 0.5]).log()
    )
    z = torch.linspace(-20.0, 20.0, 41, dtype=torch.float64)
    parameters = SigmoidalFlow(*(p.double() for p in steep))
    x = inverse_sigmoidal_flow(z, parameters)
    assert (x[1:] > x[:-1]).all()
    assert x.abs().max() < 40


def test_the_inverse_has_the_gradient_of_the_root_it_finds():
    z = torch.randn(5, dtype=torch.float64, requires_grad=True)
    parameters = [p.detach().requires_grad_() for p in curves(5)]

    def root(z, log_slope, shift, weight):
        return inverse_sigmoidal_flow(z, SigmoidalFlow(log_slope, shift, weight.log_softmax(-1)))

    assert torch.autograd.gradcheck(root, (z, *parameters))


def test_samples_carry_the_gradient_of_all_parameters():
    naf = layer()
    base = StandardGaussian(5).double()()
    z = base.sample((7,))
    parameters = tuple(naf.parameters())
    vector = torch.nn.utils.parameters_to_vector(parameters).detach()
    slopes = torch.autograd.grad(naf(z)[0].square().sum(), parameters)
    direction = torch.randn_like(vector)
    slope = torch.cat([g.flatten() for g in slopes]) @ direction
    sums = []
    for sign in (1, -1):
        torch.nn.utils.vector_to_parameters(vector + sign * 1e-6 * direction, parameters)
        sums.append(naf(z)[0].square().sum().item())
    assert slope.item() == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-5)


def test_a_plane_holds_mass_one():
    naf = randomise(NeuralAutoregressive(2, (16,), units=3), 0.5).double()
    x, cell = plane(24.0, 601)
    with torch.no_grad():
        log_prob = Pushforward(StandardGaussian(2).double()(), [naf]).log_prob(x)
    assert log_prob.exp().sum().item() * cell == pytest.approx(1, abs=1e-3)


def test_a_single_layer_can_give_a_dimension_two_modes():
    naf = NeuralAutoregressive(1, (4,), units=2).double()
    with torch.no_grad():
        naf.network.layers[-1].bias.copy_(torch.tensor([1.5, 1.5, -12.0, 12.0, 0.0, 0.0]))
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)[:, None]
    log_prob = Pushforward(StandardGaussian(1).double()(), [naf]).log_prob(x)
    peaks = (log_prob[1:-1] > log_prob[:-2]) & (log_prob[1:-1] > log_prob[2:])
    assert peaks.sum() == 2


def test_it_starts_near_the_identity_whatever_the_context(dtype):
    naf = NeuralAutoregressive(4, (8,), context_dim=3).to(dtype)
    x, context = torch.randn(7, 4, dtype=dtype), torch.randn(7, 3, dtype=dtype)
    z, log_det = naf.inverse(x, context)
    torch.testing.assert_close(z, x, rtol=0.1, atol=0.1)
    assert (log_det.abs() < 0.4).all()


def test_its_units_start_apart():
    """Units that start equal have equal gradients, and stay equal."""
    naf = NeuralAutoregressive(3, (8,), units=5)
    naf.inverse(torch.randn(9, 3))[0].square().sum().backward()
    gradient = naf.network.layers[-1].bias.grad.view(3, 3, 5)
    for row in gradient.flatten(0, 1):
        assert len(row.unique()) == 5


def test_each_dimension_depends_on_those_before_it_and_grows_in_itself():
    naf = layer()
    x = torch.randn(5, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda one: naf.inverse(one)[0], x)
    places = ORDER.argsort()
    sorted_jacobian = jacobian[places][:, places]
    assert torch.equal(sorted_jacobian.triu(1), torch.zeros(5, 5, dtype=torch.float64))
    assert (sorted_jacobian.diagonal() > 0).all()
    assert (sorted_jacobian.tril(-1) != 0).sum() == 10
    assert torch.equal(naf.sequence, places)


def test_far_points_and_wild_weights_stay_finite_in_float32():
    naf = layer(torch.float32, scale=3.0)
    x = 1e6 * torch.randn(100, 5)
    assert torch.isfinite(Pushforward(StandardGaussian(5)(), [naf]).log_prob(x)).all()
    assert all(torch.isfinite(part).all() for part in naf(torch.randn(100, 5)))


@pytest.mark.parametrize("value", [math.inf, math.nan, 1e38])
def test_a_point_that_no_number_is_mapped_to_is_named(value):
    flat = SigmoidalFlow(torch.full((3,), -7.0), torch.zeros(3), torch.full((3,), math.log(1 / 3)))
    with pytest.raises(
        ValueError, match=rf"z: no finite x is mapped to {value:g}".replace("+", r"\+")
    ):
        inverse_sigmoidal_flow(torch.tensor([0.0, value]), flat)


def test_it_agrees_with_zukos_inverse_of_a_general_monotone_map():
    zuko = pytest.importorskip("zuko")
    parameters = curves(40, scale=0.7)
    theirs = zuko.transforms.MonotonicTransform(
        lambda x: sigmoidal_flow(x, parameters)[0], bound=60.0
    )
    z = torch.randn(40, dtype=torch.float64)
    torch.testing.assert_close(
        inverse_sigmoidal_flow(z, parameters), theirs.inv(z), rtol=1e-5, atol=1e-5
    )
    x, log_slope = (
        inverse_sigmoidal_flow(z, parameters),
        sigmoidal_flow(inverse_sigmoidal_flow(z, parameters), parameters)[1],
    )
    torch.testing.assert_close(theirs.log_abs_det_jacobian(x, z), log_slope, rtol=1e-9, atol=1e-9)


def test_its_bend_is_pyros_deep_sigmoidal_flow():
    transforms = pytest.importorskip("pyro.distributions.transforms")
    theirs = transforms.neural_autoregressive(3, hidden_dims=[8], width=5)
    torch.manual_seed(1)
    x = torch.randn(9, 3)
    A, W_pre, b = theirs.arn(x)
    parameters = SigmoidalFlow(
        torch.log(torch.nn.functional.softplus(A).transpose(-1, -2)),
        b.transpose(-1, -2),
        W_pre.transpose(-1, -2).log_softmax(-1),
    )
    z, log_slope = sigmoidal_flow(x, parameters)
    expected = theirs(x)
    torch.testing.assert_close(z, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        log_slope.sum(-1), theirs.log_abs_det_jacobian(x, expected), rtol=1e-4, atol=1e-4
    )
