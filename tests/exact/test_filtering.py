"""The price of not seeing the future: closed form, against the sampled gap and other filters."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from course_lib.exact.filtering import (
    LinearWalk,
    best_filter,
    expected_gap,
    observed_covariance,
    one_step_filter,
    smoother,
)
from course_lib.exact.kalman import LinearGaussianChain

pytestmark = pytest.mark.usefixtures("fixed_seed")
STEPS = 6


def random_chain(x_dim=3, z_dim=2):
    transition = 0.5 * torch.randn(z_dim, z_dim, dtype=torch.float64)
    emission = torch.randn(x_dim, z_dim, dtype=torch.float64)
    return LinearGaussianChain(
        transition, emission, torch.rand(z_dim).double() + 0.3, torch.rand(x_dim).double() + 0.2
    )


CHAINS = [(1, 1), (3, 2), (2, 3)]


def elbo(chain, q, x):
    """One estimate of the ELBO for each sequence, from draws of q, without any KL formula."""
    flat, z = x.flatten(1), x.new_zeros(len(x), chain.z_dim)
    total = x.new_zeros(len(x))
    for t in range(len(q.gain)):
        mean = z @ q.gain[t].T + flat @ q.pull[t].T
        now = MultivariateNormal(mean, q.covariance[t])
        before, z = z, now.sample()
        log_p = MultivariateNormal(before @ chain.transition.T, chain.z_cov).log_prob(z)
        log_x = MultivariateNormal(z @ chain.emission.T, chain.x_cov).log_prob(x[:, t])
        total += log_p + log_x - now.log_prob(z)
    return total


@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_the_covariance_of_x_is_that_of_samples(x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    exact = observed_covariance(chain, 4)
    x = chain.sample(60_000, 4).flatten(1)
    scale = exact.diagonal().sqrt()
    assert ((torch.cov(x.T) - exact) / scale / scale[:, None]).abs().max() < 0.03
    assert torch.allclose(exact, exact.T)
    quadratic = MultivariateNormal(torch.zeros(len(exact)).double(), exact).log_prob(x[:9])
    torch.testing.assert_close(quadratic, chain.log_prob(x[:9].reshape(9, 4, -1)))


@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_the_smoother_costs_nothing_and_its_elbo_is_the_evidence(x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    exact = smoother(chain, STEPS)
    assert expected_gap(chain, exact).abs().max() < 1e-12
    x = chain.sample(5, STEPS)
    torch.testing.assert_close(elbo(chain, exact, x), chain.log_prob(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("make", [best_filter, one_step_filter])
@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_a_filter_sees_no_later_x_and_the_last_step_costs_nothing(make, x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    q = make(chain, STEPS)
    for t in range(STEPS):
        assert not q.pull[t, :, (t + 1) * x_dim :].any()
        assert q.pull[t, :, t * x_dim : (t + 1) * x_dim].any()
    gap = expected_gap(chain, q)
    assert gap[-1].abs() < 1e-12
    assert (gap > -1e-12).all()
    assert gap[0] > 1e-4


@pytest.mark.parametrize("make", [best_filter, one_step_filter])
@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_the_gap_is_what_sampling_finds(make, x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    q = make(chain, STEPS)
    x = chain.sample(20_000, STEPS)
    gaps = chain.log_prob(x) - elbo(chain, q, x)
    error = gaps.std() / len(gaps) ** 0.5
    assert (gaps.mean() - expected_gap(chain, q).sum()).abs() < 5 * error


@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_no_filter_is_better_than_the_best(x_dim, z_dim):
    """A filter moved in any direction, within what it may see, costs more."""
    chain = random_chain(x_dim, z_dim)
    best = best_filter(chain, STEPS)
    least = expected_gap(chain, best).sum()
    assert least <= expected_gap(chain, one_step_filter(chain, STEPS)).sum() + 1e-12
    for size in (0.03, 0.3):
        for _ in range(5):
            sees = (best.pull != 0).double()
            root = torch.linalg.cholesky(best.covariance)
            root = root + 0.5 * size * torch.randn_like(root).tril() * root.abs()
            moved = LinearWalk(
                best.gain + size * torch.randn_like(best.gain),
                best.pull + size * sees * torch.randn_like(best.pull),
                root @ root.mT,
            )
            assert expected_gap(chain, moved).sum() > least
    slope = torch.autograd.functional.jacobian(
        lambda pull: expected_gap(chain, best._replace(pull=pull)).sum(), best.pull
    )
    assert (slope * (best.pull != 0)).abs().max() < 1e-10


def test_the_price_of_two_steps_is_the_formula_on_paper():
    """Half the precision of z_1 times the variance that x_2 adds to its mean, in one dimension."""
    a, c, q, r = 0.9, 1.2, 0.5, 0.3
    chain = LinearGaussianChain([[a]], [[c]], [q], [r])
    seen = 1 / (1 / q + c**2 / r)  # variance of z_1 given x_1
    new = c**2 * (a**2 * seen + q) + r  # variance of x_2 given x_1
    through = a * c / (r + c**2 * q)  # precision-weighted effect of x_2 on z_1
    variance = 1 / (1 / seen + a * c * through)  # of z_1 given z_0, x_1 and x_2
    paper = 0.5 * variance * through**2 * new
    assert expected_gap(chain, best_filter(chain, 2))[0] == pytest.approx(paper, rel=1e-12)


@pytest.mark.parametrize("make", [smoother, best_filter, one_step_filter])
def test_one_step_has_no_future(make):
    chain = random_chain(2, 2)
    for ours, exact in zip(make(chain, 1), smoother(chain, 1), strict=True):
        torch.testing.assert_close(ours, exact, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="steps: expected a positive integer"):
        make(chain, 0)
