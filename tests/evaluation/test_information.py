import math

import pytest
import torch

from course_lib.distributions import (
    Brick,
    ConditionalBernoulli,
    ConditionalGaussian,
    DiagonalGaussian,
    StandardGaussian,
)
from course_lib.evaluation import active_units, information_terms, latent_shuffle_cost
from course_lib.exact.grid import Grid
from course_lib.models import VAE

pytestmark = pytest.mark.usefixtures("fixed_seed")


class Scripted(Brick):
    """q(z|x) = N(x, exp(log_scale)^2), p(x|z) likewise."""

    def __init__(self, dim, log_scale):
        super().__init__(dim)
        self.log_scale = log_scale

    def forward(self, context=None):
        return DiagonalGaussian(context, torch.full_like(context, self.log_scale))


def model(dim, log_scale):
    return VAE(StandardGaussian(dim), Scripted(dim, 0.0), Scripted(dim, log_scale))


def test_posteriors_far_apart_tell_which_example_it_is():
    x = 100 * torch.arange(7.0)[:, None]
    split = information_terms(model(1, 0.0), x)
    assert split.information.value == pytest.approx(math.log(7), abs=1e-5)
    assert str(split).startswith("averaged KL ")
    assert "(at most log 7 = 1.95)" in str(split)


def test_equal_posteriors_tell_nothing_and_may_still_cost():
    x = torch.full((5, 2), 3.0)
    split = information_terms(model(2, 0.0), x, samples=2000)
    assert split.information.value == pytest.approx(0, abs=1e-5)
    assert split.marginal_kl.value == pytest.approx(9, abs=0.2)  # KL(N(3, I), N(0, I)), two dims


def test_two_overlapping_posteriors_match_quadrature():
    x, grid = torch.tensor([[-0.8], [0.8]]), Grid(-9.0, 9.0, 601)
    each = DiagonalGaussian(x.double()[:, None], torch.full((2, 1, 1), -0.5).double())
    log_q = each.log_prob(grid.nodes)
    log_mix = log_q.logsumexp(0) - math.log(2)
    weight = (log_q + grid.log_weights).exp()
    information = (weight * (log_q - log_mix)).sum(1).mean().item()
    log_p = -0.5 * (grid.nodes[:, 0] ** 2 + math.log(2 * math.pi))
    marginal = (weight * (log_mix - log_p)).sum(1).mean().item()
    split = information_terms(model(1, -0.5), x, samples=40_000)
    assert split.information.value == pytest.approx(information, abs=0.02)
    assert split.marginal_kl.value == pytest.approx(marginal, abs=0.03)
    assert split.rate.value == pytest.approx(information + marginal, abs=0.03)


def test_the_parts_add_up_in_the_estimate():
    split = information_terms(model(3, -1.0), torch.randn(23, 3), samples=3)
    total = split.information.value + split.marginal_kl.value
    assert split.rate.value == pytest.approx(total, abs=1e-5)
    assert split.information.value <= math.log(23)


def test_units_whose_mean_stands_still_are_not_active():
    means = torch.stack([torch.randn(50), 0.05 * torch.randn(50), torch.full((50,), 9.0)], 1)
    assert active_units(means) == 1
    assert active_units(means, threshold=1e-4) == 2


def test_a_decoder_that_ignores_z_pays_nothing_for_a_wrong_one():
    network = torch.nn.Linear(2, 6)
    torch.nn.init.zeros_(network.weight)
    posterior = ConditionalGaussian(torch.nn.Linear(6, 4), 2)
    vae = VAE(StandardGaussian(2), ConditionalBernoulli(network, 6), posterior)
    cost = latent_shuffle_cost(vae, torch.bernoulli(torch.full((9, 6), 0.5)))
    assert torch.equal(cost, torch.zeros(9))


def test_no_example_keeps_its_own_z():
    """z = x up to 1e-6 and p(x|z) = N(z, 1): the price is half the squared distance to another."""
    x = torch.tensor([[0.0], [10.0]])
    torch.testing.assert_close(
        latent_shuffle_cost(model(1, -14.0), x, samples=3), torch.tensor([50.0, 50.0])
    )
    x = 2.0 ** torch.arange(11.0)[:, None]
    for seed in range(20):
        assert (latent_shuffle_cost(model(1, -14.0), x, seed=seed) > 0.4).all()


def test_the_seed_decides_and_the_global_state_stays():
    x, vae = torch.randn(9, 2), model(2, 0.0)
    before = torch.get_rng_state()
    splits = [information_terms(vae, x, seed=s) for s in (1, 1, 2)]
    costs = [latent_shuffle_cost(vae, x, seed=s) for s in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert splits[0] == splits[1] != splits[2]
    assert torch.equal(costs[0], costs[1])
    assert not torch.equal(costs[0], costs[2])


def test_bad_input_is_refused():
    vae = model(2, 0.0)
    with pytest.raises(ValueError, match="x: expected at least one example"):
        information_terms(vae, torch.zeros(0, 2))
    with pytest.raises(ValueError, match="samples: expected a positive integer"):
        information_terms(vae, torch.zeros(3, 2), samples=0)
    with pytest.raises(ValueError, match="x: expected two examples or more, got 1"):
        latent_shuffle_cost(vae, torch.zeros(1, 2))
    for bad in (torch.zeros(3), torch.zeros(1, 2), torch.full((3, 2), math.nan)):
        with pytest.raises(ValueError, match="means: expected finite"):
            active_units(bad)
    with pytest.raises(ValueError, match="threshold: expected a number >= 0"):
        active_units(torch.zeros(3, 2), -0.1)
