import math

import pytest
import torch

from course_lib.distributions import DiagonalGaussian
from course_lib.evaluation import ais_lower_bound, ais_upper_bound, bidirectional_monte_carlo
from course_lib.evaluation.annealing import schedule
from course_lib.evaluation.hamiltonian import AnnealedChain
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.models import VAE

pytestmark = pytest.mark.usefixtures("fixed_seed")

WORLD = LinearGaussian.random(x_dim=10, z_dim=5, noise_scale=0.5, seed=0)
PRIOR = DiagonalGaussian(*torch.zeros(2, 5, dtype=torch.float64))


def likelihood(z):
    mean = z @ WORLD.weight.T + WORLD.bias
    return DiagonalGaussian(mean, torch.full_like(mean, math.log(WORLD.noise_scale)))


@pytest.fixture(scope="module")
def x():
    return WORLD.sample(12, torch.Generator().manual_seed(1))


def both(x, chains, **options):
    z = WORLD.posterior(x).sample((chains,))
    lower = ais_lower_bound(PRIOR, likelihood, x, chains=chains, **options)
    return lower, ais_upper_bound(PRIOR, likelihood, x, z, **options)


def test_the_sandwich_closes_on_the_exact_value(x):
    lower, upper = both(x, 64, steps=1000, leapfrog=3)
    exact = WORLD.log_prob(x)
    assert abs((upper.log_prob - lower.log_prob).mean()) < 0.1
    for side in (lower, upper):
        assert abs((side.log_prob - exact).mean()) < 0.1
        assert 0.6 < side.acceptance < 0.99


def test_few_temperatures_leave_a_wide_sandwich_with_the_exact_value_inside(x):
    lower, upper = both(x, 4, steps=8, leapfrog=3)
    exact = WORLD.log_prob(x)
    assert (lower.log_prob - exact).mean() < -1
    assert (upper.log_prob - exact).mean() > 1


def test_the_mean_weight_is_the_probability(x):
    """Unbiased in probability space even with few temperatures, if every move is exact."""
    mild = lambda z: DiagonalGaussian(z, torch.zeros_like(z))  # noqa: E731
    at = 0.3 * x[:6, :5]
    exact = DiagonalGaussian(torch.zeros_like(at), torch.full_like(at, 0.5 * math.log(2))).log_prob(
        at
    )
    found = ais_lower_bound(PRIOR, mild, at, steps=5, chains=10_000, leapfrog=2).log_prob
    torch.testing.assert_close(found, exact, atol=0.05, rtol=0)


def test_a_move_keeps_its_density_even_with_a_step_that_is_too_long(x):
    chain = AnnealedChain(PRIOR, likelihood, x[:1], schedule(1), leapfrog=2)
    z = WORLD.posterior(x[:1]).sample((6000,))
    mean, cov = z[:, 0].mean(0), z[:, 0].T.cov()
    step = torch.full((1,), 0.2, dtype=torch.float64)
    rates = []
    for _ in range(25):
        z, chance = chain._move(z, 1.0, step)
        rates.append(chance.mean())
    assert 0.2 < torch.stack(rates).mean() < 0.8  # many proposals are bad
    scale = cov.diagonal().sqrt()
    assert ((z[:, 0].mean(0) - mean).abs() < 0.08 * scale).all()
    relative = (z[:, 0].T.cov() - cov) / torch.outer(scale, scale)
    assert relative.abs().max() < 0.1


def test_the_step_shrinks_where_the_density_does(x):
    chain = AnnealedChain(PRIOR, likelihood, x[:3], schedule(200), leapfrog=3)
    chain.tune(16)
    assert chain.steps.shape == (201, 3)
    assert (chain.steps[0] > 3 * chain.steps[-1]).all()


@pytest.mark.parametrize("steps", [1, 2, 37])
def test_the_schedule_runs_from_the_prior_to_the_posterior(steps):
    betas = schedule(steps)
    assert len(betas) == steps + 1
    assert (betas[0], betas[-1]) == (0, 1)
    assert (betas.diff() > 0).all()
    torch.testing.assert_close(betas + betas.flip(0), torch.ones_like(betas))


def test_the_schedule_is_slow_at_both_ends():
    rise = schedule(100).diff()
    assert rise[0] < 0.2 * rise[50]
    assert rise[-1] < 0.2 * rise[50]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_model_is_bracketed_on_its_own_examples(likelihood):
    model = VAE.build((1, 3, 5), 2, (8,), likelihood)
    found = bidirectional_monte_carlo(model, 7, steps=300, chains=16)
    assert found.x.shape == (7, 1, 3, 5)
    assert found.lower.shape == found.upper.shape == (7,)
    assert -0.6 < found.width < 0.6
    assert all(p.grad is None for p in model.parameters())
    with torch.no_grad():
        bound = model.importance_bound(found.x, 5000)
    torch.testing.assert_close(found.lower, bound, atol=0.4, rtol=0)


def test_the_seed_decides_and_the_global_state_stays(x):
    before = torch.get_rng_state()
    first, second, other = (
        ais_lower_bound(PRIOR, likelihood, x[:2], steps=10, seed=s).log_prob for s in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", ["steps", "chains", "leapfrog"])
def test_counts_must_be_positive(name, x):
    with pytest.raises(ValueError, match=f"{name}: expected a positive integer, got 0"):
        ais_lower_bound(PRIOR, likelihood, x, **{name: 0})


def test_bad_examples_are_refused(x):
    with pytest.raises(ValueError, match="x: expected at least one example"):
        ais_lower_bound(PRIOR, likelihood, x[:0])
    with pytest.raises(ValueError, match="expected finite log p"):
        ais_lower_bound(PRIOR, likelihood, x * math.nan)
    with pytest.raises(ValueError, match=r"z: expected shape \(chains, 12, 5\), got \(3, 5\)"):
        ais_upper_bound(PRIOR, likelihood, x, torch.zeros(3, 5).double())
