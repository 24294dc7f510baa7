import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.distributions import ConditionalGaussian, DiagonalGaussian, StandardGaussian

pytestmark = pytest.mark.usefixtures("fixed_seed")


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


def gaussian(*shape, event_dim=1, dtype=torch.float64):
    mu, log_scale = torch.randn(shape, dtype=dtype), 0.7 * torch.randn(shape, dtype=dtype)
    ours = DiagonalGaussian(mu, log_scale, event_dim)
    return ours, Independent(Normal(mu, log_scale.exp()), event_dim)


@pytest.mark.parametrize("batch", [(), (5,), (4, 5)])
def test_the_standard_gaussian_is_the_general_one_at_zero_and_one(batch):
    """To the bit, although it computes less."""
    prior = StandardGaussian((2, 3))()
    prior = prior.expand(batch) if batch else prior
    zero = torch.zeros(*batch, 2, 3)
    general, (q, _) = DiagonalGaussian(zero, zero, 2), gaussian(5, 2, 3, event_dim=2)
    q = DiagonalGaussian(q.mu.float(), q.log_scale.float(), 2)
    x = 3 * torch.randn(7, *batch, 2, 3)
    assert prior.batch_shape == general.batch_shape
    assert torch.equal(prior.log_prob(x), general.log_prob(x))
    assert torch.equal(prior.log_prob(x[0]), general.log_prob(x[0]))
    assert torch.equal(kl_divergence(q, prior), kl_divergence(q, general))
    assert torch.equal(kl_divergence(prior, q), kl_divergence(general, q))
    assert torch.equal(kl_divergence(prior, prior), torch.zeros(batch))
    assert torch.equal(prior.entropy(), general.entropy())


@pytest.mark.parametrize(("shape", "event_dim"), [((7, 3), 1), ((5, 2, 3, 4), 3), ((6,), 1)])
def test_density_moments_and_entropy_equal_torch(shape, event_dim):
    ours, torchs = gaussian(*shape, event_dim=event_dim)
    x = 3 * torch.randn(4, *shape, dtype=torch.float64)
    torch.testing.assert_close(ours.log_prob(x), torchs.log_prob(x), rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(ours.entropy(), torchs.entropy(), rtol=1e-13, atol=1e-12)
    torch.testing.assert_close(ours.stddev, torchs.stddev, rtol=1e-14, atol=0)
    torch.testing.assert_close(ours.variance, torchs.variance, rtol=1e-14, atol=0)
    assert torch.equal(ours.mean, torchs.mean)


def test_density_integrates_to_one():
    axis = torch.linspace(-40, 40, 20001, dtype=torch.float64)
    q = DiagonalGaussian(torch.tensor([0.7]).double(), torch.tensor([1.1]).double())
    mass = torch.trapezoid(q.log_prob(axis[:, None]).exp(), axis)
    assert abs(mass - 1) < 1e-10


@pytest.mark.parametrize("sample_shape", [(), (3,), (2, 3)])
def test_sample_and_log_prob_together_equal_the_two_apart(sample_shape, dtype):
    q, _ = gaussian(5, 2, 3, event_dim=2, dtype=dtype)
    x, log_prob = q.rsample_and_log_prob(sample_shape)
    assert x.shape == (*sample_shape, 5, 2, 3)
    assert log_prob.shape == (*sample_shape, 5)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(q.log_prob(x), log_prob, rtol=tolerance, atol=tolerance)


def test_kl_equals_torch_and_is_zero_only_at_itself():
    (q, torch_q), (p, torch_p) = gaussian(7, 3), gaussian(7, 3)
    expected = kl_divergence(torch_q, torch_p)
    torch.testing.assert_close(kl_divergence(q, p), expected, rtol=1e-13, atol=1e-13)
    assert torch.equal(kl_divergence(q, q), torch.zeros(7).double())
    assert (kl_divergence(q, p) > 0).all()


def test_kl_equals_monte_carlo_within_five_standard_errors():
    (q, _), (p, _) = gaussian(5, 3), gaussian(3)
    z, log_q = q.rsample_and_log_prob((40_000,))
    terms = log_q - p.log_prob(z)
    error = terms.std(0) / math.sqrt(len(terms))
    assert ((terms.mean(0) - kl_divergence(q, p)).abs() < 5 * error).all()


def test_kl_to_the_prior_has_zero_gradient_at_the_prior():
    mu, log_scale = torch.zeros(2, 4, 3, requires_grad=True)
    kl = kl_divergence(DiagonalGaussian(mu, log_scale), StandardGaussian(3)())
    gradients = torch.autograd.grad(kl.sum(), (mu, log_scale))
    assert all(torch.equal(g, torch.zeros(4, 3)) for g in gradients)


def test_noise_is_normal_and_independent_over_samples_examples_and_dimensions():
    q = DiagonalGaussian(torch.ones(2, 2), torch.full((2, 2), 1.3))
    noise = (q.rsample((20_000,)) - q.mean).flatten(1).T / math.exp(1.3)
    assert (noise.mean(1).abs() < 5 / math.sqrt(20_000)).all()
    assert (torch.cov(noise) - torch.eye(4)).abs().max() < 5 * math.sqrt(2 / 20_000)
    lagged = (noise[:, 1:] * noise[:, :-1]).mean(1)
    assert (lagged.abs() < 5 / math.sqrt(20_000)).all()


def test_pathwise_gradient_of_the_second_moment():
    """d/dmu E z^2 = 2 mu and d/dlog_scale E z^2 = 2 scale^2; a detached sample would give 0."""
    mu = torch.tensor([-1.5], requires_grad=True)
    log_scale = torch.tensor([-0.4], requires_grad=True)
    second_moment = DiagonalGaussian(mu, log_scale).rsample((100_000,)).square().mean()
    slopes = torch.autograd.grad(second_moment, (mu, log_scale))
    assert slopes[0].item() == pytest.approx(-3.0, abs=0.02)
    assert slopes[1].item() == pytest.approx(2 * math.exp(-0.8), abs=0.04)


def test_expand_gives_each_example_its_own_noise():
    wide = StandardGaussian((2, 3))().expand((5,))
    x = wide.rsample()
    assert x.shape == (5, 2, 3)
    assert len(x.flatten().unique()) == 30


def test_narrow_scales_stay_finite_in_float32():
    q = DiagonalGaussian(torch.zeros(1, 2), torch.full((1, 2), -40.0))
    assert torch.isfinite(q.log_prob(torch.zeros(1, 2))).all()
    assert torch.isfinite(kl_divergence(q, StandardGaussian(2)())).all()


def test_parameters_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"log_scale.*\(4, 2\).*\(4, 1\)"):
        DiagonalGaussian(torch.zeros(4, 2), torch.zeros(4, 1))


def test_the_network_gives_mu_first_and_log_scale_second():
    brick = ConditionalGaussian(nn.Identity(), event_shape=(1, 3))
    q = brick(torch.tensor([[1.0, 2.0, 3.0, -1.0, -2.0, -3.0]]))
    assert q.mean.tolist() == [[[1.0, 2.0, 3.0]]]
    assert q.log_scale.tolist() == [[[-1.0, -2.0, -3.0]]]


def test_a_context_with_a_sample_dimension_gives_a_batch_of_the_same_shape():
    q = ConditionalGaussian(nn.Linear(4, 12), event_shape=(2, 3))(torch.zeros(7, 5, 4))
    assert q.batch_shape == (7, 5)
    assert q.log_prob(torch.zeros(5, 2, 3)).shape == (7, 5)


def test_the_prior_follows_the_module():
    prior = StandardGaussian(3).double()
    assert prior().rsample().dtype == torch.float64
    assert prior.to("meta")().rsample((2,)).device.type == "meta"
    assert not prior.state_dict()
