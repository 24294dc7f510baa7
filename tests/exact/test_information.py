import pytest
import torch

from course_lib.exact import tables
from course_lib.exact.identities.information import information_is_bound_plus_gap

SHAPE = (4, 7)


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_misses_exactly_the_recognisers_error(seed):
    p_zx, q = tables.random(SHAPE, seed), tables.random(SHAPE, seed + 20, normalise="z")
    found = information_is_bound_plus_gap(p_zx, q)
    assert found.holds
    assert found.tolerance == 1e-10
    assert found.left == pytest.approx(tables.mutual_information(p_zx).item(), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_holds_where_probabilities_are_zero(seed):
    p_zx = tables.random(SHAPE, seed) * (tables.random(SHAPE, seed + 7) > 0.02)
    p_zx = p_zx / p_zx.sum()
    assert (p_zx == 0).any()
    q = tables.random(SHAPE, seed + 20, normalise="z")
    assert information_is_bound_plus_gap(p_zx, q).holds


def test_the_posterior_recognises_without_error():
    p_zx = tables.random(SHAPE, 3)
    found = information_is_bound_plus_gap(p_zx, tables.conditionals(p_zx)[0])
    assert found.holds
    assert found.left > 0.05


def test_the_information_is_the_models_and_not_the_inferences():
    p_zx, q = tables.random(SHAPE, 3), tables.random(SHAPE, 23, normalise="z")
    inference = tables.mutual_information(tables.inference_joint(p_zx.sum(0), q))
    assert abs(information_is_bound_plus_gap(p_zx, q).left - inference) > 0.01


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"q_z_given_x: expected shape \(4, 7\)"):
        information_is_bound_plus_gap(
            tables.random(SHAPE, 0), tables.random((3, 7), 1, normalise="z")
        )
    with pytest.raises(ValueError, match="q_z_given_x"):
        information_is_bound_plus_gap(tables.random(SHAPE, 0), torch.ones(SHAPE))
