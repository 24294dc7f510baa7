import math

import pytest
import torch
from flow_helpers import log_abs_det
from torch.distributions import Normal

from course_lib.distributions import Flow, Inverse, Logit, Pushforward, Reshape, StandardGaussian

pytestmark = pytest.mark.usefixtures("fixed_seed")

LEVELS = 17


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


def levels(*shape, dtype=torch.float64):
    return LEVELS * torch.rand(*shape, dtype=dtype)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_equals_the_autograd_jacobian(direction, dtype):
    logit = Logit(LEVELS, 1e-3)
    x = levels(7, 4, dtype=dtype) if direction == "forward" else 3 * torch.randn(7, 4, dtype=dtype)
    _, log_det = getattr(logit, direction)(x)
    exact = log_abs_det(lambda one: getattr(logit, direction)(one)[0], x)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(log_det, exact, rtol=tolerance, atol=tolerance)


def test_it_is_the_logit_of_the_shrunk_level():
    x = levels(5, 3)
    z, _ = Logit(LEVELS, 0.01)(x)
    torch.testing.assert_close(z, torch.logit(0.01 + 0.98 * x / LEVELS), rtol=1e-12, atol=1e-12)


def test_round_trips_return_and_log_dets_are_opposite(dtype):
    logit, x = Logit(LEVELS, 1e-3), levels(33, 4, dtype=dtype)
    z, log_det = logit(x)
    back, log_det_back = logit.inverse(z)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(back, x, rtol=0, atol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("alpha", [1e-3, 0.05])
def test_the_density_in_grey_levels_has_mass_one_of_which_the_margin_takes_a_part(alpha):
    flow = Pushforward(StandardGaussian(1).double()(), [Inverse(Logit(LEVELS, alpha))])
    margin = alpha * LEVELS / (1 - 2 * alpha)
    edges = torch.linspace(-margin, LEVELS + margin, 200_001, dtype=torch.float64)
    x = (edges[1:] + edges[:-1]) / 2
    density = flow.log_prob(x[:, None]).exp() * (edges[1] - edges[0])
    assert density.sum().item() == pytest.approx(1, abs=1e-6)
    inside = density[(x > 0) & (x < LEVELS)].sum().item()
    lost = 2 * Normal(0.0, 1.0).cdf(torch.tensor(math.log(alpha / (1 - alpha)))).item()
    assert inside == pytest.approx(1 - lost, abs=1e-4)


def test_a_uniform_level_costs_log_levels_a_pixel():
    """In units of the data no constant is left over: white noise on [0, L) has log L nats."""
    x = levels(1000, 3)
    z, log_det = Logit(LEVELS, 1e-6)(x)
    logistic = (torch.nn.functional.logsigmoid(z) + torch.nn.functional.logsigmoid(-z)).sum(-1)
    expected = torch.full((1000,), -3 * math.log(LEVELS), dtype=torch.float64)
    torch.testing.assert_close(logistic + log_det, expected, rtol=1e-5, atol=0)


def test_a_flow_of_images_gives_a_bound_on_the_probability_of_the_levels():
    """E_u log p(x + u) <= log P(x), with P(x) the mass of the cell, for one pixel exactly."""
    flow = Flow(StandardGaussian(1), [Inverse(Logit(LEVELS)), Reshape((1, 1, 1))]).double()
    u = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    total = 0.0
    for level in range(LEVELS):
        log_p = flow().log_prob((level + u).view(-1, 1, 1, 1))
        bound, exact = log_p.mean().item(), (torch.logsumexp(log_p, 0) - math.log(2000)).item()
        assert bound <= exact
        total += math.exp(exact)
    assert total == pytest.approx(1, abs=1e-3)


def test_samples_so_far_out_that_they_round_have_a_finite_density():
    flow = Pushforward(StandardGaussian(2)(), [Inverse(Logit(LEVELS))])
    x, _ = flow.push(torch.tensor([[40.0, -40.0], [17.0, -17.0]]))
    assert torch.isfinite(flow.log_prob(x)).all()


@pytest.mark.parametrize("value", [-0.5, 17.5, 255.0, math.nan])
def test_levels_outside_are_refused(value):
    with pytest.raises(ValueError, match=r"x: expected grey levels in \[0, 17\]"):
        Logit(LEVELS)(torch.tensor([[3.0, value]]))


@pytest.mark.parametrize(("levels", "alpha"), [(0, 0.1), (-3, 0.1), (math.inf, 0.1), (True, 0.1)])
def test_a_number_of_levels_that_is_none_is_refused(levels, alpha):
    with pytest.raises(ValueError, match="levels: expected a positive number"):
        Logit(levels, alpha)


@pytest.mark.parametrize("alpha", [0.0, 0.5, -0.1, math.nan])
def test_a_margin_that_is_none_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha: expected a number between 0"):
        Logit(LEVELS, alpha)


def test_reshape_lays_vectors_out_in_row_major_order():
    z = torch.arange(12.0).view(2, 6)
    x, log_det = Reshape((1, 2, 3))(z)
    assert torch.equal(x[1, 0], torch.tensor([[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]))
    assert torch.equal(Reshape((1, 2, 3)).inverse(x)[0], z)
    assert torch.equal(log_det, torch.zeros(2))


def test_a_flow_of_images_speaks_of_images():
    flow = Flow(StandardGaussian(6), [Reshape((1, 2, 3))])
    assert flow.event_shape == (1, 2, 3)
    assert flow().event_shape == (1, 2, 3)
    x, log_prob = flow().rsample_and_log_prob((5,))
    assert x.shape == (5, 1, 2, 3)
    torch.testing.assert_close(flow().log_prob(x), log_prob)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"event_shape: expected room for the \(6,\)"):
        Flow(StandardGaussian(6), [Reshape((1, 2, 4))])
