"""KL(q(z), p(z)) of a mixture of posteriors: known cases, the floor, and the seed."""

import pytest
import torch

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluation import marginal_kl, marginal_kl_floor, matched_posteriors
from course_lib.exact.quadrature import Grid
from course_lib.objectives import log_aggregate_posterior


def posteriors(n, dim, width, spread=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mu = spread * torch.randn(n, dim, generator=generator, dtype=torch.double)
    return DiagonalGaussian(mu, torch.full_like(mu, width).log())


def test_posteriors_equal_to_the_prior_have_no_divergence():
    zero = torch.zeros(50, 3, dtype=torch.double)
    assert marginal_kl(DiagonalGaussian(zero, zero)).value == pytest.approx(0.0, abs=1e-12)


def test_it_is_the_integral_over_the_plane():
    q, grid = posteriors(40, 2, 0.5), Grid(-7.0, 7.0, 281, dim=2)
    log_q = log_aggregate_posterior(grid.nodes, q)
    zero = torch.zeros_like(grid.nodes)
    log_p = DiagonalGaussian(zero, zero).log_prob(grid.nodes)
    exact = float(((log_q + grid.log_weights).exp() * (log_q - log_p)).sum())
    found = marginal_kl(q, samples=200)
    assert abs(found.value - exact) < 4 * found.error + 1e-3


def test_matched_posteriors_keep_their_widths_and_add_up_to_the_prior():
    torch.manual_seed(0)
    q = posteriors(20_000, 2, 0.6, spread=3.0)
    matched = matched_posteriors(q)
    assert torch.equal(matched.log_scale, q.log_scale)
    draws = matched.rsample()
    assert torch.allclose(draws.mean(0), torch.zeros(2).double(), atol=0.03)
    assert torch.allclose(draws.std(0), torch.ones(2).double(), atol=0.03)


def test_widths_above_one_get_mean_zero():
    assert matched_posteriors(posteriors(5, 3, 1.5)).mu.abs().max() == 0


def test_a_mismatch_lies_above_the_floor_and_narrow_posteriors_raise_it():
    far = posteriors(200, 2, 0.3, spread=2.5)
    assert marginal_kl(far).value > marginal_kl_floor(far).value + 0.5
    floors = [marginal_kl_floor(posteriors(200, 2, width)).value for width in (0.5, 0.1, 0.01)]
    assert floors == sorted(floors)


def test_the_seed_decides_and_the_global_state_stays():
    q = posteriors(30, 2, 0.4)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert marginal_kl(q, seed=1) == marginal_kl(q, seed=1)
    assert marginal_kl_floor(q, seed=1) != marginal_kl_floor(q, seed=2)
    assert torch.equal(before, torch.get_rng_state())
