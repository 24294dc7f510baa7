"""The tables of lecture 8: equal ELBOs along the valley, and what a limit or a tilt changes."""

import math

import pytest
import torch

from course_lib.exact import identities, tables
from course_lib.exact.preference import K, path_terms, priced_path, valley

UNIFORM, CODE = torch.full((K,), 1 / K).double(), torch.eye(K).double()
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
RANDOM = tables.random(5, seed=3), tables.random((7, 5), seed=4, normalise="z")


def average_elbo(world):
    return float((world.p_data * tables.elbo(world.p_zx, world.q_z_given_x)).sum())


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("tables_of", [(UNIFORM, CODE), RANDOM], ids=["code", "random"])
def test_every_point_of_the_valley_has_the_best_elbo(share, tables_of):
    world = valley(*tables_of, share)
    assert average_elbo(world) == pytest.approx(-float(tables.entropy(world.p_data)), abs=1e-12)
    assert torch.allclose(world.q_zx, world.p_zx, atol=1e-14)
    assert torch.allclose(world.q_zx.sum(1), tables_of[1] @ tables_of[0])


def test_the_information_runs_from_nothing_to_log_k():
    known = [float(tables.mutual_information(valley(UNIFORM, CODE, t).q_zx)) for t in SHARES]
    assert known == pytest.approx([0.0, 0.159, 0.543, 1.129, math.log(8)], abs=1e-3)


def test_both_ends_are_what_was_asked_for():
    p_data, encoder = RANDOM
    ignored, informative = valley(p_data, encoder, 0.0), valley(p_data, encoder, 1.0)
    assert torch.allclose(ignored.p_x_given_z, p_data.expand(7, 5))
    assert torch.allclose(informative.q_z_given_x, encoder)


@pytest.mark.parametrize("limit", [0.3, 0.6, 0.9])
def test_a_fixed_decoder_is_best_served_by_its_own_encoder(limit):
    decoder = valley(UNIFORM, CODE, limit)
    bounds = [
        average_elbo(valley(UNIFORM, CODE, t / 20)._replace(p_x_given_z=decoder.p_x_given_z))
        for t in range(21)
    ]
    assert max(range(21), key=bounds.__getitem__) == round(20 * limit)


def test_a_limited_decoder_follows_up_to_its_limit():
    for share in SHARES:
        terms = tables.kl_split_by_z(*(lambda w: (w.q_zx, w.p_zx))(priced_path(share, limit=0.5)))
        assert (float(terms.conditional) > 1e-3) == (share > 0.5)
        assert float(terms.marginal) < 1e-12


def test_a_tilted_prior_is_missed_more_the_more_z_says():
    terms = path_terms([priced_path(share, tilt=1.0) for share in SHARES])
    assert terms.marginal_kl[0] < 1e-12
    assert (terms.marginal_kl.diff() > 0).all()
    assert (path_terms([priced_path(s) for s in SHARES]).marginal_kl < 1e-12).all()


@pytest.mark.parametrize(("alpha", "lambda_"), [(0.0, 1.0), (1.0, 10.0), (-0.5, 1.5), (0.3, 2.0)])
def test_the_terms_make_every_objective_of_the_family(alpha, lambda_):
    """-D - (1 - alpha) R - (alpha + lambda - 1) KL(q(z), p(z)) is slide 17's sum, less H(p_d)."""
    worlds = [priced_path(share, 0.5, 0.7) for share in SHARES]
    terms = path_terms(worlds)
    each = (terms.reconstruction - (1 - alpha) * terms.rate).mean(1)
    objective = each - (alpha + lambda_ - 1) * terms.marginal_kl
    assert torch.allclose(terms.rate.mean(1), terms.information + terms.marginal_kl, atol=1e-12)
    for world, value in zip(worlds, objective, strict=True):
        marginal, conditional = tables.kl_split_by_z(world.q_zx, world.p_zx)
        information = tables.mutual_information(world.q_zx)
        slide = alpha * information - lambda_ * marginal - conditional
        assert float(value) == pytest.approx(float(slide) - math.log(K), abs=1e-12)


def test_the_valley_is_the_identity_of_slide_16():
    world = valley(*RANDOM, 0.0)
    assert identities.elbo_is_joint_matching(world.p_zx, world.p_data, world.q_z_given_x).holds
    assert float(tables.mutual_information(world.q_zx)) < 1e-12


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_outside_is_named(share):
    with pytest.raises(ValueError, match=r"^share: expected a number from 0 to 1"):
        valley(UNIFORM, CODE, share)
    with pytest.raises(ValueError, match=r"^limit: expected a number from 0 to 1"):
        priced_path(0.5, limit=share)


def test_a_z_that_never_occurs_is_named():
    unused = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match=r"^q_z_given_x: .* every z occurs"):
        valley([0.5, 0.5], unused, 0.5)
