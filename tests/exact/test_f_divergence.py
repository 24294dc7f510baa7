import math

import pytest
import torch

from course_lib.exact import f_divergence, tables
from course_lib.exact.f_divergence import JSD, KL, PEARSON, REVERSE_KL

ALL = [KL, REVERSE_KL, JSD, PEARSON]
SEEDS = range(5)


def close(left, right):
    torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_values_are_those_of_the_tables(seed):
    p, q = tables.random(6, seed), tables.random(6, seed + 10)
    close(KL(p, q), tables.kl(p, q))
    close(REVERSE_KL(p, q), tables.kl(q, p))
    close(JSD(p, q), tables.jsd(p, q))
    close(PEARSON(p, q), ((p - q).square() / q).sum())


@pytest.mark.parametrize("divergence", ALL, ids=lambda d: d.name)
class TestEveryDivergence:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_bound_is_below_for_any_critic_and_tight_at_the_best(self, divergence, seed):
        p, q = tables.random(6, seed), tables.random(6, seed + 10)
        value, best = divergence(p, q), divergence.optimal_critic(p, q)
        close(divergence.bound(p, q, best), value)
        for step in range(20):
            noise = torch.randn(6, generator=torch.Generator().manual_seed(step)).double()
            assert divergence.bound(p, q, best + 0.05 * noise) < value
            assert divergence.bound(p, q, 3 * noise) < value

    def test_critic_is_a_stationary_point(self, divergence):
        p, q = tables.random(6, 0), tables.random(6, 1)
        critic = divergence.optimal_critic(p, q).requires_grad_()
        divergence.bound(p, q, critic).backward()
        assert critic.grad.abs().max() < 1e-14

    def test_conjugate_is_the_supremum(self, divergence):
        u = torch.linspace(1e-4, 60, 600_001, dtype=torch.float64)
        for t in (-1.5, -0.7, -0.2, 0.1, 0.3):
            reached = (u * t - divergence.f(u)).max().item()
            got = divergence.conjugate(torch.tensor(t, dtype=torch.float64)).item()
            assert got == pytest.approx(reached, abs=1e-3) or (got == math.inf and reached > 0.3)

    def test_zero_at_equality_even_with_empty_cells(self, divergence):
        p = [0.25, 0.75, 0.0]
        assert divergence(p, p) == 0
        close(divergence.bound(p, p, divergence.optimal_critic(p, p)), torch.zeros(()).double())

    def test_missing_mass_is_handled_on_either_side(self, divergence):
        for p, q in (([0.5, 0.5, 0], [0.2, 0.3, 0.5]), ([0.2, 0.3, 0.5], [0.5, 0.5, 0])):
            value = divergence(p, q)
            assert value > 0
            best = divergence.bound(p, q, divergence.optimal_critic(p, q))
            assert best == value or abs(best - value) < 1e-10

    def test_shapes_are_checked(self, divergence):
        with pytest.raises(ValueError, match=r"critic: expected shape \(2,\), got \(3,\)"):
            divergence.bound([0.5, 0.5], [0.5, 0.5], [0.1, 0.1, 0.1])
        with pytest.raises(ValueError, match=r"q: expected shape \(2,\), got \(1,\)"):
            divergence([0.5, 0.5], [1.0])


def test_a_critic_outside_the_domain_is_worth_nothing():
    half = torch.full((2,), 0.5)
    assert REVERSE_KL.bound(half, half, [0.5, -1.0]) == -math.inf
    assert JSD.bound(half, half, [1.0, 0.0]) == -math.inf


def test_names_are_all_different():
    assert len({getattr(f_divergence, n).name for n in ("JSD", "KL", "PEARSON", "REVERSE_KL")}) == 4
