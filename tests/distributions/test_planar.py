import pytest
import torch
from flow_helpers import log_abs_det, plane, randomise

from course_lib.distributions import Planar, StandardGaussian, constrain_planar, planar

pytestmark = pytest.mark.usefixtures("fixed_seed")


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


WHITE_NOISE = StandardGaussian(2).double()


def raw(*shape, scale=1.0, dtype=torch.float64):
    u, w = scale * torch.randn(2, *shape, dtype=dtype)
    return u, w, scale * torch.randn(shape[:-1], dtype=dtype)


def pulled_back_mass(function):
    z, cell = plane(14.0, 701)
    x, log_det = function(z)
    return (WHITE_NOISE().log_prob(x) + log_det).exp().sum().item() * cell


def test_the_constraint_makes_every_layer_invertible_and_moves_u_along_w_only():
    u, w, _ = raw(1000, 4, scale=1.5)
    u_hat = constrain_planar(u, w)
    assert ((w * u).sum(-1) < -1).float().mean() > 0.2
    assert ((w * u_hat).sum(-1) > -1).all()
    change = u_hat - u
    along = (change * w).sum(-1, keepdim=True) * w / w.square().sum(-1, keepdim=True)
    torch.testing.assert_close(change, along, rtol=0, atol=1e-10)


def test_the_constraint_is_the_lectures_function_of_the_dot_product():
    u, w, _ = raw(100, 3)
    expected = torch.log1p((w * u).sum(-1).exp()) - 1
    torch.testing.assert_close((w * constrain_planar(u, w)).sum(-1), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_log_det_equals_the_autograd_jacobian(scale, dtype):
    u, w, b = raw(4, scale=scale, dtype=dtype)
    z = torch.randn(33, 4, dtype=dtype)
    _, log_det = planar(z, u, w, b)
    wide = [value.double() for value in (u, w, b)]
    exact = log_abs_det(lambda one: planar(one, *wide)[0], z.double())
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6 * (1 + u.norm() * w.norm()).item()
    torch.testing.assert_close(log_det.double(), exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("pull", [-3.0, -1.0, 0.5, 4.0])
def test_the_pulled_back_density_has_mass_one(pull):
    """Identity 17: what a log-determinant test cannot see, a missing constraint, shows here."""
    w = torch.tensor([0.9, -0.6], dtype=torch.float64)
    b = torch.tensor(0.4, dtype=torch.float64)
    assert pulled_back_mass(lambda z: planar(z, pull * w, w, b)) == pytest.approx(1, abs=1e-6)


def test_without_the_constraint_the_mass_would_not_be_one():
    w = torch.tensor([0.9, -0.6], dtype=torch.float64)

    def folded(z):
        h = torch.tanh(z @ w)
        return z - 3 * w * h[:, None], (1 - 3 * (1 - h**2) * w.square().sum()).abs().log()

    assert pulled_back_mass(folded) > 1.5


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
def test_the_inverse_solves_the_layer_at_any_parameters(scale, dtype):
    u, w, b = raw(500, 4, scale=scale, dtype=dtype)
    layer = Planar(4).to(dtype)
    layer.parameters_given = lambda context: (u, w, b)
    x = 3 * torch.randn(500, 4, dtype=dtype)
    z, log_det = layer.inverse(x)
    again, log_det_again = layer(z)
    size = 1 + constrain_planar(u, w).norm(dim=-1) * (w.norm(dim=-1) * z.norm(dim=-1) + b.abs())
    assert ((again - x).norm(dim=-1) <= 8 * torch.finfo(dtype).eps * size).all()
    assert torch.isfinite(log_det).all()
    assert torch.isfinite(log_det_again).all()


def test_the_inverse_has_the_gradient_of_the_root_it_finds():
    layer = randomise(Planar(3), 1.0).double()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, p: _with(layer, p).inverse(x), (x, layer.shared))


def _with(layer, shared):
    u, w, b = shared.split((3, 3, 1), -1)
    twin = Planar(3)
    twin.parameters_given = lambda context: (u, w, b.squeeze(-1))
    return twin


def test_round_trips_return_and_log_dets_are_opposite(dtype):
    layer = randomise(Planar(3, context_dim=2), 0.7).to(dtype)
    z, context = torch.randn(33, 3, dtype=dtype), torch.randn(33, 2, dtype=dtype)
    x, log_det = layer(z, context)
    back, log_det_back = layer.inverse(x, context)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(back, z, rtol=0, atol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_long_u_and_w_never_give_nan(sign):
    """There w.u-hat rounds to -1 or below, and the plane itself passes through the points."""
    w = 30 * torch.randn(2000, 5)
    z = torch.zeros(2000, 5)
    value, log_det = planar(z, sign * w.flip(0) - 0.2 * w, w, torch.full((2000,), 1e-3))
    assert torch.isfinite(value).all()
    assert torch.isfinite(log_det).all()


def test_it_starts_at_the_identity_whatever_the_context(dtype):
    layer = Planar(4, context_dim=3).to(dtype)
    z, context = torch.randn(7, 4, dtype=dtype), torch.randn(7, 3, dtype=dtype)
    x, log_det = layer(z, context)
    tolerance = 1e-6  # the parameters themselves start in float32
    torch.testing.assert_close(x, z, rtol=0, atol=tolerance)
    torch.testing.assert_close(log_det, torch.zeros(7, dtype=dtype), rtol=0, atol=tolerance)
    assert layer.shared[4:8].norm() > 0.1


def test_a_batch_of_contexts_gives_each_example_its_own_layer():
    layer = randomise(Planar(3, context_dim=2)).double()
    z, context = torch.randn(4, 7, 3).double(), torch.randn(7, 2).double()
    together = layer(z, context)
    for i in range(7):
        alone = layer(z[:, i], context[i])
        torch.testing.assert_close(together[0][:, i], alone[0], rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(together[1][:, i], alone[1], rtol=1e-13, atol=1e-13)


def test_layers_start_apart():
    first, second = Planar(3), Planar(3)
    assert not torch.equal(first.shared, second.shared)
