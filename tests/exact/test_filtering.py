"""The price of not seeing the future: closed form, against the sampled gap and other filters."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from course_lib.exact.filtering import (
    LinearWalk,
    best_filter,
    expected_gap,
    marginals,
    observed_covariance,
    one_step_filter,
    sampled_elbo,
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


def dense(q):
    """All steps of z at once, given x: the matrix that maps x to the mean, and the covariance."""
    steps, d = len(q.gain), q.gain.shape[1]
    back = torch.zeros(steps, d, steps, d, dtype=torch.float64)
    for t in range(1, steps):
        back[t, :, t - 1] = q.gain[t]
    solve = torch.linalg.inv(torch.eye(steps * d).double() - back.reshape(steps * d, -1))
    return solve @ q.pull.reshape(steps * d, -1), solve @ torch.block_diag(*q.covariance) @ solve.T


def dense_gap(chain, q):
    """E KL(q(z|x), p(z|x)) of two Gaussians over all steps at once."""
    (mean, cov), (right, exact) = dense(q), dense(smoother(chain, len(q.gain)))
    off = (mean - right) @ observed_covariance(chain, len(q.gain)) @ (mean - right).T
    trace = torch.linalg.solve(exact, cov + off).trace()
    return 0.5 * (trace - len(cov) + torch.logdet(exact) - torch.logdet(cov))


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
    torch.testing.assert_close(sampled_elbo(chain, exact, x), chain.log_prob(x), rtol=0, atol=1e-10)


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


def moved(q, size):
    """Another walk that sees what q sees."""
    root = torch.linalg.cholesky(q.covariance)
    root = root + 0.5 * size * torch.randn_like(root).tril() * root.abs()
    return LinearWalk(
        q.gain + size * torch.randn_like(q.gain),
        q.pull + size * (q.pull != 0).double() * torch.randn_like(q.pull),
        root @ root.mT,
    )


@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_the_gap_step_by_step_adds_up_to_that_of_all_steps_at_once(x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    for make in (best_filter, one_step_filter, smoother):
        for q in (make(chain, STEPS), moved(make(chain, STEPS), 0.3)):
            total = expected_gap(chain, q).sum()
            torch.testing.assert_close(total, dense_gap(chain, q), rtol=1e-10, atol=1e-11)


def test_the_marginals_are_blocks_of_all_steps_at_once():
    chain = random_chain(2, 3)
    q = moved(one_step_filter(chain, STEPS), 0.3)
    (means, covariances), (mean, cov) = marginals(q), dense(q)
    for t in range(STEPS):
        block = slice(3 * t, 3 * t + 3)
        torch.testing.assert_close(means[t], mean[block], rtol=0, atol=1e-12)
        torch.testing.assert_close(covariances[t], cov[block, block], rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [best_filter, one_step_filter])
@pytest.mark.parametrize(("x_dim", "z_dim"), CHAINS)
def test_the_gap_is_what_sampling_finds(make, x_dim, z_dim):
    chain = random_chain(x_dim, z_dim)
    q = make(chain, STEPS)
    x = chain.sample(20_000, STEPS)
    gaps = chain.log_prob(x) - sampled_elbo(chain, q, x)
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
            assert expected_gap(chain, moved(best, size)).sum() > least
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
