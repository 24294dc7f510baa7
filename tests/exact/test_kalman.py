import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from course_lib.exact.kalman import LinearGaussianChain

pytestmark = pytest.mark.usefixtures("fixed_seed")


def random_chain(x_dim=3, z_dim=2):
    transition = 0.5 * torch.randn(z_dim, z_dim, dtype=torch.float64)
    emission = torch.randn(x_dim, z_dim, dtype=torch.float64)
    return LinearGaussianChain(
        transition, emission, torch.rand(z_dim).double() + 0.3, torch.rand(x_dim).double() + 0.2
    )


def dense(chain, steps):
    """The covariance of z_1..z_T and the map to x_1..x_T, written out as two large matrices."""
    d = chain.z_dim
    paths = torch.zeros(steps * d, steps * d, dtype=torch.float64)
    for t in range(steps):
        for s in range(t + 1):
            power = torch.linalg.matrix_power(chain.transition, t - s)
            paths[t * d : (t + 1) * d, s * d : (s + 1) * d] = power
    z_cov = paths @ torch.block_diag(*[chain.z_cov] * steps) @ paths.T
    return z_cov, torch.block_diag(*[chain.emission] * steps)


def evidence(chain, steps):
    z_cov, emission = dense(chain, steps)
    noise = torch.block_diag(*[chain.x_cov] * steps)
    zero = torch.zeros(len(noise), dtype=torch.float64)
    return MultivariateNormal(zero, emission @ z_cov @ emission.T + noise)


@pytest.mark.parametrize(("x_dim", "z_dim", "steps"), [(1, 1, 6), (3, 2, 5), (2, 3, 4), (2, 2, 1)])
def test_the_filter_gives_the_evidence_of_one_large_gaussian(x_dim, z_dim, steps):
    chain = random_chain(x_dim, z_dim)
    x = torch.randn(7, steps, x_dim, dtype=torch.float64)
    exact = evidence(chain, steps).log_prob(x.flatten(1))
    torch.testing.assert_close(chain.log_prob(x), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("x_dim", "z_dim", "steps"), [(1, 1, 6), (3, 2, 5), (2, 3, 4), (2, 2, 1)])
def test_the_backward_view_is_the_posterior(x_dim, z_dim, steps):
    """log p(x, z) - log q(z|x) is log p(x) at every z: not on average, for each."""
    chain = random_chain(x_dim, z_dim)
    x = torch.randn(7, steps, x_dim, dtype=torch.float64)
    gain, offset, covariance = chain.posterior(x)
    z = torch.randn(7, steps, z_dim, dtype=torch.float64)
    before = torch.cat((torch.zeros(7, 1, z_dim).double(), z[:, :-1]), 1)
    log_q = MultivariateNormal((gain @ before[..., None])[..., 0] + offset, covariance).log_prob(z)
    log_z = MultivariateNormal(before @ chain.transition.T, chain.z_cov).log_prob(z)
    log_x = MultivariateNormal(z @ chain.emission.T, chain.x_cov).log_prob(x)
    weight = (log_x + log_z - log_q).sum(1)
    torch.testing.assert_close(weight, chain.log_prob(x), rtol=0, atol=1e-10)


def test_samples_have_the_covariance_of_the_evidence():
    chain = random_chain(2, 1)
    x = chain.sample(40_000, 3).flatten(1)
    covariance = evidence(chain, 3).covariance_matrix
    assert x.shape == (40_000, 6)
    assert (x.mean(0).abs() < 5 * (covariance.diagonal() / 40_000).sqrt()).all()
    scale = covariance.diagonal().sqrt()
    assert ((torch.cov(x.T) - covariance) / scale / scale[:, None]).abs().max() < 5 / 200 * 1.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transition": [[0.9, 0.0]]}, r"transition: expected shape \(1, 1\)"),
        ({"emission": [1.2]}, r"emission: expected shape \(x_dim, z_dim\)"),
        ({"z_variance": [0.0]}, "z_variance: expected positive numbers"),
        ({"x_variance": [math.inf]}, "x_variance: expected positive numbers"),
        ({"x_variance": [0.3, 0.3]}, r"x_variance: expected shape \(1,\)"),
        ({"transition": [[math.nan]]}, "transition: expected numbers, got NaN"),
    ],
)
def test_bad_chains_are_refused(arguments, message):
    good = {
        "transition": [[0.9]],
        "emission": [[1.2]],
        "z_variance": [0.5],
        "x_variance": [0.3],
    }
    with pytest.raises(ValueError, match=message):
        LinearGaussianChain(**{**good, **arguments})


@pytest.mark.parametrize("method", ["log_prob", "posterior"])
def test_bad_sequences_are_refused(method):
    call = getattr(random_chain(), method)
    with pytest.raises(ValueError, match=r"x: expected shape \(batch, time, 3\), got \(4, 3\)"):
        call(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="x: expected numbers, got NaN"):
        call(torch.full((1, 2, 3), math.nan))
    with pytest.raises(ValueError, match="x: expected finite"):
        call(torch.full((1, 2, 3), math.inf))
    with pytest.raises(ValueError, match="steps: expected a positive integer"):
        random_chain().sample(3, 0)
