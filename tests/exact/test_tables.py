import itertools
import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from course_lib.exact import tables

SEEDS = range(5)


def worlds():
    """Yield p(z, x), p_data and q(z|x) of several sizes, none of them square but one."""
    for seed, (n_z, n_x) in itertools.product(SEEDS, [(3, 4), (7, 5), (2, 2), (1, 6)]):
        yield (
            tables.random((n_z, n_x), seed),
            tables.random(n_x, seed + 100),
            tables.random((n_z, n_x), seed + 200, normalise="z"),
        )


def close(left, right):
    right = torch.as_tensor(right, dtype=torch.float64)
    torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def with_zeros(shape, seed, normalise=None, share=0.4):
    """Return a table of which about this share is zero, with no empty column."""
    table = tables.random(shape, seed)
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share
    mask[0] = False
    table = table.masked_fill(mask, 0.0)
    return table / (table.sum(0, keepdim=True) if normalise == "z" else table.sum())


class TestTables:
    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ([0.5, 0.6], "p: expected the sum to be 1, got 1.1"),
            ([-0.5, 1.5], "p: expected probabilities, got -0.5"),
            ([math.nan, 1.0], "p: expected numbers, got NaN"),
            ([0.0, 0.0], "p: expected the sum to be 1, got 0"),
            ([math.inf, 0.0], "p: expected the sum to be 1, got inf"),
            ([], "p: expected at least one number"),
        ],
    )
    def test_bad_tables_say_why(self, table, message):
        with pytest.raises(ValueError, match=message):
            tables.entropy(table)

    def test_direction_of_a_conditional_is_checked(self):
        rows = tables.random((3, 4), 0, normalise="x")
        with pytest.raises(ValueError, match="q_z_given_x: expected each column's sum to be 1"):
            tables.elbo(tables.random((3, 4), 1), rows)
        with pytest.raises(ValueError, match="p_x_given_z: expected each row's sum to be 1"):
            tables.joint(tables.random(3, 0), tables.random((3, 4), 0, normalise="z"))
        with pytest.raises(ValueError, match="normalise: expected None, 'z' or 'x', got 'y'"):
            tables.random(3, 0, normalise="y")

    def test_shapes_are_checked(self):
        q = tables.random((3, 4), 0, normalise="z")
        with pytest.raises(ValueError, match=r"q_z_given_x: expected shape \(4, 3\), got \(3, 4\)"):
            tables.elbo(tables.random((4, 3), 1), q)
        with pytest.raises(ValueError, match=r"p_data: expected shape \(4,\), got \(3,\)"):
            tables.inference_joint(tables.random(3, 0), q)
        with pytest.raises(ValueError, match=r"p_z: expected shape \(3,\), got \(4,\)"):
            tables.joint(tables.random(4, 0), q / q.sum(1, keepdim=True))
        with pytest.raises(ValueError, match=r"q: expected shape \(3,\), got \(4,\)"):
            tables.kl(tables.random(3, 0), tables.random(4, 0))
        with pytest.raises(ValueError, match=r"p_zx: expected shape \(n_z, n_x\), got \(3,\)"):
            tables.marginals(tables.random(3, 0))
        with pytest.raises(ValueError, match=r"p_z_given_x: expected shape \(3, 4\)"):
            tables.conditional_kl(q, tables.random((4, 4), 0, normalise="z"))

    def test_float32_tables_pass_and_become_exact(self):
        table = tables.distribution(tables.random(50, 0).float(), "p")
        assert table.dtype == torch.float64
        assert abs(table.sum().item() - 1) < 1e-15

    def test_random_tables_are_uniform_and_repeatable(self):
        many = tables.random((3, 20_000), 0, normalise="z")
        # uniform on the simplex of three: mean 1/3, variance 1/18
        assert (many.mean(1) - 1 / 3).abs().max() < 5 * math.sqrt(1 / 18 / 20_000)
        assert (many.var(1) - 1 / 18).abs().max() < 2e-3
        assert torch.equal(tables.random(6, 1), tables.random(6, 1))
        assert not torch.equal(tables.random(6, 1), tables.random(6, 2))
        close(tables.random((3, 4), 1, normalise="x").sum(1), [1.0] * 3)


class TestInformation:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_entropy_and_kl_equal_torch(self, seed):
        p, q = tables.random(6, seed), tables.random(6, seed + 10)
        close(tables.entropy(p), Categorical(p).entropy())
        close(tables.kl(p, q), kl_divergence(Categorical(p), Categorical(q)))

    def test_conditional_kl_equals_torch_column_by_column(self):
        q, p = (tables.random((3, 5), seed, normalise="z") for seed in (0, 1))
        close(tables.conditional_kl(q, p), kl_divergence(Categorical(q.T), Categorical(p.T)))

    def test_zeros(self):
        assert tables.entropy([1.0, 0.0]) == 0
        assert tables.kl([0.5, 0.5], [1.0, 0.0]) == math.inf
        assert tables.kl([1.0, 0.0], [0.5, 0.5]).item() == pytest.approx(math.log(2), abs=1e-15)
        assert tables.kl([1.0, 0.0], [1.0, 0.0]) == 0
        close(tables.jsd([1.0, 0.0], [0.0, 1.0]), math.log(2))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_divergences_are_positive_and_zero_at_equality_alone(self, seed):
        p, q = tables.random((2, 3), seed), tables.random((2, 3), seed + 10)
        for divergence in (tables.kl, tables.jsd):
            assert divergence(p, q) > 1e-3
            assert divergence(p, p).abs() < 1e-15
        assert tables.jsd(p, q) <= math.log(2)
        close(tables.jsd(p, q), tables.jsd(q, p))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_information_is_entropy_minus_conditional_entropy(self, seed):
        p = with_zeros((3, 5), seed)
        p_z, p_x = tables.marginals(p)
        value = tables.mutual_information(p)
        close(value, tables.entropy(p_z) + tables.entropy(p_x) - tables.entropy(p))
        assert 0 <= value <= min(tables.entropy(p_z), tables.entropy(p_x)) + 1e-12

    def test_information_is_zero_for_independent_and_full_for_equal(self):
        p_z, p_x = tables.random(3, 0), tables.random(5, 1)
        assert tables.mutual_information(torch.outer(p_z, p_x)).abs() < 1e-15
        close(tables.mutual_information(p_x.diag()), tables.entropy(p_x))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_data_processing_makes_marginals_no_farther_apart(self, seed):
        p, q = tables.random((3, 5), seed), tables.random((3, 5), seed + 10)
        for divergence, (one, other) in itertools.product(
            (tables.kl, tables.jsd), zip(tables.marginals(p), tables.marginals(q), strict=True)
        ):
            assert divergence(one, other) <= divergence(p, q)


class TestJoints:
    def test_built_joints_give_back_what_they_were_built_from(self):
        for p_zx, p_data, q in worlds():
            p_z, p_x = tables.marginals(p_zx)
            p_z_given_x, p_x_given_z = tables.conditionals(p_zx)
            close(tables.joint(p_z, p_x_given_z), p_zx)
            close(tables.inference_joint(p_x, p_z_given_x), p_zx)
            close(tables.marginals(tables.inference_joint(p_data, q))[1], p_data)

    def test_conditionals_of_an_impossible_condition_are_uniform(self):
        p_z_given_x, p_x_given_z = tables.conditionals([[0.5, 0.0], [0.5, 0.0], [0.0, 0.0]])
        close(p_z_given_x[:, 1], [1 / 3] * 3)
        close(p_x_given_z[2], [0.5] * 2)

    def test_gap_is_positive_and_zero_for_the_posterior_alone(self):
        for p_zx, _, q in worlds():
            log_px = p_zx.sum(0).log()
            gap = log_px - tables.elbo(p_zx, q)
            assert (gap >= -1e-14).all()
            assert len(q) == 1 or (gap > 1e-9).all()
            close(tables.elbo(p_zx, tables.conditionals(p_zx)[0]), log_px)

    def test_elbo_is_written_out_by_hand(self):
        p, q = [[0.1, 0.3], [0.4, 0.2]], [[0.5, 1.0], [0.5, 0.0]]
        first = 0.5 * math.log(0.1 / 0.5) + 0.5 * math.log(0.4 / 0.5)
        close(tables.elbo(p, q), [first, math.log(0.3)])
        assert tables.elbo([[0.0, 0.5], [0.25, 0.25]], q)[0] == -math.inf

    def test_elbo_is_reconstruction_minus_rate(self):
        for p_zx, _, q in worlds():
            close(tables.elbo(p_zx, q), tables.reconstruction(p_zx, q) - tables.rate(p_zx, q))

    @pytest.mark.parametrize("seed", SEEDS)
    def test_both_splits_add_up_to_the_kl_of_the_joints(self, seed):
        q = with_zeros((3, 4), seed)
        for p in (tables.random((3, 4), seed + 10), with_zeros((3, 4), seed)):
            close(sum(tables.kl_split_by_x(q, p)), tables.kl(q, p))
            close(sum(tables.kl_split_by_z(q, p)), tables.kl(q, p))

    def test_splits_are_of_the_variable_they_say(self):
        q, p = tables.random((3, 4), 0), tables.random((3, 4), 1)
        close(tables.kl_split_by_x(q, p).marginal, tables.kl(q.sum(0), p.sum(0)))
        close(tables.kl_split_by_z(q, p).marginal, tables.kl(q.sum(1), p.sum(1)))

    def test_splits_are_infinite_where_the_kl_is(self):
        q, p = torch.full((2, 2), 0.25), [[0.5, 0.0], [0.5, 0.0]]
        assert tables.kl(q, p) == math.inf
        assert sum(tables.kl_split_by_x(q, p)) == math.inf
        assert sum(tables.kl_split_by_z(q, p)) == math.inf


class TestImportanceBound:
    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_equals_the_sum_over_all_tuples(self, k):
        p, q = tables.random((3, 2), 0), tables.random((3, 2), 1, normalise="z")
        expected = torch.zeros(2).double()
        for chosen in itertools.product(range(3), repeat=k):
            weights = torch.stack([p[z] / q[z] for z in chosen])
            chance = torch.stack([q[z] for z in chosen]).prod(0)
            expected += chance * (weights.mean(0)).log()
        close(tables.importance_bound(p, q, k), expected)

    def test_lies_between_elbo_and_evidence_and_never_falls(self):
        for p_zx, _, q in worlds():
            bounds = torch.stack([tables.importance_bound(p_zx, q, k) for k in range(1, 6)])
            close(bounds[0], tables.elbo(p_zx, q))
            assert (bounds.diff(dim=0) >= -1e-14).all()
            assert (bounds[-1] <= p_zx.sum(0).log() + 1e-14).all()

    def test_approaches_the_evidence_like_one_over_k(self):
        p, q = tables.random((2, 3), 0), tables.random((2, 3), 1, normalise="z")
        left = {k: p.sum(0).log() - tables.importance_bound(p, q, k) for k in (1, 9, 18)}
        assert (left[18] < 0.6 * left[9]).all()
        variance = (p.square() / q).sum(0) / p.sum(0).square() - 1
        torch.testing.assert_close(left[18], variance / 36, rtol=0.4, atol=0)

    def test_posterior_leaves_nothing_to_gain(self):
        p = with_zeros((3, 4), 0)
        close(tables.importance_bound(p, tables.conditionals(p)[0], 4), p.sum(0).log())

    def test_a_z_that_q_never_draws_is_no_harm(self):
        p, q = tables.random((3, 2), 0), with_zeros((3, 2), 4, "z", share=0.9)
        assert (q == 0).any()
        assert torch.isfinite(tables.importance_bound(p, q, 4)).all()

    def test_too_many_terms_are_refused(self):
        p, q = tables.random((10, 3), 0), tables.random((10, 3), 1, normalise="z")
        with pytest.raises(ValueError, match=r"k: expected at most 4194304 terms, got 10\^7 x 3"):
            tables.importance_bound(p, q, 7)
        with pytest.raises(ValueError, match="k: expected a positive integer, got 0"):
            tables.importance_bound(p, q, 0)


class TestGame:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_no_discriminator_beats_the_optimal_one(self, seed):
        p, q = with_zeros((6, 1), seed), tables.random((6, 1), seed + 10)
        best = tables.optimal_discriminator(p, q)
        value = tables.gan_value(p, q, best)
        close(value, 2 * tables.jsd(p, q) - math.log(4))
        for step in range(10):
            noise = torch.randn(6, 1, generator=torch.Generator().manual_seed(step))
            worse = torch.sigmoid(best.clamp(1e-6, 1 - 1e-6).logit() + 0.1 * noise)
            assert tables.gan_value(p, q, worse) < value

    def test_known_discriminators(self):
        p = tables.random(4, 0)
        close(tables.optimal_discriminator(p, p), [0.5] * 4)
        close(tables.gan_value(p, p, [0.5] * 4), -math.log(4))
        perfect = tables.optimal_discriminator([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0])
        assert perfect.tolist() == [1.0, 1.0, 0.0, 0.5]
        assert tables.gan_value([0.5, 0.5, 0, 0], [0, 0, 1, 0], perfect) == 0
        real_is_likelier = tables.optimal_discriminator([0.9, 0.1], [0.1, 0.9])
        close(real_is_likelier, [0.9, 0.1])

    def test_bad_discriminators_are_refused(self):
        with pytest.raises(ValueError, match=r"discriminator: expected values in \[0, 1\]"):
            tables.gan_value([0.5, 0.5], [0.5, 0.5], [0.5, 1.5])
        with pytest.raises(ValueError, match=r"discriminator: expected shape \(2,\)"):
            tables.gan_value([0.5, 0.5], [0.5, 0.5], [0.5])
