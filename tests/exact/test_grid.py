import itertools
import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from course_lib.exact import grid as grid_module
from course_lib.exact.grid import Grid, GridWorld
from course_lib.exact.linear_gaussian import LinearGaussian


def on_grid(linear, grid):
    """Return the same world twice: the closed form's model, as two callables on a grid."""
    scale = linear.noise_scale

    def log_likelihood(x, z):
        mean = z @ linear.weight.T + linear.bias
        return Normal(mean, scale).log_prob(x[:, None]).sum(-1)

    return GridWorld(lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1), log_likelihood, grid)


def linear_world(dim, seed):
    linear = LinearGaussian.random(4, dim, noise_scale=0.8, seed=seed)
    x = linear.sample(5, torch.Generator().manual_seed(seed))
    return linear, x


def gaussian_q(dim, seed):
    generator = torch.Generator().manual_seed(seed)
    mean = 0.5 * torch.randn(dim, generator=generator, dtype=torch.float64)
    root = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    cov = 0.2 * root @ root.T + 0.3 * torch.eye(dim).double()
    return mean, cov


GRIDS = {1: Grid(-9.0, 9.0, 721, dim=1), 2: Grid(-9.0, 9.0, 181, dim=2)}


def two_peaks(points=1601):
    """Return the world of p(x|z) = N(0.8 z^2, 0.6^2), whose posterior has two peaks."""
    return GridWorld(
        lambda z: Normal(0.0, 1.0).log_prob(z[:, 0]),
        lambda x, z: Normal(0.8 * z[:, 0].square(), 0.6).log_prob(x),
        Grid(-8.0, 8.0, points),
    )


class TestGrid:
    @pytest.mark.parametrize("dim", [1, 2])
    def test_nodes_cover_the_box_and_weights_its_volume(self, dim):
        grid = Grid([-1.0, 2.0][:dim], [3.0, 4.0][:dim], 7, dim)
        assert grid.nodes.shape == (7**dim, dim)
        assert grid.nodes.dtype == torch.float64
        assert grid.nodes.amin(0).tolist() == [-1.0, 2.0][:dim]
        assert grid.nodes.amax(0).tolist() == [3.0, 4.0][:dim]
        volume = 4.0 * (2.0 if dim == 2 else 1.0)
        assert grid.log_weights.exp().sum().item() == pytest.approx(volume, abs=1e-12)

    @pytest.mark.parametrize("dim", [1, 2])
    def test_a_linear_integrand_is_exact(self, dim):
        grid = Grid(0.0, 2.0, 9, dim)
        values = 1 + grid.nodes @ torch.tensor([1.0, 3.0]).double()[:dim]
        exact = {1: 2 + 2, 2: 4 + 4 + 12}[dim]
        assert grid.log_integral(values.log()).exp().item() == pytest.approx(exact, abs=1e-12)

    def test_error_of_a_gaussian_is_the_stated_one(self):
        for points in (15, 17, 19):
            grid = Grid(-14.0, 14.0, points)
            step = 28 / (points - 1)
            mass = grid.log_integral(Normal(0.0, 1.0).log_prob(grid.nodes[:, 0])).exp().item()
            stated = 2 * math.exp(-2 * math.pi**2 / step**2)
            assert mass - 1 == pytest.approx(stated, rel=0.05)

    @pytest.mark.parametrize("offset", [0.0, 0.3, 0.5])
    @pytest.mark.parametrize("dim", [1, 2])
    def test_coarseness_is_step_over_width_squared_wherever_the_nodes_lie(self, dim, offset):
        grid = Grid(-14.0, 14.0, 29, dim)
        scale = torch.tensor([0.5, 3.0]).double()[:dim]
        log_values = Normal(offset, scale).log_prob(grid.nodes).sum(-1)
        assert grid.coarseness(log_values).item() == pytest.approx(4.0, rel=1e-5)
        assert grid.coarseness(log_values.expand(3, 2, -1)).shape == (3, 2)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0.0, 1.0, 11, 3), "dim: expected 1 or 2, got 3"),
            ((0.0, 1.0, 4, 1), "points: expected an integer of at least 5, got 4"),
            ((0.0, 1.0, 11.0, 1), "points: expected an integer of at least 5, got 11.0"),
            ((1.0, 0.0, 11, 1), "high: expected more than low = 1.0, got 0.0"),
            (([0.0, 0.0], [1.0, 0.0], 11, 2), "high: expected more than low"),
            (([0.0], [1.0, 1.0], 11, 2), r"low: expected shape \(2,\), got \(1,\)"),
            ((-math.inf, 1.0, 11, 1), "low: expected finite numbers"),
        ],
    )
    def test_bad_boxes_are_refused(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Grid(*arguments)


class TestAgainstTheClosedForm:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("dim", [1, 2])
    def test_evidence_elbo_and_gap(self, dim, seed):
        linear, x = linear_world(dim, seed)
        world = on_grid(linear, GRIDS[dim])
        mean, cov = gaussian_q(dim, seed)
        log_q = MultivariateNormal(mean, cov).log_prob
        for got, wanted in (
            (world.log_prob(x), linear.log_prob(x)),
            (world.elbo(x, log_q), linear.elbo(x, mean, cov)),
            (world.gap(x, log_q), linear.kl(mean, cov, x)),
        ):
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("dim", [1, 2])
    def test_posterior_density_at_every_node(self, dim):
        linear, x = linear_world(dim, 0)
        got = on_grid(linear, GRIDS[dim]).posterior(x)
        exact = linear.posterior(x).log_prob(GRIDS[dim].nodes[:, None]).T
        torch.testing.assert_close(got, exact, rtol=1e-9, atol=1e-6)


class TestAnyLikelihood:
    def test_gap_is_positive_and_zero_for_the_posterior_alone(self):
        world, x = two_peaks(), torch.tensor([[1.5], [-0.2], [4.0]])
        posterior = world.posterior(x)
        assert world.gap(x, posterior).abs().max() < 1e-12
        torch.testing.assert_close(world.elbo(x, posterior), world.log_prob(x))
        q = Normal(0.9, 0.6)
        assert (world.gap(x, lambda z: q.log_prob(z[:, 0])) > 0.1).all()

    def test_refinement_changes_nothing(self):
        x = torch.linspace(-1, 6, 5)[:, None]
        coarse, fine = two_peaks(201), two_peaks(3201)
        torch.testing.assert_close(coarse.log_prob(x), fine.log_prob(x), rtol=0, atol=1e-10)

        def log_q(z):
            return Normal(0.3, 0.5).log_prob(z[:, 0])

        torch.testing.assert_close(coarse.gap(x, log_q), fine.gap(x, log_q), rtol=0, atol=1e-9)

    def test_evidence_integrates_to_one_over_x(self):
        axis = torch.linspace(-6, 40, 2001, dtype=torch.float64)
        density = two_peaks(801).log_prob(axis[:, None]).exp()
        assert abs(torch.trapezoid(density, axis).item() - 1) < 1e-6

    def test_discrete_images_sum_to_one(self):
        weight = torch.randn(2, 6, generator=torch.Generator().manual_seed(0)).double()

        def log_likelihood(x, z):
            logits = (torch.tanh(z) @ weight).reshape(-1, 2, 3)
            bernoulli = torch.distributions.Bernoulli(logits=logits)
            return bernoulli.log_prob(x[:, None]).sum((-2, -1))

        world = GridWorld(
            lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1), log_likelihood, Grid(-7.0, 7.0, 71, 2)
        )
        images = torch.cartesian_prod(*[torch.arange(2)] * 6).reshape(-1, 2, 3)
        assert abs(world.log_prob(images).exp().sum().item() - 1) < 1e-9

    def test_chunks_change_nothing_and_stay_small(self, monkeypatch):
        x = torch.linspace(-1, 5, 7)[:, None]
        whole = two_peaks()
        expected = whole.log_prob(x), whole.posterior(x)
        seen = []
        inner = whole._log_likelihood

        def watched(x, z):
            seen.append(len(x) * len(z))
            return inner(x, z)

        monkeypatch.setattr(grid_module, "ENTRIES_AT_ONCE", 1000)
        world = GridWorld(lambda z: Normal(0.0, 1.0).log_prob(z[:, 0]), watched, whole.grid)
        torch.testing.assert_close(world.log_prob(x), expected[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(world.posterior(x), expected[1], rtol=0, atol=1e-12)
        assert max(seen) <= 1000

    def test_one_q_for_each_x(self):
        world, x = two_peaks(), torch.tensor([[1.5], [4.0]])
        means = torch.tensor([1.0, 2.0]).double()
        both = Normal(means[:, None], 0.4).log_prob(world.grid.nodes[:, 0])
        apart = [world.elbo(x[i : i + 1], both[i]) for i in range(2)]
        torch.testing.assert_close(world.elbo(x, both), torch.cat(apart))

    def test_q_without_mass_somewhere_is_no_harm(self):
        world, x = two_peaks(), torch.tensor([[1.5]])
        values = torch.full_like(world.grid.nodes[:, 0], -math.inf)
        values[900:1001] = 0.0
        values = values - world.grid.log_integral(values)
        total = world.elbo(x, values) + world.gap(x, values)
        torch.testing.assert_close(total, world.log_prob(x), rtol=0, atol=1e-10)

    def test_gradients_reach_q(self):
        world, x = two_peaks(), torch.tensor([[1.5]])
        mean = torch.tensor([0.5 - 1e-5, 0.5, 0.5 + 1e-5], dtype=torch.float64, requires_grad=True)
        log_q = Normal(mean[:, None], 0.5).log_prob(world.grid.nodes[:, 0])
        elbo = world.elbo(x.expand(3, 1), log_q)
        elbo.sum().backward()
        assert mean.grad[1].item() == pytest.approx((elbo[2] - elbo[0]).item() / 2e-5, rel=1e-6)


class TestRefinement:
    """A grid that does not fit an x is left for one that does, whatever the seed of the model."""

    @pytest.mark.parametrize("dim", [1, 2])
    @pytest.mark.parametrize(
        ("noise", "x"), [(0.003, 0.1), (0.05, -2.3), (0.3, 9.0), (0.05, 11.0), (1.0, 16.0)]
    )
    def test_a_narrow_or_distant_posterior_is_found(self, dim, noise, x):
        world = GridWorld(
            lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1),
            lambda x, z: Normal(z[:, 0], noise).log_prob(x),
            Grid(-8.0, 8.0, 161, dim),
        )
        batch = torch.tensor([[0.7], [x], [0.0]], dtype=torch.float64)
        variance = 1 + noise**2
        exact = -0.5 * (batch[:, 0] ** 2 / variance + math.log(2 * math.pi * variance))
        torch.testing.assert_close(world.log_prob(batch), exact, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("dim", [1, 2])
    def test_two_narrow_peaks_far_apart_get_more_nodes(self, dim):
        scale = 0.02

        def log_likelihood(x, z):
            return Normal(z[:, 0].abs(), scale).log_prob(x)

        prior = Normal(0.0, 1.0)
        world = GridWorld(
            lambda z: prior.log_prob(z).sum(-1), log_likelihood, Grid(-8.0, 8.0, 81, dim)
        )
        exact = math.log(2) + Normal(0.0, (1 + scale**2) ** 0.5).log_prob(torch.tensor(1.3))
        assert world.log_prob([[1.3]]).item() == pytest.approx(exact.item(), abs=1e-6)

    def test_distance_from_a_gaussian_is_that_of_a_finer_grid(self):
        x = torch.tensor([[1.5], [-0.2], [4.0]])
        coarse, fine = two_peaks(41).distance_from_gaussian(x), two_peaks(3201)
        torch.testing.assert_close(coarse, fine.distance_from_gaussian(x), rtol=0, atol=1e-3)
        z, posterior = fine.grid.nodes[:, 0], fine.posterior(x)
        scale = torch.trapezoid(posterior.exp() * z.square(), z).sqrt()  # the mean is zero
        nearest = Normal(0.0, scale[:, None]).log_prob(z)
        kl = torch.trapezoid(posterior.exp() * (posterior - nearest), z)
        torch.testing.assert_close(fine.distance_from_gaussian(x), kl, rtol=0, atol=1e-6)
        assert coarse[0] > 0.3

    def test_a_gaussian_posterior_has_no_distance_in_two_dimensions(self):
        linear, x = linear_world(2, 0)
        distance = on_grid(linear, GRIDS[2]).distance_from_gaussian(x)
        torch.testing.assert_close(distance, torch.zeros(5).double(), rtol=0, atol=1e-6)

    def test_the_same_world_on_another_grid(self):
        x = torch.tensor([[1.5]])
        moved = two_peaks().on(Grid(-7.0, 7.0, 701))
        torch.testing.assert_close(moved.log_prob(x), two_peaks().log_prob(x), rtol=0, atol=1e-9)


class TestGuards:
    def normal_world(self, grid, noise=1.0):
        return GridWorld(
            lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1),
            lambda x, z: Normal(z[:, 0], noise).log_prob(x),
            grid,
        )

    @pytest.mark.parametrize("dim", [1, 2])
    def test_a_posterior_at_the_border_is_refused(self, dim):
        world = self.normal_world(Grid(-3.0, 3.0, 61, dim))
        with pytest.raises(ValueError, match=r"grid: too small, .* expected at most 1e-06"):
            world.posterior([[0.0]])

    def test_a_border_of_the_second_dimension_counts_as_well(self):
        world = self.normal_world(Grid([-8.0, -2.0], [8.0, 2.0], 81, 2))
        with pytest.raises(ValueError, match="grid: too small"):
            world.posterior([[0.0]])

    def test_one_bad_example_among_good_ones_is_enough(self):
        world = self.normal_world(Grid(-8.0, 8.0, 161))
        assert torch.isfinite(world.posterior([[0.0], [1.0]])).all()
        with pytest.raises(ValueError, match="grid: too small"):
            world.posterior([[0.0], [16.0]])

    @pytest.mark.parametrize("dim", [1, 2])
    def test_a_posterior_between_the_nodes_is_refused(self, dim):
        world = self.normal_world(Grid(-8.0, 8.0, 81, dim), noise=0.05)
        for x in (0.0, 0.05, 0.1):
            with pytest.raises(ValueError, match=r"grid: too coarse for p.z.x., .* times as many"):
                world.posterior([[x]])

    def test_a_narrow_peak_beside_a_broad_one_is_refused(self):
        broad, narrow = Normal(-2.0, 1.0), Normal(3.0, 0.05)
        grid = Grid(-9.0, 9.0, 91)
        z = grid.nodes[:, 0]
        both = torch.logaddexp(broad.log_prob(z), narrow.log_prob(z) + math.log(0.05))
        grid.check_fit(broad.log_prob(z), "p")
        with pytest.raises(ValueError, match="grid: too coarse"):
            grid.check_fit(both, "p")

        with pytest.raises(ValueError, match="grid: too coarse"):
            grid.check_fit(torch.stack([broad.log_prob(z), both]), "p")

    def test_a_jump_is_refused(self):
        world = GridWorld(
            lambda z: torch.where(z[:, 0].abs() < 1, 0.5, 0.0).log(),
            lambda x, z: Normal(z[:, 0], 1.0).log_prob(x),
            Grid(-2.0, 2.0, 401),
        )
        with pytest.raises(ValueError, match="grid: too coarse"):
            world.log_prob([[0.0]])

    @pytest.mark.parametrize("dim", [1, 2])
    def test_what_passes_the_guards_is_within_the_grid_tolerance(self, dim):
        passed, refused = 0, 0
        for noise, x in itertools.product((0.05, 0.1, 0.15, 0.2, 0.3, 0.5), (0.0, 0.07, 0.13)):
            world = self.normal_world(Grid(-8.0, 8.0, 81, dim), noise)
            variance = 1 + noise**2
            exact = -0.5 * (x**2 / variance + math.log(2 * math.pi * variance))
            # log_prob refines the grid where it must; posterior and gap have the nodes they have
            assert world.log_prob([[x]]).item() == pytest.approx(exact, abs=1e-6)
            try:
                posterior = world.posterior([[x]])
            except ValueError:
                refused += 1
                continue
            passed += 1
            found = (world.log_joint([[x]]) - posterior).mean().item()
            assert abs(found - exact) < 1e-6
        assert passed >= 6
        assert refused >= 6

    @pytest.mark.parametrize("scale", [0.01, 4.0])
    def test_q_must_have_mass_one(self, scale):
        world = self.normal_world(Grid(-8.0, 8.0, 81))
        with pytest.raises(ValueError, match="log_q: expected a density of mass 1 on the grid"):
            world.elbo([[0.0]], lambda z: Normal(0.03, scale).log_prob(z[:, 0]))
        with pytest.raises(ValueError, match="log_q: expected a density of mass 1"):
            world.gap([[0.0]], lambda z: Normal(0.0, 1.0).log_prob(z[:, 0]) - 0.1)

    def test_shapes_and_values_of_callables_are_checked(self):
        grid, prior = Grid(-8.0, 8.0, 81), Normal(0.0, 1.0)
        with pytest.raises(ValueError, match=r"log_prior: expected to get back shape \(81,\)"):
            GridWorld(prior.log_prob, lambda x, z: x, grid)
        world = GridWorld(lambda z: prior.log_prob(z[:, 0]), lambda x, z: z[:, 0], grid)
        with pytest.raises(ValueError, match=r"log_likelihood: .* shape \(2, 81\), got \(81,\)"):
            world.log_prob([[0.0], [1.0]])
        world = GridWorld(
            lambda z: prior.log_prob(z[:, 0]), lambda x, z: (x - z[:, 0]) * math.nan, grid
        )
        with pytest.raises(ValueError, match="log_likelihood: expected log-densities, got NaN"):
            world.log_prob([[0.0]])
        world = GridWorld(
            lambda z: prior.log_prob(z[:, 0]), lambda x, z: -math.inf + 0 * (x - z[:, 0]), grid
        )
        with pytest.raises(ValueError, match="x: an example has probability zero at every node"):
            world.log_prob([[0.0]])
        with pytest.raises(ValueError, match=r"log_q: expected \(81,\) or \(batch, 81\)"):
            self.normal_world(grid).elbo([[0.0]], torch.zeros(80))
        with pytest.raises(ValueError, match="x: expected shape"):
            world.log_prob(0.5)
