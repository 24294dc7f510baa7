"""Every bound against a world in which log p(x) is known: x = W z + b + noise, all Gaussian."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from course_lib.distributions import (
    AffineAutoregressive,
    DiagonalGaussian,
    Inverse,
    Planar,
    Pushforward,
    StandardGaussian,
)
from course_lib.objectives import elbo, importance_bound, sample_and_kl

pytestmark = pytest.mark.usefixtures("fixed_seed")

MANY = 20_000


class LinearGaussian:
    """p(z) = N(0, I), p(x|z) = N(Wz + b, scale^2 I), with D = 5 observed and K = 3 latent."""

    def __init__(self, orthogonal: bool = False) -> None:
        self.weight = torch.randn(5, 3, dtype=torch.float64)
        if orthogonal:
            self.weight = torch.linalg.qr(self.weight)[0] * torch.tensor([2.0, 1.0, 0.5]).double()
        self.bias = torch.randn(5, dtype=torch.float64)
        self.log_scale = torch.full((5,), math.log(0.8), dtype=torch.float64)
        self.prior = StandardGaussian(3).double()()
        precision = torch.eye(3).double() + self.weight.T @ self.weight / 0.64
        self.covariance = torch.linalg.inv(precision)
        marginal = self.weight @ self.weight.T + 0.64 * torch.eye(5).double()
        self.evidence = MultivariateNormal(self.bias, marginal)

    def likelihood(self, z):
        mean = z @ self.weight.T + self.bias
        return DiagonalGaussian(mean, self.log_scale.expand(mean.shape))

    def posterior_mean(self, x):
        return (x - self.bias) @ self.weight @ self.covariance / 0.64

    def mean_field(self, x):
        """The Gaussian with diagonal covariance that is nearest in KL(q, posterior)."""
        variance = 1 / torch.linalg.inv(self.covariance).diagonal()
        mean = self.posterior_mean(x)
        return DiagonalGaussian(mean, 0.5 * variance.log().expand(mean.shape))

    def gap(self, q, x):
        """KL(q, posterior) in closed form."""
        posterior = MultivariateNormal(self.posterior_mean(x), self.covariance)
        return kl_divergence(MultivariateNormal(q.mean, torch.diag_embed(q.variance)), posterior)


@pytest.fixture
def world():
    return LinearGaussian()


def x_and_poor_q(world, n):
    x = world.evidence.sample((n,))
    return x, DiagonalGaussian(0.5 * world.posterior_mean(x), torch.full((n, 3), -0.4).double())


def mean_within_error(values, expected):
    error = values.std(0) / math.sqrt(len(values))
    return bool(((values.mean(0) - expected).abs() < 5 * error).all())


def repeated(q, n):
    return q.expand((n, *q.batch_shape))


class TestElbo:
    def test_bound_plus_gap_is_the_evidence(self, world):
        """Identity 1, for q that is far from the posterior."""
        x, q = x_and_poor_q(world, 4)
        bound = elbo(world.prior, world.likelihood, repeated(q, MANY), x)
        expected = world.evidence.log_prob(x) - world.gap(q, x)
        assert (world.gap(q, x) > 0.1).all()
        assert mean_within_error(bound.total, expected)

    def test_kl_is_exact_and_pieces_add_up(self, world):
        x, q = x_and_poor_q(world, 7)
        bound = elbo(world.prior, world.likelihood, q, x, samples=3)
        assert torch.equal(bound.kl, kl_divergence(q, world.prior))
        assert torch.equal(bound.total, bound.reconstruction - bound.kl)
        assert {piece.shape for piece in bound} == {torch.Size([7])}

    def test_reconstruction_equals_the_closed_form(self, world):
        """E_q log p(x|z): the squared error at the mean plus the variance that W lets through."""
        x, q = x_and_poor_q(world, 4)
        bound = elbo(world.prior, world.likelihood, q, x, samples=MANY)
        through = q.variance @ world.weight.square().sum(0) / 0.64
        expected = world.likelihood(q.mean).log_prob(x) - 0.5 * through
        torch.testing.assert_close(bound.reconstruction, expected, rtol=0.01, atol=0.1)

    def test_more_samples_mean_the_same_with_less_noise(self, world):
        x, q = x_and_poor_q(world, 1)
        few = elbo(world.prior, world.likelihood, repeated(q, 4000), x).total
        many = elbo(world.prior, world.likelihood, repeated(q, 4000), x, samples=16).total
        assert few.std() / many.std() == pytest.approx(4, rel=0.15)
        assert (few.mean() - many.mean()).abs() < 5 * few.std() / math.sqrt(4000)

    def test_the_closed_gap_of_the_best_diagonal_gaussian(self, world):
        """1/2 (sum log Lambda_ii - log |Lambda|), Lambda the posterior's precision."""
        x = world.evidence.sample((4,))
        precision = torch.linalg.inv(world.covariance)
        predicted = 0.5 * (precision.diagonal().log().sum() - precision.logdet())
        bound = elbo(world.prior, world.likelihood, repeated(world.mean_field(x), MANY), x)
        assert mean_within_error(bound.total, world.evidence.log_prob(x) - predicted)

    @pytest.mark.parametrize("bad", [0, -1, 1.5, True, None])
    def test_a_number_of_samples_that_is_none_is_refused(self, world, bad):
        x, q = x_and_poor_q(world, 2)
        with pytest.raises(ValueError, match="samples: expected a positive integer"):
            elbo(world.prior, world.likelihood, q, x, samples=bad)

    def test_one_draw_of_z_comes_without_an_axis_of_samples(self, world):
        x, q = x_and_poor_q(world, 5)
        seen = []
        for samples in (1, 3):
            elbo(world.prior, lambda z: seen.append(z.shape) or world.likelihood(z), q, x, samples)
        assert seen == [(5, *q.event_shape), (3, 5, *q.event_shape)]


class TestImportanceBound:
    @pytest.mark.parametrize("k", [1, 4, 9])
    def test_at_the_true_posterior_one_sample_tells_the_evidence(self, k):
        world = LinearGaussian(orthogonal=True)
        x = world.evidence.sample((7,))
        bound = importance_bound(world.prior, world.likelihood, world.mean_field(x), x, k)
        torch.testing.assert_close(bound, world.evidence.log_prob(x), rtol=0, atol=1e-11)

    def test_with_one_sample_it_is_the_elbo_in_expectation(self, world):
        x, q = x_and_poor_q(world, 4)
        one = importance_bound(world.prior, world.likelihood, repeated(q, MANY), x, 1)
        assert mean_within_error(one, world.evidence.log_prob(x) - world.gap(q, x))

    def test_it_grows_with_k_and_stays_below_the_evidence(self, world):
        """Identity 14."""
        x, q = x_and_poor_q(world, 3)
        bounds = torch.stack(
            [
                importance_bound(world.prior, world.likelihood, repeated(q, 6000), x, k).mean(0)
                for k in (1, 2, 5, 20)
            ]
        )
        assert (bounds.diff(dim=0) > 0).all()
        assert (bounds[-1] < world.evidence.log_prob(x)).all()

    def test_it_converges_to_the_evidence(self, world):
        x = world.evidence.sample((3,))
        bound = importance_bound(world.prior, world.likelihood, world.mean_field(x), x, 50_000)
        torch.testing.assert_close(bound, world.evidence.log_prob(x), rtol=0, atol=0.05)

    def test_it_is_unbiased_as_a_probability(self, world):
        x = world.evidence.sample((3,))
        q = repeated(world.mean_field(x), MANY)
        bound = importance_bound(world.prior, world.likelihood, q, x, 3)
        ratio = (bound - world.evidence.log_prob(x)).exp()
        assert mean_within_error(ratio, torch.ones(3).double())

    def test_the_logarithm_is_shared_by_the_samples_of_one_example(self):
        """With q = p(z) the weights are the likelihoods, here read from a table (k, batch)."""
        table = torch.tensor([[0.0, -1.0, -5.0], [-2.0, -1.0, 3.0]])
        q = DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2))
        likelihood = SimpleNamespace(log_prob=lambda x: table)
        bound = importance_bound(q, lambda z: likelihood, q, torch.zeros(3, 1), 2)
        expected = table.double().exp().mean(0).log().float()
        torch.testing.assert_close(bound, expected, rtol=1e-5, atol=1e-5)

    def test_weights_of_e_to_the_minus_1000_stay_finite_in_float32(self):
        q = DiagonalGaussian(torch.zeros(3, 2), torch.zeros(3, 2))
        likelihood = SimpleNamespace(log_prob=lambda x: torch.full((5, 3), -1000.0))
        bound = importance_bound(q, lambda z: likelihood, q, torch.zeros(3, 1), 5)
        torch.testing.assert_close(bound, torch.full((3,), -1000.0))

    @pytest.mark.parametrize("bad", [0, -1, 1.5, True, None])
    def test_a_k_that_is_no_count_is_refused(self, world, bad):
        x, q = x_and_poor_q(world, 2)
        with pytest.raises(ValueError, match="k: expected a positive integer"):
            importance_bound(world.prior, world.likelihood, q, x, bad)


def moved(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return module.double()


def narrow():
    return DiagonalGaussian(torch.tensor([0.6, -0.3]).double(), torch.tensor([-0.5, 0.2]).double())


def pushed(base):
    maps = [Planar(2), Inverse(AffineAutoregressive(2, (8,)))]
    return Pushforward(base, [moved(one) for one in maps])


def torch_normal():
    return Independent(
        Normal(torch.tensor([0.6, -0.3]).double(), torch.tensor([0.7, 1.1]).double()), 1
    )


def white():
    return StandardGaussian(2).double()()


PAIRS = {
    "gaussian and gaussian": (narrow, white),
    "flow and gaussian": (lambda: pushed(narrow()), white),
    "flow and flow": (lambda: pushed(narrow()), lambda: pushed(white())),
    "gaussian and flow": (narrow, lambda: pushed(white())),
    "torch's normal and gaussian": (torch_normal, white),
    "flow over torch's normal and gaussian": (lambda: pushed(torch_normal()), white),
}


def kl_by_quadrature(q, p):
    axis = torch.linspace(-12, 12, 401, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    log_q = q.log_prob(z)
    return (log_q.exp() * (log_q - p.log_prob(z))).sum() * (axis[1] - axis[0]) ** 2


def estimates(q, p, n):
    """Return n independent one-sample estimates and their samples, by a batch of equal q."""
    if isinstance(q, Pushforward):
        q = Pushforward(q.base.expand((n,)), q.transforms)
    else:
        q = q.expand((n,))
    return sample_and_kl(q, p)


class TestSampleAndKl:
    @pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
    def test_every_pair_gets_an_unbiased_kl_and_samples_of_q(self, pair):
        q, p = (make() for make in pair)
        with torch.no_grad():
            exact = kl_by_quadrature(q, p)
            z, kl = estimates(q, p, MANY)
            apart = q.sample((MANY,))
        assert exact > 0.05
        error = kl.std() / math.sqrt(MANY) + 1e-9
        assert (kl.mean() - exact).abs() < 5 * error
        spread = (z.var(0) + apart.var(0)).div(MANY).sqrt()
        assert ((z.mean(0) - apart.mean(0)).abs() < 5 * spread).all()

    @pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
    @pytest.mark.parametrize("sample_shape", [(), (1,), (3,)])
    def test_shapes(self, pair, sample_shape):
        q, p = (make() for make in pair)
        base = q.base if isinstance(q, Pushforward) else q
        wide = base.expand((5,))
        q = Pushforward(wide, q.transforms) if isinstance(q, Pushforward) else wide
        z, kl = sample_and_kl(q, p, sample_shape)
        assert z.shape == (*sample_shape, 5, 2)
        assert kl.shape == (5,)

    def test_maps_that_are_the_identity_add_no_noise(self):
        identity = [AffineAutoregressive(2, (8,)).double(), Planar(2).double()]
        q = Pushforward(narrow().expand((50,)), identity)
        _, kl = sample_and_kl(q, white())
        torch.testing.assert_close(kl, kl_divergence(q.base, white()), rtol=0, atol=1e-6)

    def test_near_the_identity_it_is_far_less_noisy_than_the_plain_estimate(self):
        map_ = AffineAutoregressive(2, (8,)).double()
        with torch.no_grad():
            map_.network.layers[-1].bias.copy_(torch.tensor([0.05, 0.02, -0.03, 0.01]))
            q = Pushforward(narrow().expand((4000,)), [map_])
            z, log_q = q.rsample_and_log_prob()
            _, kl = sample_and_kl(q, white())
        assert kl.std() < 0.15 * (log_q - white().log_prob(z)).std()

    def test_its_gradient_reaches_base_and_maps(self):
        mu = torch.zeros(64, 2, dtype=torch.float64, requires_grad=True)
        map_ = moved(Planar(2))
        q = Pushforward(DiagonalGaussian(mu, mu * 0), [map_])
        z, kl = sample_and_kl(q, white(), (8,))
        for result in (z.square().sum(), kl.sum()):
            slopes = torch.autograd.grad(result, (mu, map_.shared), retain_graph=True)
            assert all(slope.abs().sum() > 0 for slope in slopes)
