import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from course_lib.exact.linear_gaussian import LinearGaussian

SEEDS = range(5)
SHAPES = [(1, 1), (5, 3), (3, 5), (7, 2)]


def world_and_x(x_dim=5, z_dim=3, seed=0, batch=7):
    world = LinearGaussian.random(x_dim, z_dim, noise_scale=0.3 + 0.2 * seed, seed=seed)
    return world, world.sample(batch, torch.Generator().manual_seed(seed))


def random_q(batch, z_dim, seed=0):
    generator = torch.Generator().manual_seed(100 + seed)
    root = torch.randn(batch, z_dim, z_dim, generator=generator, dtype=torch.float64)
    mean = torch.randn(batch, z_dim, generator=generator, dtype=torch.float64)
    return mean, root @ root.mT + 0.1 * torch.eye(z_dim, dtype=torch.float64)


def log_joint(world, x, z):
    """Write log p(x, z) down from its definition, with torch's one-dimensional normal."""
    mean = z @ world.weight.T + world.bias
    return Normal(0.0, 1.0).log_prob(z).sum(-1) + Normal(mean, world.noise_scale).log_prob(x).sum(
        -1
    )


def assert_within(draws, expected, errors=5.0):
    """Assert that the mean of draws (n, ...) is the expected value within standard errors."""
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - expected).abs() < errors * error).all()


class TestEvidenceAndPosterior:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(("x_dim", "z_dim"), SHAPES)
    def test_bayes_rule_holds_at_any_z(self, x_dim, z_dim, seed):
        world, x = world_and_x(x_dim, z_dim, seed)
        z = torch.randn(7, z_dim, generator=torch.Generator().manual_seed(seed)).double()
        right = world.log_prob(x) + world.posterior(x).log_prob(z)
        torch.testing.assert_close(log_joint(world, x, z), right, rtol=0, atol=1e-10)

    def test_samples_have_the_moments_of_the_marginal(self):
        world, _ = world_and_x(3, 2)
        x = world.sample(200_000, torch.Generator().manual_seed(1)) - world.bias
        covariance = world.weight @ world.weight.T + world.noise_scale**2 * torch.eye(3).double()
        assert_within(x, torch.zeros(3))
        assert_within(x[:, :, None] * x[:, None, :], covariance)

    def test_samples_are_those_of_the_generator(self):
        world, _ = world_and_x()
        draws = [world.sample(3, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
        assert torch.equal(draws[0], draws[1])
        assert not torch.equal(draws[0], draws[2])

    def test_information_is_the_expected_kl_from_posterior_to_prior(self):
        world, x = world_and_x(4, 2, batch=100_000)
        posterior = world.posterior(x)
        prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
        assert_within(
            torch.distributions.kl_divergence(posterior, prior), world.mutual_information()
        )

    def test_information_is_zero_for_a_decoder_that_ignores_z(self):
        assert LinearGaussian(torch.zeros(4, 2), torch.ones(4), 1.0).mutual_information() == 0


class TestGap:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(("x_dim", "z_dim"), SHAPES)
    def test_gap_is_the_kl_for_any_covariance(self, x_dim, z_dim, seed):
        world, x = world_and_x(x_dim, z_dim, seed)
        mean, cov = random_q(7, z_dim, seed)
        gap = world.gap(x, mean, cov)
        torch.testing.assert_close(gap, world.kl(mean, cov, x), rtol=1e-12, atol=1e-10)
        assert (gap > 0).all()

    @pytest.mark.parametrize("seed", SEEDS)
    def test_gap_is_zero_for_the_posterior_alone(self, seed):
        world, x = world_and_x(seed=seed)
        posterior = world.posterior(x)
        mean, cov = posterior.mean, posterior.covariance_matrix
        assert world.gap(x, mean, cov).abs().max() < 1e-10
        assert world.kl(mean, cov, x).abs().max() < 1e-10
        assert world.gap(x, mean + 0.01, cov).min() > 1e-5
        assert world.gap(x, mean, 1.1 * cov).min() > 1e-3

    def test_elbo_is_the_expectation_it_bounds_with(self):
        world, x = world_and_x(4, 2, batch=3)
        mean, cov = random_q(3, 2)
        q = MultivariateNormal(mean, cov)
        torch.manual_seed(0)
        z = q.sample((100_000,))
        assert_within(log_joint(world, x, z) - q.log_prob(z), world.elbo(x, mean, cov))

    def test_kl_runs_from_q_to_the_posterior(self):
        world, x = world_and_x(4, 2, batch=3)
        mean, cov = random_q(3, 2)
        q, posterior = MultivariateNormal(mean, cov), world.posterior(x)
        torch.manual_seed(0)
        z = q.sample((100_000,))
        assert_within(q.log_prob(z) - posterior.log_prob(z), world.kl(mean, cov, x))

    def test_one_q_may_serve_all_examples(self):
        world, x = world_and_x()
        mean, cov = random_q(1, 3)
        shared = world.elbo(x, mean[0], cov[0])
        assert torch.equal(shared, world.elbo(x, mean.expand(7, 3), cov.expand(7, 3, 3)))


class TestMeanField:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_gap_is_the_closed_form_for_every_x(self, seed):
        world, x = world_and_x(seed=seed)
        mean, variance = world.best_mean_field(x)
        gap = world.gap(x, mean, torch.diag_embed(variance))
        torch.testing.assert_close(gap, torch.full((7,), world.mean_field_gap()).double())
        assert world.mean_field_gap() > 0.01

    def test_numeric_optimum_is_the_closed_form(self):
        world, x = world_and_x(batch=3)
        mean = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
        log_scale = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS(
            [mean, log_scale],
            max_iter=500,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def loss():
            optimiser.zero_grad()
            value = -world.elbo(x, mean, torch.diag_embed((2 * log_scale).exp())).sum()
            value.backward()
            return value

        optimiser.step(loss)
        best_mean, best_variance = world.best_mean_field(x)
        torch.testing.assert_close(mean.detach(), best_mean, rtol=0, atol=1e-5)
        torch.testing.assert_close((2 * log_scale).exp().detach(), best_variance, rtol=1e-5, atol=0)
        gap = world.gap(x, mean, torch.diag_embed((2 * log_scale).exp()))
        torch.testing.assert_close(gap.detach(), torch.full((3,), world.mean_field_gap()).double())

    def test_best_q_is_narrower_than_the_posterior(self):
        world, x = world_and_x()
        posterior = world.posterior(x).covariance_matrix.diagonal(dim1=-2, dim2=-1)
        assert (world.best_mean_field(x)[1] < posterior).all()

    def test_orthogonal_decoder_has_no_gap(self):
        world = LinearGaussian(torch.diag(torch.tensor([3.0, 1.0, 0.2])), torch.zeros(3), 0.5)
        assert abs(world.mean_field_gap()) < 1e-14


class TestImportanceBound:
    def test_one_sample_is_the_elbo_and_more_are_better(self):
        world, x = world_and_x(batch=1)
        mean, cov = random_q(1, 3)
        q, rows = MultivariateNormal(mean[0], cov[0]), x.expand(4000, 5)
        generator = torch.Generator().manual_seed(0)
        draws = {k: world.importance_bound(rows, k, q, generator) for k in (1, 4, 16, 64)}
        assert_within(draws[1], world.elbo(x, mean, cov).item())
        means = [draw.mean().item() for draw in draws.values()]
        assert means == sorted(means)
        assert means[-1] < world.log_prob(x).item()

    def test_unbiased_in_probability_space(self):
        world, x = world_and_x(4, 2, batch=1)
        posterior = world.posterior(x)
        # wider than the posterior, so that the weights have a finite variance
        q = MultivariateNormal(posterior.mean[0] + 0.1, 1.5 * posterior.covariance_matrix[0])
        generator = torch.Generator().manual_seed(0)
        for k in (1, 3, 10):
            draws = world.importance_bound(x.expand(20_000, 4), k, q, generator)
            assert_within((draws - world.log_prob(x)).exp(), 1.0)

    def test_the_posterior_as_proposal_leaves_nothing_to_average(self):
        world, x = world_and_x()
        draw = world.importance_bound(x, 5, world.posterior(x), torch.Generator().manual_seed(0))
        torch.testing.assert_close(draw, world.log_prob(x), rtol=0, atol=1e-10)

    def test_each_row_has_its_own_samples(self):
        world, x = world_and_x(batch=1)
        prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
        draws = world.importance_bound(x.expand(6, 5), 2, prior, torch.Generator().manual_seed(0))
        assert len(draws.unique()) == 6

    def test_the_generator_alone_decides_and_global_noise_is_left_alone(self):
        world, x = world_and_x()
        prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
        torch.manual_seed(0)
        before = torch.get_rng_state()
        first = world.importance_bound(x, 3, prior, torch.Generator().manual_seed(5))
        assert torch.equal(before, torch.get_rng_state())
        torch.manual_seed(1)
        second = world.importance_bound(x, 3, prior, torch.Generator().manual_seed(5))
        assert torch.equal(first, second)
        assert not torch.equal(first, world.importance_bound(x, 3, prior))

    def test_a_generator_moves_on(self):
        world, x = world_and_x()
        prior = MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
        generator = torch.Generator().manual_seed(5)
        first, second = (world.importance_bound(x, 3, prior, generator) for _ in range(2))
        other = world.importance_bound(x, 3, prior, torch.Generator().manual_seed(6))
        assert not torch.equal(first, second)
        assert not torch.equal(first, other)

    def test_tiny_densities_do_not_underflow(self):
        world, x = world_and_x()
        q = world.posterior(x + 1000)
        assert torch.isfinite(world.importance_bound(x + 1000, 4, q)).all()


class TestProbabilisticPCA:
    def data(self, n=301):
        world = LinearGaussian.random(6, 2, noise_scale=0.4, seed=3)
        return world.sample(n, torch.Generator().manual_seed(4))

    def test_likelihood_is_the_closed_form_in_eigenvalues(self):
        data = self.data()
        values = torch.linalg.eigvalsh(torch.cov(data.T, correction=0)).flip(0)
        noise = values[2:].mean()
        log_det = values[:2].log().sum() + 4 * noise.log()
        expected = -0.5 * (6 * math.log(2 * math.pi) + log_det + 6)
        fitted = LinearGaussian.fit(data, 2).log_prob(data).mean()
        torch.testing.assert_close(fitted, expected, rtol=0, atol=1e-10)

    def test_likelihood_is_stationary_and_no_neighbour_is_better(self):
        data = self.data()
        best = LinearGaussian.fit(data, 2)
        top = best.log_prob(data).mean()
        for seed in range(10):
            noise = 0.03 * torch.randn(6, 2, generator=torch.Generator().manual_seed(seed))
            near = LinearGaussian(best.weight + noise, best.bias, best.noise_scale)
            assert near.log_prob(data).mean() < top
        for scale in (0.97, 1.03):
            near = LinearGaussian(best.weight, best.bias, scale * best.noise_scale)
            assert near.log_prob(data).mean() < top
        assert (
            LinearGaussian(best.weight, best.bias + 0.03, best.noise_scale).log_prob(data).mean()
            < top
        )

    def test_rotating_z_moves_the_mean_field_gap_and_nothing_else(self):
        data = self.data()
        turn = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(0)))[0]
        turn = torch.linalg.qr(turn.double())[0]
        straight, turned = LinearGaussian.fit(data, 2), LinearGaussian.fit(data, 2, turn)
        torch.testing.assert_close(straight.log_prob(data), turned.log_prob(data))
        assert abs(straight.mutual_information() - turned.mutual_information()) < 1e-10
        assert abs(straight.mean_field_gap()) < 1e-10
        assert turned.mean_field_gap() > 0.01


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((torch.zeros(3), torch.zeros(3), 1.0), r"weight: expected shape \(x_dim, z_dim\)"),
            ((torch.zeros(3, 2), torch.zeros(2), 1.0), r"bias: expected shape \(3,\), got \(2,\)"),
            ((torch.zeros(3, 2), torch.zeros(3), 0.0), "noise_scale: expected a positive number"),
            ((torch.zeros(3, 2), torch.zeros(3), math.nan), "noise_scale: expected a positive"),
            (([[math.nan], [1.0]], [0.0, 0.0], 1.0), "weight: expected numbers, got NaN"),
            (([[math.inf], [1.0]], [0.0, 0.0], 1.0), "weight: expected finite numbers"),
        ],
    )
    def test_constructor_names_the_argument(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            LinearGaussian(*arguments)

    def test_methods_name_the_argument(self):
        world, x = world_and_x()
        mean, cov = random_q(7, 3)
        with pytest.raises(ValueError, match=r"x: expected shape \(batch, 5\), got \(7, 4\)"):
            world.log_prob(x[:, :4])
        with pytest.raises(ValueError, match=r"x: expected shape \(batch, 5\), got \(5,\)"):
            world.posterior(x[0])
        with pytest.raises(ValueError, match=r"q_mean: expected shape \(7, 3\), got \(6, 3\)"):
            world.elbo(x, mean[:6], cov)
        with pytest.raises(ValueError, match=r"q_cov: expected shape \(7, 3, 3\), got \(7, 2, 2\)"):
            world.kl(mean, cov[:, :2, :2], x)
        with pytest.raises(ValueError, match="q_cov: expected symmetric positive definite"):
            world.elbo(x, mean, -cov)
        skewed = cov.clone()
        skewed[:, 0, 1] += 1
        with pytest.raises(ValueError, match="q_cov: expected symmetric positive definite"):
            world.elbo(x, mean, skewed)
        with pytest.raises(TypeError, match="x: expected real numbers, got str"):
            world.log_prob("image")
        with pytest.raises(ValueError, match="n: expected a positive integer, got 0"):
            world.sample(0)

    def test_importance_bound_names_the_argument(self):
        world, x = world_and_x()
        prior = MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
        with pytest.raises(ValueError, match="a sample of proposal: expected shape"):
            world.importance_bound(x, 3, prior)
        with pytest.raises(ValueError, match="k: expected a positive integer, got True"):
            world.importance_bound(x, True, world.posterior(x))

    def test_fit_names_the_argument(self):
        data = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
        with pytest.raises(ValueError, match="z_dim: expected fewer than x_dim = 4, got 4"):
            LinearGaussian.fit(data, 4)
        with pytest.raises(ValueError, match="rotation: expected an orthogonal matrix"):
            LinearGaussian.fit(data, 2, torch.ones(2, 2))
        with pytest.raises(ValueError, match="data: expected variance outside 2 dimensions"):
            LinearGaussian.fit(torch.cat([data[:, :2], data[:, :2]], 1), 2)

    def test_plain_numbers_keep_all_their_digits(self):
        listed = LinearGaussian([[0.1], [0.7]], [0.3, 0.9], 0.5)
        made = LinearGaussian(
            torch.tensor([[0.1], [0.7]], dtype=torch.float64),
            torch.tensor([0.3, 0.9], dtype=torch.float64),
            0.5,
        )
        assert torch.equal(
            listed.log_prob([[0.2, 0.4]]),
            made.log_prob(torch.tensor([[0.2, 0.4]], dtype=torch.float64)),
        )
        assert listed.log_prob(torch.tensor([[1, 0]])).dtype == torch.float64
