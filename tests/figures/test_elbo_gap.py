import importlib
import itertools
import re

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from course_lib.distributions.transforms import planar
from course_lib.exact.grid import Grid, GridWorld
from course_lib.exact.normal import log_normal
from course_lib.figures.elbo_gap.gap_by_hand import LAYERS, explorable
from course_lib.figures.elbo_gap.latent_plane import window

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


def test_a_bar_that_goes_below_the_floor_looks_cut(live):
    jagged = {}
    for mu in (0.0, 3.0):
        _, elbo, _ = numbers(live.show(mu=mu, log_scale=-2.5, layers=0))
        cut = live.figure.axes[1].lines[0]
        assert cut in live.dynamic
        jagged[elbo < -6] = cut.get_visible()
    assert jagged == {True: True, False: False}


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
        (lambda x, mu, s: log_normal(x, mu, s) + s[:, 0], "your q is not a density"),
        (lambda x, mu, s: -(((x - mu) / s.exp()) ** 2).sum(-1) / 2, "your q is not a density"),
        (lambda x, mu, s: log_normal(x, mu, s).sum(), "ValueError"),
        (lambda x, mu, s: x @ mu, "RuntimeError"),
    ],
)
def test_a_wrong_density_is_told(wrong, complaint):
    assert complaint in explorable(gaussian_log_prob=wrong).readout


def test_a_forgotten_log_determinant_is_told():
    mine = explorable(planar=lambda z, u, w, b: (planar(z, u, w, b)[0], torch.zeros(len(z))))
    assert "your q is not a density" in mine.show(layers=4)


def small_world():
    """A posterior with peaks at (3, 1) and (-3, 1), far wider apart than a first guess."""

    def log_likelihood(x, z):
        return x.flatten(1)[:, :1] - 8 * ((z[:, 0].abs() - 3) ** 2 + (z[:, 1] - 1) ** 2)

    return GridWorld(lambda z: -z.square().sum(-1) / 2, log_likelihood, Grid(-8.0, 8.0, 81, 2))


def test_the_window_holds_both_peaks_and_every_draw():
    image, cloud = torch.zeros(1, 4, 4), torch.tensor([[5.0, -2.0], [3.0, 1.0]])
    low, high = window(small_world(), image, [cloud])
    for point in ([3.0, 1.0], [-3.0, 1.0], [5.0, -2.0]):
        assert (low < torch.tensor(point)).all()
        assert (torch.tensor(point) < high).all()
    assert torch.allclose(high[0] - low[0], high[1] - low[1])


def panels_of(monkeypatch, module, draw):
    """The axes of the figure that a still picture was made of."""
    seen = []
    monkeypatch.setattr(module, "Picture", lambda figure, alt: seen.append((figure, alt)))
    draw()
    ((figure, alt),) = seen
    texts = [t for t in figure.findobj(match=Text) if t.get_text()]
    assert min(t.get_fontsize() for t in texts) >= 9
    assert alt
    return figure.axes


def test_the_latent_plane_has_axes_the_right_way_round_and_one_window_per_row(monkeypatch):
    draws = {"q": torch.randn(20, 2, 2, generator=torch.Generator().manual_seed(0))}
    module = importlib.import_module("course_lib.figures.elbo_gap.latent_plane")
    axes = panels_of(
        monkeypatch,
        module,
        lambda: module.latent_plane(draws, small_world(), torch.zeros(2, 1, 4, 4)),
    )
    picture, truth, cloud = axes[:3]
    assert picture.images[0].get_cmap().name == "gray"
    assert (truth.get_xlim(), truth.get_ylim()) == (cloud.get_xlim(), cloud.get_ylim())
    assert (truth.get_ylabel(), axes[4].get_xlabel()) == ("$z_2$", "$z_1$")
    # the peaks lie left and right at the same height: rows of the picture are z2
    shown = truth.images[0].get_array()
    assert shown.max(0).argsort()[-1] != shown.shape[1] // 2
    assert (shown.max(1) > 0.5).sum() < (shown.max(0) > 0.5).sum()
    assert np.allclose(cloud.lines[0].get_xydata(), draws["q"][:, 0].numpy())


def test_what_the_bound_misses_is_drawn_as_computed(monkeypatch):
    module = importlib.import_module("course_lib.figures.elbo_gap.bound_in_k")
    bounds = {1: torch.tensor([-5.0, -7.0]), 10: torch.tensor([-2.2, -2.4])}
    left, right = panels_of(monkeypatch, module, lambda: module.bound_in_k(bounds, -2.0))
    assert right.get_yscale() == "log"
    missed = right.containers[0].lines[0].get_ydata()
    assert np.allclose(missed, [4.0, 0.3])
    assert left.lines[0].get_ydata()[0] == -2.0


def test_bars_and_dots_show_the_means_that_were_given(monkeypatch):
    module = importlib.import_module("course_lib.figures.elbo_gap.gaps")
    gap = torch.tensor([0.1, 0.2, 0.6])
    (axes,) = panels_of(monkeypatch, module, lambda: module.approximation({"a": gap, "b": 2 * gap}))
    assert np.allclose([bar.get_height() for bar in axes.patches], [0.3, 0.6])
    (axes,) = panels_of(
        monkeypatch,
        module,
        lambda: module.encoders({"a": [0.5, 0.7], "b": [0.4]}, {"a": 0.1, "b": 0.2}),
    )
    assert np.allclose([bar.get_height() for bar in axes.patches], [0.1, 0.2])
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.5, 0.7], [0.4]]
