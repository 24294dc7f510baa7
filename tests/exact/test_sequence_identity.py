import pytest
import torch

from course_lib.exact import identities, tables

SHAPES = [(3, 2), (2, 3) * 2, (3, 2) * 3, (2, 2) * 4]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_identity_16(shape, seed):
    p = tables.random(shape, seed=seed)
    filters = identities.random_filters(p, seed=seed + 5)
    for identity in (identities.sequence_bound_is_sum_over_time, identities.padding_adds_nothing):
        residual = identity(p, filters)
        assert residual.holds, residual
        assert residual.tolerance <= 1e-10
        assert residual.left < 0


def test_with_one_step_it_is_the_bound_of_a_vae():
    p = tables.random((4, 3), seed=0)
    filters = identities.random_filters(p, seed=1)
    assert filters[0].sum(0).allclose(torch.ones(3).double())
    residual = identities.sequence_bound_is_sum_over_time(p, filters)
    assert residual.right == pytest.approx(float(tables.elbo(p, filters[0]).mean()), abs=1e-12)


def test_a_filter_may_look_back_but_the_order_of_its_dimensions_counts():
    """Two steps that have nothing to do with each other: twice the bound of one."""
    one = tables.random((2, 3), seed=0)
    q = identities.random_filters(one, seed=1)[0]
    both = one[:, :, None, None] * one
    filters = [q, q.expand(2, 3, 2, 3)]
    residual = identities.sequence_bound_is_sum_over_time(both, filters)
    assert residual.holds
    assert residual.left == pytest.approx(2 * float(tables.elbo(one, q).mean()), abs=1e-12)


def test_no_filter_reaches_the_evidence_of_a_chain_that_remembers():
    """x_2 tells about z_1, and q(z_1 | x_1) cannot know it; what sees all of x can (slide 9)."""
    p = tables.random((2, 2) * 2, seed=3)
    x_1 = p.sum((2, 3))
    first = x_1 / x_1.sum(0)
    second = p / p.sum(2, keepdim=True)
    best = identities.sequence_bound_is_sum_over_time(p, [first, second])
    evidence = p.sum((0, 2)).log().mean()
    assert best.holds
    assert best.left < evidence - 1e-3


def test_bad_worlds_are_refused():
    p = tables.random((2, 3) * 2, seed=0)
    filters = identities.random_filters(p, seed=1)
    check = identities.sequence_bound_is_sum_over_time
    with pytest.raises(ValueError, match=r"p: expected shape \(n_z, n_x\) \* T, got \(2, 3, 2\)"):
        check(p.sum(3), filters)
    with pytest.raises(ValueError, match=r"p: expected shape \(n_z, n_x\) \* T"):
        check(tables.random((2, 3, 3, 2), seed=0), filters)
    with pytest.raises(ValueError, match="filters: expected one table a step, 2, got 1"):
        check(p, filters[:1])
    with pytest.raises(ValueError, match=r"filters\[1\]: expected shape \(2, 3, 2, 3\)"):
        check(p, [filters[0], filters[0]])
    with pytest.raises(ValueError, match=r"filters\[0\]: .*sum over z_1 is 1"):
        check(p, [filters[0] * 2, filters[1]])
    with pytest.raises(ValueError, match=r"filters\[1\]: .*sum over z_2 is 1"):
        check(p, [filters[0], filters[1].transpose(0, 2).contiguous()])
