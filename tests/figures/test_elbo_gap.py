import itertools
import re

import numpy as np
import pytest
import torch

from course_lib.distributions.transforms import planar
from course_lib.exact.two_peaks import log_normal
from course_lib.figures.elbo_gap.gap_by_hand import LAYERS, explorable

READOUT = re.compile(r"log p\(x\) (\S+) = ELBO (\S+) \+ KL (\S+) ")


@pytest.fixture(scope="module")
def live():
    return explorable()


def numbers(readout):
    return [float(number) for number in READOUT.match(readout).groups()]


def test_it_opens_at_a_gap(live):
    log_px, _, kl = numbers(live.readout)
    assert log_px == -1.684
    assert kl > 0.5


def test_every_corner_shows_the_identity(live):
    ends = [(control.grid()[0], control.grid()[-1]) for control in live.controls[:2]]
    for mu, log_scale, layers in itertools.product(*ends, LAYERS):
        readout = live.update(mu=mu, log_scale=log_scale, layers=layers)
        log_px, elbo, kl = numbers(readout)
        assert abs(log_px - elbo - kl) < 0.0021
        assert float(re.search(r"residual (\S+)\)", readout)[1]) < 1e-9


def test_blit_equals_full_draw(live):
    for state in ({"mu": -3.0}, {"log_scale": -2.5, "layers": 4}, {"mu": 1.25, "layers": 0}):
        live.show(**state)
        blitted = live.blit.pixels().copy()
        live.blit.canvas.draw()
        assert np.array_equal(blitted, live.blit.pixels())


def test_the_first_use_of_layers_says_that_it_takes_time(monkeypatch, live):
    said = []
    monkeypatch.setattr("course_lib.figures.elbo_gap.gap_by_hand.is_fitted", lambda count: False)
    monkeypatch.setattr(live, "say", said.append)
    live.update(mu=0.0, log_scale=0.0, layers=2)
    assert said == ["fitting 2 planar layers, once: a few seconds ..."]


def lines(live):
    """The visible lines by name."""
    axes = live.figure.axes[0]
    return {line.get_label(): line for line in axes.lines if line.get_visible()}


def test_the_readers_functions_draw_q_and_the_library_is_dashed_beside_it():
    mine = explorable(gaussian_log_prob=log_normal, planar=planar)
    mine.show(layers=1)
    assert set(lines(mine)) == {"q(z|x), your functions", "q(z|x), the library's"}
    assert lines(mine)["q(z|x), the library's"].get_linestyle() == "--"
    curves = [line.get_ydata() for line in lines(mine).values()]
    assert np.array_equal(*curves)
    assert mine.readout == explorable().show(layers=1)


def test_without_functions_of_the_reader_nothing_is_dashed(live):
    assert set(lines(live)) == {"q(z|x)"}


def test_an_unfinished_function_leaves_the_reference():
    def gaussian_log_prob(x, mu, log_scale):
        raise NotImplementedError("gaussian_log_prob")

    mine = explorable(gaussian_log_prob)
    assert set(lines(mine)) == {"q(z|x), the library's"}
    assert "not started yet: gaussian_log_prob" in mine.readout
    assert numbers(mine.readout) == numbers(explorable().readout)


def test_an_unfinished_planar_layer_leaves_the_gaussian():
    def own_planar(z, u, w, b):
        raise NotImplementedError

    mine = explorable(planar=own_planar)
    assert "not started" not in mine.readout
    mine.show(layers=2)
    assert "not started yet: own_planar" in mine.readout


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda x, mu, s: log_normal(x, mu, s) + s[:, 0], "your q is no density"),
        (lambda x, mu, s: -(((x - mu) / s.exp()) ** 2).sum(-1) / 2, "your q is no density"),
        (lambda x, mu, s: log_normal(x, mu, s).sum(), "ValueError"),
        (lambda x, mu, s: x @ mu, "RuntimeError"),
    ],
)
def test_a_wrong_density_is_told(wrong, complaint):
    assert complaint in explorable(gaussian_log_prob=wrong).readout


def test_a_forgotten_log_determinant_is_told():
    mine = explorable(planar=lambda z, u, w, b: (planar(z, u, w, b)[0], torch.zeros(len(z))))
    assert "your q is no density" in mine.show(layers=4)
