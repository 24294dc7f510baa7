import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from course_lib.distributions import DiagonalGaussian
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.objectives import (
    free_bits,
    information,
    kl_per_dimension,
    log_aggregate_posterior,
    rate_terms,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")


def standard(dim):
    return DiagonalGaussian(torch.zeros(dim).double(), torch.zeros(dim).double())


def posteriors(n, dim, spread, log_scale):
    mu = spread * torch.randn(n, dim).double()
    return DiagonalGaussian(mu, torch.full_like(mu, log_scale))


def mean_and_error(values):
    return values.mean().item(), values.std().item() / math.sqrt(len(values))


def test_the_rate_is_the_sum_of_its_parts_for_every_example():
    split = rate_terms(posteriors(7, 3, 1.0, -1.0), standard(3), samples=2)
    assert {part.shape for part in split} == {torch.Size([7])}
    torch.testing.assert_close(split.rate, split.information + split.marginal_kl)


def test_the_mean_rate_is_the_closed_form():
    q = posteriors(300, 3, 1.0, -1.0)
    mean, error = mean_and_error(rate_terms(q, standard(3)).rate)
    differences = rate_terms(q, standard(3), samples=200).rate - kl_divergence(q, standard(3))
    assert mean == pytest.approx(kl_divergence(q, standard(3)).mean().item(), abs=5 * error)
    assert differences.abs().max() < 6 * math.sqrt(3 / 2 / 200) * 2


def test_it_finds_the_information_of_a_linear_gaussian_world():
    """With q the exact posterior: I_q(x;z) = log|Lambda| / 2 in closed form, and q(z) = p(z)."""
    world = LinearGaussian([[1.0, 0.0], [0.0, 0.7], [0.0, 0.0]], [0.1, -0.2, 0.3], 0.8)
    exact = world.posterior(world.sample(2500))
    q = DiagonalGaussian(exact.mean, 0.5 * exact.variance.log())  # W'W is diagonal: so is q
    split = rate_terms(q, standard(2))
    mean, error = mean_and_error(split.information)
    assert mean == pytest.approx(world.mutual_information(), abs=4 * error)
    assert error < 0.03
    assert abs(split.marginal_kl.mean()) < 0.02


def test_it_finds_the_distance_of_the_aggregate_from_the_prior():
    """Means drawn from N(1, I), width 1/2: q(z) is N(1, 5/4 I), whose KL has a closed form."""
    q = DiagonalGaussian(1 + torch.randn(3000, 2).double(), torch.full((3000, 2), -math.log(2)))
    truth = kl_divergence(
        MultivariateNormal(torch.ones(2).double(), 1.25 * torch.eye(2).double()),
        MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double()),
    )
    mean, error = mean_and_error(rate_terms(q, standard(2)).marginal_kl)
    assert mean == pytest.approx(truth.item(), abs=4 * error + 0.01)


@pytest.mark.parametrize("n", [1, 5, 50])
def test_no_value_of_the_information_exceeds_log_n(n):
    """Posteriors so far apart that each z names its x: the information is log N, never more."""
    narrow = rate_terms(posteriors(n, 2, 10.0, -9.0), standard(2), samples=3).information
    torch.testing.assert_close(narrow, torch.full_like(narrow, math.log(n)), rtol=0, atol=1e-9)
    some = rate_terms(posteriors(n, 2, 1.0, -0.5), standard(2), samples=9).information
    assert (some <= math.log(n) + 1e-9).all()


def test_a_minibatch_cannot_show_more_than_log_b():
    q = posteriors(1000, 2, 1.0, -4.0)
    of_all = rate_terms(q, standard(2)).information.mean()
    batches = [
        rate_terms(DiagonalGaussian(mu, log_scale), standard(2))
        for mu, log_scale in zip(q.mu.split(20), q.log_scale.split(20), strict=True)
    ]
    of_batches = torch.cat([batch.information for batch in batches]).mean()
    assert math.log(20) - 0.1 < of_batches < math.log(20)
    assert of_all > 5
    marginal_kl = torch.cat([batch.marginal_kl for batch in batches]).mean()
    assert marginal_kl > rate_terms(q, standard(2)).marginal_kl.mean() + 2


def test_where_all_posteriors_are_the_prior_nothing_is_known():
    q = DiagonalGaussian(torch.zeros(6, 2).double(), torch.zeros(6, 2).double())
    assert all(part.abs().max() < 1e-12 for part in rate_terms(q, standard(2)))


def test_the_aggregate_is_a_density():
    q = posteriors(5, 1, 2.0, -0.7)
    nodes = torch.linspace(-12, 12, 4001).double()[:, None]
    mass = torch.trapezoid(log_aggregate_posterior(nodes, q).exp(), nodes[:, 0])
    torch.testing.assert_close(mass, torch.ones(()).double(), rtol=0, atol=1e-10)


def test_the_aggregate_is_the_mean_of_the_posteriors(monkeypatch):
    q = posteriors(7, 3, 1.0, -0.5)
    z = torch.randn(2, 11, 3).double()
    by_hand = torch.stack([q.log_prob(point) for point in z.reshape(-1, 3)]).exp().mean(1).log()
    whole = log_aggregate_posterior(z, q)
    torch.testing.assert_close(whole, by_hand.reshape(2, 11))
    monkeypatch.setattr(information, "NUMBERS_AT_ONCE", 1)
    assert torch.equal(log_aggregate_posterior(z, q), whole)
    assert log_aggregate_posterior(z[0, 0], q).shape == ()


def test_far_points_have_a_finite_log_density():
    far = log_aggregate_posterior(torch.full((1, 2), 1e3).double(), posteriors(5, 2, 1.0, 0.0))
    assert torch.isfinite(far).all()


def test_the_estimate_has_a_slope_in_every_posterior():
    mu, log_scale = torch.randn(5, 2).double(), torch.full((5, 2), -1.0).double()
    mu.requires_grad_()
    log_scale.requires_grad_()
    rate_terms(DiagonalGaussian(mu, log_scale), standard(2)).marginal_kl.mean().backward()
    assert (mu.grad != 0).all()
    assert (log_scale.grad != 0).all()


def test_dimensions_add_up_to_the_kl():
    q = posteriors(6, 3, 1.0, -0.4)
    p = DiagonalGaussian(torch.randn(3).double(), torch.randn(3).double())
    by_dimension = kl_per_dimension(q, p)
    assert by_dimension.shape == (6, 3)
    torch.testing.assert_close(by_dimension.sum(1), kl_divergence(q, p))
    one = kl_divergence(
        DiagonalGaussian(q.mu[:, :1], q.log_scale[:, :1]),
        DiagonalGaussian(p.mu[:1], p.log_scale[:1]),
    )
    torch.testing.assert_close(by_dimension[:, 0], one)


KL = torch.tensor([[0.1, 0.9, 2.0], [0.3, 0.1, 3.0]])


def test_free_bits_put_the_floor_under_the_mean_of_the_batch():
    """Three algorithms share the name: under single values this is 3.7, under the sum 3.2."""
    assert free_bits(KL, 0.5).item() == pytest.approx(3.5)
    assert free_bits(KL, 0.0).item() == pytest.approx(KL.sum(1).mean().item())
    assert free_bits(KL, 5.0).item() == pytest.approx(15.0)


def test_a_dimension_below_the_floor_feels_nothing():
    kl = KL.clone().requires_grad_()
    free_bits(kl, 0.4).backward()
    assert torch.equal(kl.grad, torch.tensor([[0.0, 0.5, 0.5]] * 2))


def test_a_floor_costs_what_it_is_not_nothing():
    """max(floor, KL) and not relu(KL - floor), or a floor would seem to improve the bound."""
    assert free_bits(KL, 0.3) >= free_bits(KL, 0.0)
    assert free_bits(torch.zeros(4, 3), 0.5).item() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: free_bits(KL, -0.1), "floor: expected"),
        (lambda: free_bits(KL, math.nan), "floor: expected"),
        (lambda: free_bits(KL[0], 0.1), "kl: expected"),
        (lambda: free_bits(KL[:0], 0.1), "kl: expected"),
        (lambda: rate_terms(standard(2), standard(2)), r"posterior: .*\(N,\)"),
        (lambda: rate_terms(posteriors(3, 2, 1.0, 0.0), standard(2), 0), "samples: expected"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_only_products_over_dimensions_have_a_kl_for_each():
    full = MultivariateNormal(torch.zeros(2), torch.eye(2))
    with pytest.raises(TypeError, match="prior: expected a DiagonalGaussian"):
        kl_per_dimension(posteriors(3, 2, 1.0, 0.0), full)
