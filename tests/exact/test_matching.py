"""The tables of lecture 7: proper tables, and three ways to one KL."""

import itertools

import pytest
import torch

from course_lib.exact import tables
from course_lib.exact.matching import N_X, N_Z, joint_terms, matching_world

SETTINGS = list(itertools.product((0.0, 2.5, 12.0), (0.0, 8.0), (-2.0, 0.0, 1.0)))


@pytest.mark.parametrize(("encoder", "decoder", "tilt"), SETTINGS)
def test_the_world_is_made_of_proper_tables(encoder, decoder, tilt):
    world = matching_world(encoder, decoder, tilt)
    assert world.q_zx.shape == world.p_zx.shape == (N_Z, N_X)
    for table in (world.q_zx, world.p_zx, world.p_data, world.p_z):
        assert table.dtype == torch.float64
        assert abs(float(table.sum()) - 1) < 1e-12
    assert torch.allclose(world.q_zx.sum(0), world.p_data)
    assert torch.allclose(world.p_zx.sum(1), world.p_z)


@pytest.mark.parametrize(("encoder", "decoder", "tilt"), SETTINGS)
def test_both_splits_and_the_elbo_give_one_number(encoder, decoder, tilt):
    terms = joint_terms(matching_world(encoder, decoder, tilt))
    assert terms.residual < 1e-12
    assert min(terms[:5]) > -1e-12


def test_zero_sharpness_is_independence_and_a_perfect_match():
    world = matching_world(0.0, 0.0, 0.0)
    assert float(tables.mutual_information(world.q_zx)) < 1e-12
    assert joint_terms(world).joint_kl < 1e-12


def test_sharpness_ties_z_to_x_and_tilt_leans_to_the_right():
    information = [
        float(tables.mutual_information(matching_world(s, 1.0, 0.0).q_zx)) for s in (0, 1, 4, 12)
    ]
    assert information == sorted(information)
    assert information[-1] > 0.8
    assert matching_world(1.0, 1.0, 1.5).p_data.diff().min() > 0


def test_an_even_encoder_meets_the_prior_whatever_the_data():
    assert joint_terms(matching_world(0.0, 7.0, 1.7)).z_marginal < 1e-12


def test_a_wrong_term_shows_in_the_residual():
    terms = joint_terms(matching_world(2.0, 8.0, 1.0))
    for name in ("joint_kl", "x_marginal", "z_given_x", "z_marginal", "elbo", "entropy"):
        moved = terms._replace(**{name: getattr(terms, name) + 0.1})
        assert moved.residual > 0.09


@pytest.mark.parametrize(
    ("name", "value"), [("encoder", -1.0), ("decoder", float("inf")), ("tilt", float("nan"))]
)
def test_a_bad_argument_is_named(name, value):
    arguments = {"encoder": 1.0, "decoder": 1.0, "tilt": 0.0} | {name: value}
    with pytest.raises(ValueError, match=f"^{name}:"):
        matching_world(**arguments)
