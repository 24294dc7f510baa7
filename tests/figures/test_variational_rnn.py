"""The figures of lecture 5: what is drawn is what was computed, in every state."""

import re
import runpy

import numpy as np
import pytest
import torch
from notebook_runs import ROOT
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.checks import variational_rnn as check
from course_lib.evaluation import Estimate
from course_lib.exact import filtering
from course_lib.exact.kalman import LinearGaussianChain
from course_lib.figures.variational_rnn import (
    bounds_over_time,
    chorale_ladder,
    filtering_price,
    linear,
    row_by_row,
    who_sees_what,
)
from course_lib.figures.variational_rnn.filtering_price import STEPS, TOP
from course_lib.figures.variational_rnn.row_by_row import EDGE
from course_lib.figures.variational_rnn.row_by_row import TOP as ROW_TOP
from course_lib.figures.variational_rnn.who_sees_what import dependence
from course_lib.measured import measured
from course_lib.models import VariationalRNN

pytestmark = pytest.mark.usefixtures("fixed_seed")


@pytest.fixture(scope="module")
def rows():
    return row_by_row()


def numbers(readout, pattern):
    return [float(found) for found in re.findall(pattern + r" (-?\d+\.\d\d)", readout)]


def gaussian(parameters):
    mu, log_scale = parameters.chunk(2, -1)
    return Independent(Normal(mu, log_scale.exp()), 1)


def test_the_step_and_the_dream_of_the_figure_are_those_of_the_problem_set(capsys):
    def vrnn_step(*inputs):
        return linear.vrnn_step(*inputs)

    def dream(*inputs):
        return linear.dream(*inputs)

    check.vrnn_step(vrnn_step)
    check.dream(dream)
    assert capsys.readouterr().out.count("✓") == 2


def test_the_kl_of_the_figure_is_that_of_torch():
    q, p = torch.randn(2, 7, 6).double()
    exact = kl_divergence(gaussian(q), gaussian(p))
    torch.testing.assert_close(linear.gaussian_kl(q, p), exact, rtol=0, atol=1e-12)


def test_the_shipped_digits_are_one_of_each_class_and_the_model_knows_them():
    weights, x = linear.trained()
    assert x.shape == (10, 8, 8)
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert len({image.numpy().tobytes() for image in x}) == 10
    assert weights.w_prior.shape == (4, 48)


def test_it_opens_where_the_row_is_a_surprise(rows):
    kl = numbers(rows.update(**rows.state), "KL")
    assert kl[0] > 0.4 * kl[1]


@pytest.mark.parametrize("digit", range(10))
def test_the_bars_are_the_kl_of_a_walk_through_the_digit(rows, digit):
    readout = rows.update(digit=digit, t=5, draw=2)
    *bars, now = rows.figure.axes[2].patches
    heights = [bar.get_height() for bar in bars]
    assert numbers(readout, "KL") == pytest.approx([heights[4], sum(heights)], abs=0.02)
    assert (now.get_x(), now.get_height()) == (bars[4].get_x(), heights[4])


def test_rows_after_t_are_hidden_and_futures_begin_with_the_rows_seen(rows):
    _, x = linear.trained()
    for t in (1, 4, 7, 8):
        rows.update(digit=6, t=t, draw=1)
        seen = np.asarray(rows.figure.axes[0].images[0].get_array())
        assert np.array_equal(seen[:t], x[6, :t].numpy())
        assert t == 8 or not np.isin(seen[t:], (0, 1)).any()
        sheet = np.asarray(rows.figure.axes[3].images[0].get_array())
        futures = [sheet[9 * i : 9 * i + 8, 9 * j : 9 * j + 8] for i in range(4) for j in (0, 1)]
        assert all(np.array_equal(future[:t], x[6, :t].numpy()) for future in futures)
        assert (len({future.tobytes() for future in futures}) == 1) == (t == 8)


def test_each_noise_gives_another_future_and_the_same_noise_the_same(rows):
    sheets = []
    for draw in (1, 2, 3, 4, 1):
        rows.update(digit=2, t=2, draw=draw)
        sheets.append(np.asarray(rows.figure.axes[3].images[0].get_array()).tobytes())
    assert len(set(sheets)) == 4
    assert sheets[0] == sheets[-1]


def test_the_futures_go_on_from_the_state_after_row_t(rows):
    weights, x = linear.trained()
    draw, t = torch.Generator().manual_seed(0), 3
    eps = torch.randn(8, 1, 2, generator=draw)
    noise = torch.randn(4, 8, 8, 2, generator=draw)[1, :, t:]
    uniforms = torch.rand(4, 8, 8, 8, generator=draw)[1, :, t:]
    h = linear.first_state(1, weights)
    for row, one in zip(x[7, :t], eps, strict=False):
        h = linear.vrnn_step(row[None], h, one, *weights)[-1]
    matrices = weights.w_prior, weights.w_x, weights.w_h
    rest = linear.dream(h.expand(8, -1), noise, uniforms, *matrices)
    rows.update(digit=7, t=t, draw=2)
    sheet = np.asarray(rows.figure.axes[3].images[0].get_array())
    for i, future in enumerate(rest):
        top, left = 9 * (i // 2), 9 * (i % 2)
        assert np.array_equal(sheet[top + t : top + 8, left : left + 8], future.numpy())


def test_the_ellipses_are_two_standard_deviations(rows):
    rows.update(digit=0, t=1, draw=1)
    weights, _ = linear.trained()
    prior = linear.first_state(1, weights) @ weights.w_prior.T
    mu, scale = prior[0, :2], prior[0, 2:].exp()
    x, y = (torch.tensor(part) for part in rows.figure.axes[1].lines[0].get_data())
    radius = ((x - mu[0]) / scale[0]) ** 2 + ((y - mu[1]) / scale[1]) ** 2
    torch.testing.assert_close(radius, torch.full_like(radius, 4.0), rtol=1e-5, atol=1e-5)


def test_every_ellipse_and_every_bar_lies_within_the_axes(rows):
    for digit in range(10):
        for t in range(1, 9):
            rows.update(digit=digit, t=t, draw=1)
            curves = np.concatenate([line.get_data() for line in rows.figure.axes[1].lines[:2]])
            assert np.abs(curves).max() < EDGE
        assert max(bar.get_height() for bar in rows.figure.axes[2].patches) < ROW_TOP


def test_the_readers_functions_are_drawn_and_the_library_is_dashed():
    mine = row_by_row(linear.vrnn_step, linear.dream)
    assert "differ" not in mine.readout
    dashed = [
        line
        for axes in mine.figure.axes[1:3]
        for line in axes.lines
        if line.get_linestyle() == "--"
    ]
    assert len(dashed) == 10
    assert all(line.get_visible() for line in dashed)
    assert mine.readout == row_by_row().readout


def test_a_wrong_step_is_drawn_and_told():
    def without_memory(x, h, *others):
        return linear.vrnn_step(x, torch.ones_like(h), *others)

    live = row_by_row(without_memory)
    assert "your KL differs from the library's" in live.readout
    heights = [bar.get_height() for bar in live.figure.axes[2].patches[:8]]
    lines = [line.get_ydata()[0] for line in live.figure.axes[2].lines]
    assert np.abs(np.subtract(heights, lines)).max() > 0.05


def test_an_unfinished_function_leaves_the_library():
    def unfinished(*inputs):
        raise NotImplementedError("vrnn_step: your code goes here")

    live = row_by_row(unfinished, unfinished)
    assert live.readout.count("not started yet: vrnn_step") == 2
    sheets = [np.asarray(f.figure.axes[3].images[0].get_array()) for f in (live, row_by_row())]
    assert np.array_equal(*sheets)


def test_the_shipped_model_is_what_its_script_trains():
    """A few steps of training, since another machine rounds otherwise; then the shipped bound."""
    path = ROOT / "tests" / "benchmarks" / "grids" / "variational_rnn.py"
    script = runpy.run_path(str(path))
    x = script["rows"].load().test["x"].repeat(3, 1, 1)
    weights, digits = linear.trained()
    models = [script["train"](20), script["train"](300), script["SmallVRNN"]().eval()]
    with torch.no_grad():
        for name, matrix in weights._asdict().items():
            getattr(models[-1], name).copy_(matrix)
        parts = [model.elbo(x) for model in models]
    early, late, shipped = [float((part - kl).mean()) for part, kl in parts]
    assert early < late < shipped
    assert -18.6 < shipped < -17.9
    assert np.array_equal(digits.numpy(), script["one_of_each"]())


@pytest.fixture(scope="module")
def price():
    return filtering_price()


STATES = [(a, z, x) for a in (0.0, 0.6, 0.95) for z in (0.1, 1.0, 2.0) for x in (0.1, 0.8, 2.0)]


@pytest.mark.parametrize(("memory", "z_noise", "x_noise"), STATES)
def test_the_bars_are_the_known_price_and_lie_within_the_axes(price, memory, z_noise, x_noise):
    readout = price.update(memory=memory, z_noise=z_noise, x_noise=x_noise)
    chain = LinearGaussianChain([[memory]], [[1.0]], [z_noise**2], [x_noise**2])
    right = price.figure.axes[1]
    for make, heights in (
        (filtering.best_filter, [bar.get_height() for bar in right.patches]),
        (filtering.one_step_filter, [line.get_ydata()[0] for line in right.lines]),
    ):
        exact = filtering.expected_gap(chain, make(chain, STEPS))
        assert [*heights, 0.0] == pytest.approx(exact.tolist(), abs=1e-12)
        assert max(heights) < TOP
        assert f"{exact.mean():.3f}" in readout
    assert float(re.search(r"residual ([\d.e+-]+)", readout)[1]) < 1e-12


def test_the_price_opens_where_the_future_matters_and_vanishes_without_memory(price):
    opened, without = price.update(**price.state), price.update(**price.state | {"memory": 0.0})
    total = r"([\d.]+) in all"
    assert float(re.search(total, opened)[1]) > 1.0
    assert float(re.search(total, without)[1]) == 0.0


def test_the_curves_are_the_posterior_of_the_dots(price):
    price.update(memory=0.8, z_noise=1.0, x_noise=1.0)
    left = price.figure.axes[0]
    chain = LinearGaussianChain([[0.8]], [[1.0]], [1.0], [1.0])
    among = filtering.observed_covariance(chain, STEPS)
    x = torch.tensor(left.lines[-1].get_ydata()) * among[-1, -1].sqrt()
    signal = among - torch.eye(STEPS).double()  # the covariance of z, and of z with x
    mean = signal @ torch.linalg.solve(among, x)
    shown = [torch.tensor(line.get_ydata()) * among[-1, -1].sqrt() for line in left.lines[:3]]
    torch.testing.assert_close(shown[0], mean, rtol=0, atol=1e-10)
    variance = (signal - signal @ torch.linalg.solve(among, signal)).diagonal()
    torch.testing.assert_close(shown[1] - shown[0], variance.sqrt(), rtol=0, atol=1e-10)
    torch.testing.assert_close(shown[0] - shown[2], variance.sqrt(), rtol=0, atol=1e-10)


def test_the_prior_sees_the_past_and_the_posterior_the_present_too():
    vrnn, x = VariationalRNN.build(8, 2, 16).double(), torch.rand(3, 5, 8).round().double()
    tables = dependence(vrnn, x)
    lower = torch.ones(5, 5).tril()
    assert torch.equal((tables["prior"] > 0).float(), lower - torch.eye(5))
    assert torch.equal((tables["posterior"] > 0).float(), lower)
    picture = who_sees_what(vrnn, x)
    assert "10 and 15 of 25 pairs" in picture.alt


def test_the_bounds_say_their_last_values_and_four_are_the_most():
    gaps = {
        name: [Estimate(-1.0, 0.1), Estimate(-value, 0.1)] for name, value in (("a", 2), ("b", 3))
    }
    assert bounds_over_time((4, 8), gaps).alt.endswith("T = 8, in nats: a -2.00, b -3.00")
    with pytest.raises(ValueError, match="expected at most 4 bounds, got 5"):
        bounds_over_time((4, 8), {str(i): gaps["a"] for i in range(5)})


def test_the_ladder_of_chorales_is_the_measured_one_and_the_sceptic_stands_at_its_end():
    said = re.findall(r"(-\d+\.\d\d)", chorale_ladder().alt)
    values = [float(value) for value in said]
    assert values == sorted(values)
    assert values[-1] == round(measured("vrnn_chorales", "log p, RNN with MADE, no z").mean, 2)
