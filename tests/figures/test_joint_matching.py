"""The figures of lecture 7: what is drawn is what was computed, in every state."""

import itertools
import re
import runpy

import numpy as np
import pytest
import torch
from notebook_runs import ROOT

from course_lib.exact import tables
from course_lib.exact.matching import joint_terms, matching_world
from course_lib.figures.joint_matching import (
    joint_tables,
    latent_cloud,
    likelihood_and_elbo,
    sharper_samples,
)
from course_lib.figures.joint_matching.joint_tables import TOP
from course_lib.figures.joint_matching.trained import trained


@pytest.fixture(scope="module")
def bars():
    return joint_tables()


def heights(live):
    """The four bar pieces: marginal and conditional, with x first and with z first."""
    lower, upper = live.figure.axes[3].containers[:2]
    return [(a.get_height(), b.get_height(), b.get_y()) for a, b in zip(lower, upper, strict=True)]


def test_it_opens_at_a_mismatch(bars):
    assert joint_terms(matching_world(**bars.state)).joint_kl > 0.5


@pytest.mark.parametrize(
    "state", list(itertools.product((0.0, 4.0, 12.0), (2.0, 9.0), (-2.0, 1.0)))
)
def test_the_bars_are_the_two_splits_and_have_one_height(bars, state):
    encoder, decoder, tilt = state
    bars.show(encoder=encoder, decoder=decoder, tilt=tilt)
    terms = joint_terms(matching_world(encoder, decoder, tilt))
    (x_low, x_high, x_from), (z_low, z_high, z_from) = heights(bars)
    assert x_low + x_high == pytest.approx(z_low + z_high, abs=1e-9)
    assert (x_from, z_from) == (x_low, z_low)
    assert x_low == pytest.approx(min(terms.x_marginal, TOP), abs=1e-9)
    assert z_low == pytest.approx(min(terms.z_marginal, TOP), abs=1e-9)
    if terms.joint_kl < TOP:
        assert x_low + x_high == pytest.approx(terms.joint_kl, abs=1e-9)
    assert f"= {terms.joint_kl:.3f}" in bars.readout


def test_the_heatmaps_are_the_joints_and_their_ratio(bars):
    bars.show(encoder=3.0, decoder=5.0, tilt=0.5)
    world = matching_world(3.0, 5.0, 0.5)
    shown = [np.asarray(axes.images[0].get_array()) for axes in bars.figure.axes[:3]]
    ratio = (world.q_zx / world.p_zx).log()
    for drawn, table in zip(shown, (world.q_zx, world.p_zx, ratio), strict=True):
        assert np.allclose(drawn, table.numpy())


def test_a_bar_that_is_cut_looks_cut(bars):
    for state, cut in (((0.0, 12.0, 2.0), True), ((2.0, 2.0, 0.0), False)):
        bars.show(**dict(zip(("encoder", "decoder", "tilt"), state, strict=True)))
        white = [line for line in bars.figure.axes[3].lines if line.get_color() == "white"]
        assert [line.get_visible() for line in white] == [cut, cut]


def split_joint_kl(q_zx, p_zx):
    return *tables.kl_split_by_x(q_zx, p_zx), *tables.kl_split_by_z(q_zx, p_zx)


def test_the_readers_function_is_drawn_and_the_library_is_dashed():
    mine = joint_tables(split_joint_kl)
    assert "differ" not in mine.readout
    dashed = [line for line in mine.figure.axes[3].lines if line.get_linestyle() == "--"]
    assert all(line.get_visible() for line in dashed)
    assert heights(mine) == heights(joint_tables())


def test_a_wrong_function_is_drawn_and_told():
    live = joint_tables(lambda q, p: (*split_joint_kl(q, p)[:3], torch.tensor(0.1)))
    assert "your numbers differ from the library's" in live.readout
    assert heights(live)[1][1] == pytest.approx(0.1)


def test_an_unfinished_function_leaves_the_library():
    def unfinished(q_zx, p_zx):
        raise NotImplementedError("split_joint_kl: your code goes here")

    live = joint_tables(unfinished)
    assert "not started yet: split_joint_kl" in live.readout
    assert heights(live) == heights(joint_tables())
    assert "returned 2 numbers, not 4" in joint_tables(tables.kl_split_by_x).readout


def test_likelihood_and_elbo_prefer_different_decoders():
    alt = likelihood_and_elbo((2.0, 6.0, 10.0)).alt
    best = [float(number) for number in re.findall(r"(\d+\.\d) for encoder", alt)]
    assert best == sorted(best)
    assert best[-1] - best[0] > 4


def test_every_state_of_the_cloud_shows_what_was_trained():
    live = latent_cloud()
    kl_weights, weights, steps = (control.grid() for control in live.controls)
    for kl_weight, weight, step in itertools.product(kl_weights, weights, steps):
        readout = live.update(kl_weight=kl_weight, weight=weight, step=step)
        kl = float(re.search(r"KL\(q\(z\), p\(z\)\) (-?[\d.]+)", readout)[1])
        bar = live.figure.axes[1].patches[0].get_height()
        assert bar == pytest.approx(min(max(kl, 0.0), 4.0), abs=0.006)


def test_without_a_kl_the_posteriors_shrink_and_the_critic_gathers_them():
    live = latent_cloud()
    width = r"mean width of q\(z\|x\) ([\d.]+)"
    last = live.controls[2].grid()[-1]
    widths = [
        float(re.search(width, live.show(kl_weight=kl_weight, weight=0.0, step=last))[1])
        for kl_weight in (1.0, 0.3, 0.0)
    ]
    assert widths == sorted(widths, reverse=True)
    distance = [
        float(re.search(r"MMD² (-?[\d.]+)", live.show(kl_weight=0.0, weight=weight, step=last))[1])
        for weight in (0.0, 30.0)
    ]
    assert distance[1] < distance[0]


def test_each_weight_shows_its_own_samples_and_numbers():
    live, seen, read = sharper_samples(), [], set()
    for weight in live.controls[0].grid():
        read.add(live.show(weight=weight))
        seen.append(np.asarray(live.figure.axes[0].images[0].get_array()).tobytes())
    assert len(set(seen)) == len(read) == len(live.controls[0].grid())


def test_a_point_of_the_shipped_grid_is_what_its_script_trains():
    path = ROOT / "tests" / "benchmarks" / "grids" / "joint_matching.py"
    script = runpy.run_path(str(path))
    model = script["autoencoder"](kl_weight=0.3, weight=3.0)
    script["train_until"](model, 0, 50)
    made, shipped = script["posteriors"](model), trained()
    at = (script["KL_WEIGHTS"].index(0.3), script["Z_WEIGHTS"].index(3.0), 1)
    for name in ("mu", "log_scale", "elbo", "kl", "floor"):
        # Another machine rounds otherwise, and training magnifies it.
        assert np.allclose(made[name], shipped[f"z_{name}"][at], atol=0.1), name
