"""The figures of lecture 8: what is drawn is what was computed, in every state."""

import itertools
import math
import re
import runpy

import numpy as np
import pytest
import torch
from notebook_runs import ROOT

from course_lib.exact import tables
from course_lib.exact.preference import K, path_terms, priced_path
from course_lib.exact.preference import valley as library_valley
from course_lib.figures.information_preference import (
    preference_path,
    priced_information,
    rate_distortion,
)
from course_lib.figures.information_preference.priced_information import SHARES, TILTS
from course_lib.figures.information_preference.trained import trained

UNIFORM, CODE = torch.full((K,), 1 / K).double(), torch.eye(K).double()


def valley(p_data, q_z_given_x, share):
    world = library_valley(p_data, q_z_given_x, float(share))
    return world.q_z_given_x, world.p_z, world.p_x_given_z


def information(joint):
    return tables.mutual_information(joint)


@pytest.fixture(scope="module")
def path():
    return preference_path()


@pytest.fixture(scope="module")
def priced():
    return priced_information()


def heights(live):
    """The ordinates of the dots: flexible decoder, limited decoder, information."""
    elbo, known = live.figure.axes[2:4]
    lines = [*elbo.lines[-2:], known.lines[-1]]
    return [float(line.get_ydata()[0]) for line in lines]


def objective_line(live):
    return np.asarray(live.figure.axes[1].lines[0].get_ydata(), float)


@pytest.mark.parametrize("state", list(itertools.product((0.0, 0.4, 1.0), (0.0, 0.6, 0.9))))
def test_the_flat_line_stays_and_the_dots_are_where_the_tables_say(path, state):
    share, limit = state
    path.show(share=share, limit=limit)
    encoder = library_valley(UNIFORM, CODE, share)
    decoder = library_valley(UNIFORM, CODE, limit)
    flexible, limited, known = heights(path)
    assert flexible == pytest.approx(-math.log(K), abs=1e-12)
    elbo = (UNIFORM * tables.elbo(decoder.p_zx, encoder.q_z_given_x)).sum()
    assert limited == pytest.approx(float(elbo), abs=1e-12)
    assert limited <= flexible + 1e-12
    assert known == pytest.approx(float(information(encoder.q_zx)), abs=1e-12)


def test_the_curve_of_the_limited_decoder_has_its_peak_at_the_limit(path):
    for limit in (0.3, 0.6, 0.9):
        path.show(limit=limit)
        curve = np.asarray(path.figure.axes[2].lines[1].get_ydata())
        assert int(curve.argmax()) == round(40 * limit)


def test_the_heatmaps_are_the_two_joints(path):
    path.show(share=0.7, limit=0.2)
    for axes, share in zip(path.figure.axes[:2], (0.7, 0.2), strict=True):
        shown = np.asarray(axes.images[0].get_array())
        assert np.allclose(shown, library_valley(UNIFORM, CODE, share).q_zx.numpy())


def test_the_readers_functions_make_dots_and_tables_and_the_library_is_dashed(path):
    mine = preference_path(valley, information)
    path.show(**mine.state)
    assert heights(mine) == pytest.approx(heights(path))
    assert "differ" not in mine.readout
    assert mine.figure.axes[3].lines[0].get_linestyle() == "--"
    assert path.figure.axes[3].lines[0].get_linestyle() == "-"


def test_a_wrong_function_is_drawn_and_told():
    live = preference_path(valley, lambda joint: information(joint) + 0.2)
    assert "your numbers differ from the library's" in live.readout
    known = information(library_valley(UNIFORM, CODE, live.state["share"]).q_zx)
    assert heights(live)[2] == pytest.approx(float(known) + 0.2)
    exchanged = preference_path(lambda p, q, t: valley(p, q, 1 - t), information)
    assert "differ" in exchanged.readout


def test_an_unfinished_function_leaves_the_library():
    def unfinished(joint):
        raise NotImplementedError("mutual_information: your code goes here")

    live = preference_path(valley, unfinished)
    assert "not started yet: mutual_information" in live.readout
    assert heights(live) == pytest.approx(heights(preference_path()))


def test_the_elbo_leaves_z_unused_if_the_prior_leans_and_has_no_opinion_if_it_fits():
    opened = priced_information()
    assert opened.readout.startswith("ELBO;")
    assert "t = 0 is best: I(x; z) 0.000" in opened.readout
    fitting = opened.show(prior="fits the code")
    assert "every t from 0 to 0.6 is best" in fitting


def test_each_control_moves_the_picture_from_where_it_opens():
    for name in ("alpha", "lambda_", "limit", "prior"):
        opened = priced_information()
        before = opened.blit.pixels().copy()
        (control,) = [c for c in opened.controls if c.name == name]
        opened.show(**{name: control.grid()[0 if name != "limit" else -1]})
        assert (opened.blit.pixels() != before).any(), name


def test_the_readout_keeps_its_length(priced):
    for alpha, lambda_, limit, prior in itertools.product(
        (-1.75, 0.0, 1.0), (1.0, 7.5), (0.2, 1.0), tuple(TILTS)
    ):
        readout = priced.show(alpha=alpha, lambda_=lambda_, limit=limit, prior=prior)
        assert max(map(len, readout.splitlines())) <= 95  # or the page would jump


@pytest.mark.parametrize(
    "state",
    list(itertools.product((-2.0, 0.0, 0.5, 1.0), (1.0, 6.0), (0.2, 0.6, 1.0), tuple(TILTS))),
)
def test_the_curve_is_the_slides_sum_and_its_best_point_is_shown(priced, state):
    alpha, lambda_, limit, prior = state
    readout = priced.show(alpha=alpha, lambda_=lambda_, limit=limit, prior=prior)
    worlds = [priced_path(share, limit, TILTS[prior]) for share in SHARES]
    terms = path_terms(worlds)
    lost = [tables.kl_split_by_z(w.q_zx, w.p_zx).conditional for w in worlds]
    slide = alpha * terms.information - lambda_ * terms.marginal_kl - torch.stack(lost)
    assert np.allclose(objective_line(priced), (slide - math.log(K)).numpy(), atol=1e-12)
    best = [i for i, value in enumerate(slide.tolist()) if value > slide.max() - 1e-9]
    assert np.allclose(priced.figure.axes[1].lines[2].get_xdata(), [SHARES[i] for i in best])
    shown = np.asarray(priced.figure.axes[0].images[0].get_array())
    assert np.allclose(shown, worlds[best[-1]].q_zx.numpy())
    bars = [bar.get_height() for bar in priced.figure.axes[2].patches[:2]]
    pair = float(terms.information[best[-1]]), float(terms.marginal_kl[best[-1]])
    assert bars == pytest.approx(pair, abs=1e-12)
    assert f"I(x; z) {pair[0]:.3f}" in readout.replace("-0.000", "0.000")


def test_a_price_moves_the_choice_along_the_path(priced):
    chosen = [
        float(
            re.search(
                r"I\(x; z\) ([\d.]+)",
                priced.show(alpha=a, lambda_=1.0, limit=0.6, prior="fits the code"),
            )[1]
        )
        for a in (-1.0, 0.0, 0.25, 0.5, 1.0)
    ]
    assert chosen == sorted(chosen)
    assert chosen[0] == 0
    assert len(set(chosen)) >= 4


def test_the_systems_are_named(priced):
    for weights, name in (
        ({"alpha": 0.0, "lambda_": 1.0}, "ELBO"),
        ({"alpha": -1.0, "lambda_": 2.0}, "beta-VAE, β = 2"),
        ({"alpha": 0.5, "lambda_": 0.5}, "beta-VAE, β = 0.5"),
        ({"alpha": 0.5, "lambda_": 4.0}, "InfoVAE (α, λ) = (0.5, 4)"),
        ({"alpha": 1.0, "lambda_": 4.0}, "slide 17 (α = 1)"),
    ):
        assert priced.show(**weights).startswith(name)


def test_the_readers_objective_is_drawn_and_a_wrong_one_is_told():
    def right(reconstruction, rate, marginal_kl, alpha, lambda_):
        return reconstruction - (1 - alpha) * rate - (alpha + lambda_ - 1) * marginal_kl

    mine = priced_information(right)
    assert "differ" not in mine.readout
    assert np.allclose(objective_line(mine), objective_line(priced_information()))
    wrong = priced_information(lambda d, r, kl, alpha, lambda_: d - alpha * r - lambda_ * kl)
    assert "your curve differs from the library's (dashed)" in wrong.readout
    assert not np.allclose(objective_line(wrong), objective_line(mine))

    def unfinished(*_):
        raise NotImplementedError("info_vae_objective: your code goes here")

    left = priced_information(unfinished)
    assert "not started yet: info_vae_objective" in left.readout
    assert np.allclose(objective_line(left), objective_line(mine))


@pytest.fixture(scope="module")
def curve():
    return rate_distortion()


def test_every_beta_shows_its_own_numbers_and_pictures(curve):
    seen, read = set(), set()
    for place, log_beta in enumerate(curve.controls[0].grid()):
        readout = curve.show(log_beta=log_beta)
        r, d = (float(trained()[f"train_{name}"][place]) for name in ("rate", "distortion"))
        assert f"β = {10**log_beta:.2f}: R {r:.2f}, D {d:.2f} on training images" in readout
        dots = [line for line in curve.figure.axes[0].lines if line.get_markersize() == 9]
        assert dots[0].get_xydata().tolist() == [[pytest.approx(r), pytest.approx(d)]]
        seen.add(np.asarray(curve.figure.axes[1].images[0].get_array()).tobytes())
        read.add(readout)
    assert len(seen) == len(read) == len(trained()["log_betas"])


def test_the_tangent_goes_through_the_dot_with_slope_minus_beta(curve):
    for log_beta in (-0.6, 0.0, 0.6):
        curve.show(log_beta=log_beta)
        (tangent,) = [a for a in curve.figure.axes[0].lines if a.get_label() == "slope -β"]
        (r_1, d_1), (r, d), (r_2, d_2) = tangent.get_xydata()
        assert (d_2 - d_1) / (r_2 - r_1) == pytest.approx(-(10**log_beta))
        place = int(np.argmin(np.abs(trained()["log_betas"] - log_beta)))
        assert (r, d) == pytest.approx(
            [trained()[f"train_{n}"][place] for n in ("rate", "distortion")]
        )


def test_the_trained_curve_falls_and_its_chords_follow_beta():
    r, d = trained()["train_rate"], trained()["train_distortion"]
    assert (np.diff(r) < 0).all()
    assert (np.diff(d) > 0).all()
    used = r[1:] > 0.5
    steepness = (np.diff(d) / -np.diff(r))[used]
    middles = 10 ** (trained()["log_betas"][:-1] + 0.1)[used]
    assert np.allclose(steepness / middles, 1, atol=0.3)


def test_the_information_stays_below_its_ceilings():
    n = int(trained()["held_out_images"])
    assert (trained()["held_out_information"] < math.log(n)).all()
    assert (trained()["held_out_information"] < trained()["held_out_rate"] + 0.05).all()


def test_a_point_of_the_shipped_grid_is_what_its_script_trains():
    path = ROOT / "tests" / "benchmarks" / "grids" / "information_preference.py"
    made = runpy.run_path(str(path))["early"]()
    for name, value in made.items():
        # Another machine rounds otherwise, and training magnifies it.
        assert float(value) == pytest.approx(float(trained()[name]), abs=0.1), name
