import math

import pytest
import torch
from flow_helpers import log_abs_det, randomise
from torch.distributions import Normal

from course_lib.distributions import (
    AffineAutoregressive,
    DiagonalGaussian,
    Inverse,
    Pushforward,
    StandardGaussian,
)
from course_lib.distributions.transforms.stepwise import Stepwise

pytestmark = pytest.mark.usefixtures("fixed_seed")


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


ORDER = torch.tensor([3, 0, 4, 1, 2])
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-6}


def layer(dtype=torch.float64, context_dim=0, scale=0.3):
    maf = AffineAutoregressive(5, (16, 16), context_dim=context_dim, order=ORDER)
    return randomise(maf, scale).to(dtype)


@pytest.fixture
def base():
    return StandardGaussian(5).double()()


@pytest.mark.parametrize("context_dim", [0, 2])
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_equals_the_autograd_jacobian(direction, context_dim, dtype):
    maf = layer(dtype, context_dim)
    context = torch.randn(context_dim, dtype=dtype) if context_dim else None
    z = torch.randn(7, 5, dtype=dtype)
    _, log_det = getattr(maf, direction)(z, context)
    exact = log_abs_det(lambda one: getattr(maf, direction)(one, context)[0], z)
    assert log_det.abs().mean() > 0.05
    torch.testing.assert_close(log_det, exact, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("context_dim", [0, 2])
def test_round_trips_return_and_log_dets_are_opposite(context_dim, dtype):
    maf = layer(dtype, context_dim)
    z = torch.randn(33, 5, dtype=dtype)
    context = torch.randn(33, context_dim, dtype=dtype) if context_dim else None
    tolerance = 5e-14 if dtype == torch.float64 else 5e-6
    x, log_det = maf(z, context)
    back, log_det_back = maf.inverse(x, context)
    torch.testing.assert_close(back, z, rtol=0, atol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, rtol=0, atol=tolerance)
    y, _ = maf.inverse(z, context)
    torch.testing.assert_close(maf(y, context)[0], z, rtol=0, atol=tolerance)


def test_maf_and_iaf_share_parameters_and_density_and_are_fast_in_opposite_directions(
    base, monkeypatch
):
    """Identity 11."""
    maf = layer()
    iaf = Inverse(maf)
    passes, visits = [], []
    maf.network.register_forward_hook(lambda *_: passes.append(1))
    reveal = Stepwise.reveal
    monkeypatch.setattr(Stepwise, "reveal", lambda self, x: visits.append(1) or reveal(self, x))

    def cost(action):
        passes.clear(), visits.clear()
        return action(), (len(passes), len(visits))

    x = torch.randn(7, 5, dtype=torch.float64)
    density, density_cost = cost(lambda: Pushforward(base, [maf]).log_prob(x))
    (z, log_det), inverse_cost = cost(lambda: iaf(x))
    assert torch.equal(density, base.log_prob(z) + log_det)
    assert density_cost == inverse_cost == (1, 0)
    assert cost(lambda: maf(x))[1] == cost(lambda: iaf.inverse(x))[1] == (0, 5)


def test_an_autoregressive_gaussian_is_one_layer_on_white_noise(base):
    """Identity 10: prod_i N(x_i; mu_i(x_<i), sigma_i(x_<i)) is a MAF layer on N(0, I)."""
    maf = layer()
    x = 3 * torch.randn(40, 5, dtype=torch.float64)
    mu, log_scale = maf.conditioner(x)
    factors = Normal(mu, log_scale.exp()).log_prob(x).sum(-1)
    torch.testing.assert_close(Pushforward(base, [maf]).log_prob(x), factors, rtol=1e-13, atol=0)


def test_an_autoregressive_prior_under_a_flow_is_a_flow_with_one_more_layer(base):
    """Identity 10, with the order of dimensions reversed between the layers."""
    flow, prior = layer(), AffineAutoregressive(5, (16,), order=ORDER.flip(0))
    randomise(prior.double())
    x = torch.randn(40, 5, dtype=torch.float64)
    two_layers = Pushforward(base, [prior, flow]).log_prob(x)
    autoregressive_prior = Pushforward(Pushforward(base, [prior]), [flow]).log_prob(x)
    torch.testing.assert_close(two_layers, autoregressive_prior, rtol=1e-13, atol=0)


def test_an_autoregressive_prior_is_an_inverse_autoregressive_posterior(base):
    """log q(z) - log p_AR(z) = log of q pushed through the inverse - log N(0, I), pathwise."""
    maf = layer()
    q = DiagonalGaussian(*0.5 * torch.randn(2, 7, 5, dtype=torch.float64))
    z, log_q = q.rsample_and_log_prob()
    u, _ = maf.inverse(z)
    left = log_q - Pushforward(base, [maf]).log_prob(z)
    right = Pushforward(q, [Inverse(maf)]).log_prob(u) - base.log_prob(u)
    torch.testing.assert_close(left, right, rtol=0, atol=5e-13)


def test_permuting_data_and_order_together_leaves_the_density_unchanged(base):
    maf, permutation = layer(), torch.tensor([2, 4, 0, 1, 3])
    twin = AffineAutoregressive(5, (16, 16), order=ORDER[permutation]).double()
    weights = {k: v.clone() for k, v in maf.network.state_dict().items() if "mask" not in k}
    rows = torch.cat((permutation, 5 + permutation))
    weights["layers.0.weight"] = weights["layers.0.weight"][:, permutation]
    weights["layers.2.weight"] = weights["layers.2.weight"][rows]
    weights["layers.2.bias"] = weights["layers.2.bias"][rows]
    twin.network.load_state_dict(weights, strict=False)
    x = torch.randn(40, 5, dtype=torch.float64)
    expected = Pushforward(base, [maf]).log_prob(x)
    permuted = Pushforward(base, [twin]).log_prob(x[:, permutation])
    torch.testing.assert_close(permuted, expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(twin(x[:, permutation])[0], maf(x)[0][:, permutation])


def test_far_points_and_wild_weights_stay_finite_in_float32():
    maf = layer(torch.float32, scale=3.0)
    x = 1e6 * torch.randn(100, 5)
    assert torch.isfinite(Pushforward(StandardGaussian(5)(), [maf]).log_prob(x)).all()
    for direction in (maf.forward, maf.inverse):
        assert all(torch.isfinite(part).all() for part in direction(x[:, :5] * 1e-5))
    assert (maf.conditioner(x)[1].abs() < 7.001).all()


def test_the_bound_hardly_touches_moderate_scales():
    maf = AffineAutoregressive(1, (4,), bound=7.0)
    with torch.no_grad():
        maf.network.layers[-1].bias[1] = 0.01
    log_scale = maf.conditioner(torch.zeros(1, 1))[1].item()
    assert log_scale == pytest.approx(0.01, rel=0.01 / 7 + 1e-6)


def test_it_starts_at_the_identity_whatever_the_context(dtype):
    maf = AffineAutoregressive(4, (8,), context_dim=3).to(dtype)
    z, context = torch.randn(7, 4, dtype=dtype), torch.randn(7, 3, dtype=dtype)
    for direction in (maf.forward, maf.inverse):
        x, log_det = direction(z, context)
        assert torch.equal(x, z)
        assert torch.equal(log_det, torch.zeros(7, dtype=dtype))


def test_every_dimension_uses_the_context():
    maf = layer(context_dim=2)
    z = torch.randn(9, 5, dtype=torch.float64)
    near, far = (maf.inverse(z, torch.full((9, 2), c, dtype=torch.float64))[0] for c in (0.0, 2.0))
    assert ((near - far).abs().amax(0) > 1e-3).all()


def test_its_entropy_is_that_of_the_noise_plus_the_mean_log_det(base):
    maf = layer()
    x, log_prob = Pushforward(base, [maf]).rsample_and_log_prob((20_000,))
    entropy = 2.5 * (1 + math.log(2 * math.pi)) - maf.inverse(x)[1].mean().item()
    assert log_prob.mean().item() == pytest.approx(-entropy, abs=0.1)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_one_x_may_be_asked_of_many_contexts(direction):
    """As the aggregate posterior does: every z under the posterior of every x."""
    maf = layer(context_dim=2)
    z, context = torch.randn(4, 1, 5).double(), torch.randn(3, 2).double()
    together, log_det = getattr(maf, direction)(z, context)
    assert together.shape == (4, 3, 5)
    for i, one in enumerate(context):
        alone = getattr(maf, direction)(z[:, 0], one.expand(4, 2))
        torch.testing.assert_close((together[:, i], log_det[:, i]), alone, rtol=0, atol=1e-12)
