import inspect
import itertools
import math
import re
from pathlib import Path

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

import course_lib.exact
from course_lib.exact import f_divergence, identities, tables
from course_lib.exact.grid import Grid, GridWorld
from course_lib.exact.identities import Residual
from course_lib.exact.identities.residual import between
from course_lib.exact.linear_gaussian import LinearGaussian

SEEDS = range(5)
SEEDS_AND_ZEROS = list(itertools.product(SEEDS, (False, True)))
JOINT_IDENTITIES = [
    identities.elbo_is_joint_matching,
    identities.joint_kl_splits_by_x,
    identities.joint_kl_splits_by_z,
]


def assert_holds(*residuals, tolerance):
    for residual in residuals:
        assert residual.tolerance == tolerance, residual
        assert residual.holds, residual
        assert math.isfinite(residual.left), residual
        assert abs(residual.left - residual.right) <= tolerance, residual


def world(seed, zeros=False, shape=(7, 5)):
    p_zx, q = tables.random(shape, seed), tables.random(shape, seed + 20, normalise="z")
    if zeros:
        keep = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6
        keep[0] = True
        q = q * keep / (q * keep).sum(0)
    return p_zx, tables.random(shape[1], seed + 10), q


class TestResidual:
    def test_prints_on_two_lines_that_fit_a_page(self):
        text = str(Residual("log p(x) = ELBO + KL", -3.1234567, -3.1234567, 4.4e-16, 1e-10))
        assert text == (
            "log p(x) = ELBO + KL\n"
            "  left -3.1234567  right -3.1234567  residual 4.4e-16  (tolerance 1e-10)"
        )
        broken = str(Residual("mass", -1234.1234567, 1.0, 1234.0, 1e-10))
        assert max(map(len, broken.splitlines())) <= 100

    def test_says_when_it_does_not_hold(self):
        assert "DOES NOT HOLD" in str(Residual("1 = 2", 1.0, 2.0, 1.0, 1e-10))
        assert not Residual("nan", math.nan, 0.0, math.nan, 1e-10).holds

    def test_one_bad_example_cannot_hide(self):
        left, right = torch.zeros(9).double(), torch.zeros(9).double()
        right[4] = 1e-3
        assert between("", left, right, 1e-10).residual == pytest.approx(1e-3)
        right[4] = math.nan
        assert not between("", left, right, 1e-10).holds

    def test_opposite_errors_do_not_cancel(self):
        left = torch.tensor([1.0, -1.0]).double()
        assert between("", left, -left, 1e-10).residual == 2

    def test_equal_infinities_do_not_differ(self):
        inf = torch.tensor([math.inf]).double()
        assert between("", inf, inf, 1e-10).holds
        assert not between("", inf, -inf, 1e-10).holds

    def test_it_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            Residual("", 0.0, 0.0, 1.0, 1e-10).residual = 0.0


class TestBounds:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_elbo_plus_gap_in_closed_form(self, seed):
        linear = LinearGaussian.random(7, 3, noise_scale=0.5, seed=seed)
        x = linear.sample(9, torch.Generator().manual_seed(seed))
        root = torch.randn(9, 3, 3, generator=torch.Generator().manual_seed(seed)).double()
        cov = root @ root.mT + 0.05 * torch.eye(3)
        found = identities.log_prob_is_elbo_plus_gap_linear_gaussian(linear, x, root[:, 0], cov)
        assert_holds(found, tolerance=1e-10)
        assert found.left == pytest.approx(linear.log_prob(x).mean().item())

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("dim", [1, 2])
    def test_elbo_plus_gap_on_a_grid(self, dim, seed):
        weight = torch.randn(dim, generator=torch.Generator().manual_seed(seed)).double()
        grid_world = GridWorld(
            lambda z: Normal(0.0, 1.0).log_prob(z).sum(-1),
            lambda x, z: Normal(torch.sin(z @ weight) + z[:, 0].square(), 0.7).log_prob(x),
            Grid(-8.0, 8.0, {1: 801, 2: 161}[dim], dim),
        )
        q = MultivariateNormal(0.3 * weight, (0.5 * torch.eye(dim)).double())
        x = torch.tensor([[1.5], [-0.3], [3.0]])
        found = identities.log_prob_is_elbo_plus_gap(grid_world, x, q.log_prob)
        assert_holds(found, tolerance=1e-6)
        assert found.left == pytest.approx(grid_world.log_prob(x).mean().item())

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("zeros", [False, True])
    def test_elbo_plus_gap_on_tables(self, seed, zeros):
        p_zx, _, q = world(seed, zeros)
        assert_holds(identities.log_prob_is_elbo_plus_gap_table(p_zx, q), tolerance=1e-10)

    def test_tables_where_p_lacks_what_q_has(self):
        q = torch.full((2, 2), 0.5)
        found = identities.log_prob_is_elbo_plus_gap_table([[0.5, 0.0], [0.0, 0.5]], q)
        assert found.holds
        assert found.left == -math.inf
        found = identities.log_prob_is_elbo_plus_gap_table([[0.5, 0.0], [0.5, 0.0]], q)
        assert_holds(found, tolerance=1e-10)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_likelihood_is_kl_plus_entropy(self, seed):
        p_d, p = tables.random(6, seed), tables.random(6, seed + 10)
        found = identities.likelihood_is_kl_plus_entropy(p_d, p)
        assert_holds(found, tolerance=1e-10)
        assert found.left == pytest.approx((p_d * p.log()).sum().item())

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("zeros", [False, True])
    def test_importance_bound_chain(self, seed, zeros):
        p_zx, _, q = world(seed, zeros, shape=(3, 4))
        found = identities.importance_bound_is_monotone(p_zx, q, k_max=6)
        assert found.holds
        assert found.left < found.right

    def test_importance_bound_chain_sees_each_broken_link(self, monkeypatch):
        p_zx, _, q = world(0, shape=(3, 4))
        honest = identities.bounds.tables.importance_bound
        lies = {
            "not the ELBO at one": lambda p, q, k: honest(p, q, k) - 0.1 * float(k == 1),
            "falls": lambda p, q, k: honest(p, q, k) - float(k == 3),
            "above log p(x)": lambda p, q, k: honest(p, q, k) + 5 * float(k == 4),
        }
        for lie in lies.values():
            monkeypatch.setattr(identities.bounds.tables, "importance_bound", lie)
            assert not identities.importance_bound_is_monotone(p_zx, q, k_max=4).holds


class TestJoints:
    @pytest.mark.parametrize("identity", JOINT_IDENTITIES, ids=lambda f: f.__name__)
    @pytest.mark.parametrize(("seed", "zeros"), SEEDS_AND_ZEROS)
    def test_matching_of_two_joints(self, identity, seed, zeros):
        assert_holds(identity(*world(seed, zeros)), tolerance=1e-10)

    @pytest.mark.parametrize(("seed", "zeros"), SEEDS_AND_ZEROS)
    def test_elbo_side_is_the_average_over_the_data(self, seed, zeros):
        p_zx, p_data, q = world(seed, zeros)
        found = identities.elbo_is_joint_matching(p_zx, p_data, q)
        assert found.left == pytest.approx((p_data * tables.elbo(p_zx, q)).sum().item())

    @pytest.mark.parametrize("seed", SEEDS)
    def test_rate_is_information_plus_mismatch(self, seed):
        p_zx, p_data, q = world(seed, zeros=True)
        p_z = p_zx.sum(1)
        found = identities.rate_is_information_plus_marginal_kl(p_z, p_data, q)
        assert_holds(found, tolerance=1e-10)
        rate = tables.conditional_kl(q, p_z[:, None].expand_as(q))
        assert found.left == pytest.approx((p_data * rate).sum().item())

    @pytest.mark.parametrize("seed", SEEDS)
    def test_two_solutions_attain_the_same_optimum(self, seed):
        p_data, p_z = tables.random(5, seed), tables.random(3, seed + 10)
        independent, informative = identities.information_preference(p_data, p_z)
        assert_holds(independent, informative, tolerance=1e-10)
        assert independent.left == pytest.approx(informative.left, abs=1e-12)
        assert independent.left == pytest.approx(-tables.entropy(p_data).item(), abs=1e-12)
        assert "I(x;z) = 0.0000" in independent.name
        assert f"I(x;z) = {tables.entropy(p_data):.4f}" in informative.name

    def test_solutions_match_their_joints_exactly(self):
        p_data, p_z = tables.random(5, 0), tables.random(3, 1)
        for made in (
            identities.independent_solution(p_data, p_z),
            identities.informative_solution(p_data),
        ):
            q_zx = tables.inference_joint(p_data, made.q_z_given_x)
            assert tables.kl(q_zx, made.p_zx).abs() < 1e-15
            torch.testing.assert_close(tables.marginals(made.p_zx)[1], p_data)

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0, 10.0])
    def test_beta_vae(self, seed, beta):
        p_zx, p_data, q = world(seed, zeros=True)
        found = identities.beta_vae_is_matching(p_zx, p_data, q, beta)
        assert_holds(found, tolerance=1e-10)
        objective = tables.reconstruction(p_zx, q) - beta * tables.rate(p_zx, q)
        assert found.left == pytest.approx((p_data * objective).sum().item())

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize(
        ("alpha", "lambda_"), [(0, 1), (1, 10), (-0.5, 1.5), (0.3, 2), (1, 0), (0, 0)]
    )
    def test_info_vae(self, seed, alpha, lambda_):
        found = identities.info_vae_is_matching(*world(seed, zeros=True), alpha, lambda_)
        assert_holds(found, tolerance=1e-10)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_info_vae_contains_the_known_objectives(self, seed):
        p_zx, p_data, q = world(seed)
        elbo, beta_vae, aae = identities.info_vae_known_settings(p_zx, p_data, q, lambda_=3.0)
        assert_holds(elbo, beta_vae, aae, tolerance=1e-10)
        assert elbo.right == pytest.approx((p_data * tables.elbo(p_zx, q)).sum().item())
        beta = identities.beta_vae_is_matching(p_zx, p_data, q, 3.0)
        assert beta_vae.left == pytest.approx(beta.left)
        q_z = tables.inference_joint(p_data, q).sum(1)
        expected = (p_data * tables.reconstruction(p_zx, q)).sum() - 3 * tables.kl(q_z, p_zx.sum(1))
        assert aae.left == pytest.approx(expected.item())


class TestDivergences:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_gan_value(self, seed):
        p, q = tables.random((2, 3), seed), tables.random((2, 3), seed + 10)
        found = identities.gan_value_is_jsd(p, q)
        assert_holds(found, tolerance=1e-10)
        middle = (p + q) / 2
        jsd = 0.5 * (p * (p / middle).log() + q * (q / middle).log()).sum().item()
        assert found.right == pytest.approx(2 * jsd - math.log(4))

    def test_gan_value_of_the_same_and_of_disjoint(self):
        assert identities.gan_value_is_jsd([0.3, 0.7], [0.3, 0.7]).left == -math.log(4)
        assert identities.gan_value_is_jsd([0.0, 1.0], [1.0, 0.0]).left == 0

    @pytest.mark.parametrize("name", ["KL", "REVERSE_KL", "JSD", "PEARSON"])
    def test_f_gan(self, name):
        divergence = getattr(f_divergence, name)
        p, q = tables.random(5, 0), tables.random(5, 1)
        assert_holds(identities.f_gan_bound_is_tight(p, q, divergence), tolerance=1e-10)
        loose = identities.f_gan_bound_is_tight(p, q, divergence, [-0.3] * 5)
        assert loose.holds
        assert loose.left < loose.right - 1e-3

    def test_kl_and_jsd_vanish_together(self):
        assert_holds(identities.kl_and_jsd_vanish_together(tables.random(6, 0)), tolerance=1e-10)

    def test_misspecified_minimisers_differ(self):
        by_kl, by_jsd = identities.misspecified_minimisers()
        # the Gaussian nearest in KL has the data's mean and variance
        assert by_kl.mean == pytest.approx(0, abs=1e-3)
        assert by_kl.scale == pytest.approx(math.sqrt(9 + 0.36), abs=1e-3)
        assert abs(by_jsd.mean) == pytest.approx(3, abs=0.01)
        assert by_jsd.scale == pytest.approx(0.6, abs=0.01)
        assert by_kl.kl < by_jsd.kl - 20
        assert by_jsd.jsd < by_kl.jsd - 0.03
        assert by_jsd.jsd < math.log(2)

    def test_minimisers_coincide_where_the_family_is_right(self):
        for fit in identities.misspecified_minimisers(((1.0, 0.5),)):
            assert (fit.mean, fit.scale) == pytest.approx((1.0, 0.5), abs=1e-4)
            assert abs(fit.kl) < 1e-6
            assert abs(fit.jsd) < 1e-6

    @pytest.mark.parametrize("components", [((-3.0, 0.6), (3.0, 0.6)), ((-2.0, 0.5), (3.0, 1.0))])
    def test_no_neighbour_is_better(self, components):
        x = torch.linspace(-40, 40, 16001, dtype=torch.float64)
        data = sum(Normal(m, s).log_prob(x).exp() for m, s in components) / 2

        def divergences(mean, scale):
            log_q = Normal(mean, scale).log_prob(x)
            log_p = data.log().clamp(min=-700)
            middle = torch.logaddexp(log_p, log_q) - math.log(2)
            kl = torch.trapezoid(data * (log_p - log_q), x)
            first = torch.trapezoid(data * (log_p - middle), x)
            second = torch.trapezoid(log_q.exp() * (log_q - middle), x)
            return kl.item(), 0.5 * (first + second).item()

        for place, fit in enumerate(identities.misspecified_minimisers(components)):
            assert (fit.kl, fit.jsd) == pytest.approx(divergences(fit.mean, fit.scale), abs=1e-6)
            best = divergences(fit.mean, fit.scale)[place]
            for mean, factor in itertools.product((-0.01, 0, 0.01), (0.99, 1, 1.01)):
                near = divergences(fit.mean + mean, fit.scale * factor)[place]
                assert near >= best - 1e-7


class Scaled:
    """The simplest invertible map: z -> z * scale, with faults to order."""

    def __init__(self, scale, forward_fault=0.0, inverse_sign=-1.0):
        self.scale = torch.as_tensor(scale, dtype=torch.float64)
        self.forward_fault, self.inverse_sign = forward_fault, inverse_sign

    def log_det(self, z):
        return self.scale.abs().log().sum().expand(len(z))

    def __call__(self, z):
        return z * self.scale, self.log_det(z) + self.forward_fault

    def inverse(self, x):
        return x / self.scale, self.inverse_sign * self.log_det(x)


def planar(seed, w_u, dim=2):
    """Return a planar map whose w.u has exactly this value."""
    generator = torch.Generator().manual_seed(seed)
    u, w = torch.randn(2, dim, generator=generator, dtype=torch.float64)
    u = u + (w_u - w @ u) * w / w.square().sum()
    return identities.planar_without_constraint(u, w, 0.3), u, w


class TestTransforms:
    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("w_u", [-3.0, -0.99, 0.5, 4.0])
    @pytest.mark.parametrize("dim", [1, 2, 5])
    def test_planar_log_det_is_the_jacobians_invertible_or_not(self, seed, w_u, dim):
        transform, _, _ = planar(seed, w_u, dim)
        z = 2 * torch.randn(33, dim, generator=torch.Generator().manual_seed(seed)).double()
        assert_holds(identities.log_det_matches_jacobian(transform, z), tolerance=1e-9)

    def test_wrong_log_dets_are_seen(self):
        def mixed(z):
            return torch.stack([z[:, 0] * z[:, 1].exp(), z[:, 1] ** 3 + z[:, 1]], 1)

        def log_det(z):
            return z[:, 1] + (3 * z[:, 1].square() + 1).log()

        z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
        for wrong, holds in ((0.0, True), (1e-3, False)):
            found = identities.log_det_matches_jacobian(
                lambda z, e=wrong: (mixed(z), log_det(z) + e), z
            )
            assert found.holds is holds
        assert not identities.log_det_matches_jacobian(lambda z: (mixed(z), -log_det(z)), z).holds
        one_wrong = log_det(z) + torch.tensor([0, 0, 0, 0.1, 0])
        assert not identities.log_det_matches_jacobian(lambda z: (mixed(z), one_wrong), z).holds

    def test_a_map_that_ignores_one_dimension_is_singular_for_both(self):
        def flat(z):
            return torch.stack([z[:, 0], z[:, 0]], 1), torch.full((len(z),), -math.inf)

        assert identities.log_det_matches_jacobian(flat, torch.ones(3, 2)).holds

    def test_inverse_is_the_inverse_and_its_log_det_opposite(self):
        z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
        there_and_back = identities.inverse_has_opposite_log_det(Scaled([2.0, -0.5]), z)
        assert_holds(*there_and_back, tolerance=1e-9)
        _, sign = identities.inverse_has_opposite_log_det(Scaled([2.0, 3.0], inverse_sign=1.0), z)
        assert not sign.holds
        wrong = Scaled([2.0, 3.0])
        wrong.inverse = lambda x: (x, -wrong.log_det(x))
        round_trip, _ = identities.inverse_has_opposite_log_det(wrong, z)
        assert not round_trip.holds

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("w_u", [-3.0, -0.95, 0.5])
    def test_mass_tells_a_folding_map_from_an_invertible_one(self, seed, w_u):
        transform, u, w = planar(seed, w_u)
        found = identities.pull_back_mass(transform, Grid(-14.0, 14.0, 701, dim=2))
        invertible = bool(identities.is_invertible_planar(w, u))
        assert invertible is (w_u >= -1)
        assert found.holds is invertible
        assert found.right == 1
        assert invertible or found.left > 1.5

    def test_the_known_folding_map(self):
        w = torch.tensor([1.0, 0.5])
        folded = identities.planar_without_constraint(-3 * w, w, 0.2)
        z = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).double()
        assert identities.log_det_matches_jacobian(folded, z).holds
        assert identities.pull_back_mass(folded).left == pytest.approx(2.822, abs=1e-3)

    def test_the_elbo_of_a_folding_map_exceeds_log_z_and_stays_below_its_log_mass(self):
        fold = identities.planar_without_constraint([-3.75], [1.0], 0.2)
        found = identities.pushed_elbo_is_a_bound(fold)
        assert not found.holds
        assert found.left == found.residual == pytest.approx(0.2618, abs=5e-4)
        mass = identities.pull_back_mass(fold, Grid(-30.0, 30.0, 6001)).left
        assert 0 < found.left < math.log(mass)

    @pytest.mark.parametrize("w_u", [-0.99, -0.5, 0.0, 4.0])
    def test_the_elbo_of_an_invertible_map_is_a_bound(self, w_u):
        map_ = identities.planar_without_constraint([w_u], [1.0], 0.2)
        found = identities.pushed_elbo_is_a_bound(map_)
        assert found.holds
        assert found.left < 0

    @pytest.mark.parametrize("dim", [1, 2])
    def test_the_pushed_elbo_of_a_scaling_is_the_kl_of_two_gaussians(self, dim):
        grid = Grid(-12.0, 12.0, 241, dim)
        found = identities.pushed_elbo_is_a_bound(Scaled([1.5] * dim), 0.9, grid)
        scale = 1.5 * 0.9
        assert found.left == pytest.approx(-dim * (0.5 * (scale**2 - 1) - math.log(scale)))
        assert found.holds

    @pytest.mark.parametrize("dim", [1, 2])
    def test_mass_sees_a_wrong_log_det(self, dim):
        grid = Grid(-9.0, 9.0, 181, dim)
        assert_holds(identities.pull_back_mass(Scaled([1.5] * dim), grid), tolerance=1e-6)
        wrong = identities.pull_back_mass(Scaled([1.5] * dim, forward_fault=0.1), grid)
        assert wrong.left == pytest.approx(math.exp(0.1))
        assert not wrong.holds

    def test_a_grid_that_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match=r"grid: too small, .* of p\(f\(z\)\)"):
            identities.pull_back_mass(Scaled([0.1, 1.0]))
        with pytest.raises(ValueError, match=r"grid: too coarse for p\(f\(z\)\)"):
            identities.pull_back_mass(Scaled([50.0]), Grid(-9.0, 9.0, 181))

    def test_planar_is_monotone_along_w_just_where_it_is_called_invertible(self):
        line = torch.linspace(-4, 4, 4001, dtype=torch.float64)[:, None]
        for w_u in (-2.0, -1.001, -1.0, -0.9, 3.0):
            transform, u, w = planar(0, w_u)
            along = transform(line * w / w.square().sum())[0] @ w
            u = u.where(torch.tensor(w_u != -1.0), -w / w.square().sum())
            rising = bool((along.diff() > -1e-12).all())
            assert rising is bool(identities.is_invertible_planar(w, u) or w_u == -1.0)

    @pytest.mark.parametrize(
        ("transform", "message"),
        [
            (lambda z: z, r"transform: expected \(x, log_det\), got Tensor"),
            (lambda z: (z[:, :1], z[:, 0]), r"x: expected shape \(3, 2\), got \(3, 1\)"),
            (lambda z: (z, z), r"log_det: expected shape \(3,\), got \(3, 2\)"),
            (lambda z: (z.detach(), z[:, 0]), "transform: expected f.z. to depend on z"),
            (lambda z: (z * math.nan, z[:, 0]), r"transform\(z\): expected numbers, got NaN"),
        ],
    )
    def test_bad_transforms_are_refused(self, transform, message):
        with pytest.raises(ValueError, match=message):
            identities.log_det_matches_jacobian(transform, torch.ones(3, 2))

    def test_bad_points_are_refused(self):
        with pytest.raises(ValueError, match=r"z: expected shape \(n, dim\), got \(2,\)"):
            identities.log_det_matches_jacobian(Scaled([1.0, 1.0]), torch.ones(2))
        with pytest.raises(ValueError, match=r"w: expected shape \(2,\), got \(3,\)"):
            identities.planar_without_constraint(torch.ones(2), torch.ones(3), 0.0)


def test_every_public_identity_names_its_slide():
    functions = [getattr(identities, name) for name in identities.__all__]
    for function in filter(inspect.isfunction, functions):
        assert re.search(r"slide", function.__doc__), function.__name__


def test_exact_worlds_know_nothing_else_of_the_library():
    for file in Path(course_lib.exact.__file__).parent.rglob("*.py"):
        imports = re.findall(r"^\s*(?:from|import) ([\w.]+)", file.read_text(), re.MULTILINE)
        for name in imports:
            below = name.startswith("course_lib.exact") or name == "course_lib.arguments"
            assert below or not name.startswith("course_lib"), file
