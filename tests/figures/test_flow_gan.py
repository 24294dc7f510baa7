"""The figures of lecture 6: what is drawn is what was computed, in every state."""

import math
import re

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from course_lib.exact import tables
from course_lib.exact.misspecified import lopsided_mixture
from course_lib.figures.flow_gan import (
    discriminator,
    generator_gradients,
    lambda_sweep,
    two_objectives,
)
from course_lib.figures.flow_gan.two_objectives import lambda_at
from course_lib.measured import measured
from course_lib.objectives import jsd_bound


@pytest.fixture(scope="module")
def objectives():
    return two_objectives()


@pytest.fixture(scope="module")
def critic():
    return discriminator()


def dots(live):
    """The two moving dots of the right panel: KL and JSD."""
    lines = [line for line in live.figure.axes[3].lines if line.get_marker() != "None"]
    return [float(np.ravel(line.get_ydata())[0]) for line in lines]


@pytest.mark.parametrize("place", [0.0, 0.25, 0.6, 1.0])
def test_every_lambda_shows_its_best_gaussian(objectives, place):
    readout = objectives.show(place=place)
    fit = lopsided_mixture().best(lambda_at(place))
    assert f"N({fit.mean:.2f}, {fit.scale:.2f}²)" in readout
    assert dots(objectives) == pytest.approx([fit.kl, fit.jsd], abs=1e-9)
    x, density = objectives.figure.axes[0].lines[0].get_data()
    drawn = Normal(fit.mean, fit.scale).log_prob(torch.as_tensor(x)).exp()
    assert np.allclose(density, drawn, atol=1e-6)
    for landscape in objectives.figure.axes[1:3]:
        (mean,), (scale,) = landscape.lines[-1].get_data()
        assert (mean, scale) == (fit.mean, fit.scale)


def test_the_slider_runs_from_the_one_optimum_to_the_other(objectives):
    first, last = (objectives.show(place=place) for place in (0.0, 1.0))
    assert first.startswith("λ = 0.0:")
    assert last.startswith("λ = ∞:")
    kl, jsd = ([float(re.search(rf"{name} ([\d.]+)", text)[1]) for text in (first, last)]
               for name in ("KL", "JSD"))  # fmt: skip
    assert kl[1] > 5 * kl[0]
    assert jsd[1] < 0.5 * jsd[0]


def kl_and_jsd(p, q, dx):
    p, q = p * dx, q * dx
    return tables.kl(p / p.sum(), q / q.sum()), tables.jsd(p / p.sum(), q / q.sum())


def test_the_readers_divergences_are_drawn():
    assert "differ" not in two_objectives(kl_and_jsd).readout
    halved = two_objectives(lambda p, q, dx: (kl_and_jsd(p, q, dx)[0], torch.tensor(0.07)))
    assert "they differ" in halved.readout
    assert dots(halved)[1] == pytest.approx(0.07)


def test_an_unfinished_or_infinite_divergence_leaves_the_library(objectives):
    def unfinished(p, q, dx):
        raise NotImplementedError("kl_and_jsd: your code goes here")

    objectives.show(place=0.0)
    for function, said in (
        (unfinished, "not started yet: kl_and_jsd"),
        (lambda p, q, dx: (torch.tensor(math.inf), torch.tensor(0.1)), "not finite"),
    ):
        live = two_objectives(function)
        assert said in live.readout
        assert dots(live) == dots(objectives)


def bound_and_truth(readout):
    bound, truth = re.search(r"bound (-?[\d.]+) ≤ JSD ([\d.]+)", readout).groups()
    return float(bound), float(truth)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5, 4.0])
def test_no_critic_is_above_the_jsd_and_the_best_one_meets_it(critic, shift):
    pairs = {
        confidence: bound_and_truth(critic.show(shift=shift, confidence=confidence))
        for confidence in critic.controls[1].grid()
    }
    assert all(bound <= truth + 1e-9 for bound, truth in pairs.values())
    assert pairs[1.0][0] == pytest.approx(pairs[1.0][1], abs=1.1e-3)
    assert pairs[0.0][0] == 0


def test_the_jsd_is_that_of_two_gaussians(critic):
    x = torch.linspace(-10, 14, 4801, dtype=torch.float64)
    p, q = (Normal(m, 1.0).log_prob(x).exp() for m in (0.0, 2.0))
    exact = float(tables.jsd(p / p.sum(), q / q.sum()))
    assert bound_and_truth(critic.show(shift=2.0))[1] == pytest.approx(exact, abs=6e-4)


def test_the_lines_are_the_critic_and_the_log_ratio(critic):
    critic.show(shift=3.0, confidence=0.5)
    best, drawn, _ = critic.figure.axes[1].lines
    x = torch.as_tensor(best.get_xdata())
    ratio = Normal(0.0, 1.0).log_prob(x) - Normal(3.0, 1.0).log_prob(x)
    assert np.allclose(best.get_ydata(), ratio, atol=1e-6)
    assert np.allclose(drawn.get_ydata(), 0.5 * ratio, atol=1e-6)


def test_the_value_of_the_game_goes_with_the_bound(critic):
    readout = critic.show(shift=2.0, confidence=1.0)
    value = float(re.search(r"V = 2 bound - log 4 = (-[\d.]+)", readout)[1])
    assert value == pytest.approx(2 * bound_and_truth(readout)[0] - math.log(4), abs=2e-3)


def test_the_readers_critic_and_bound_are_drawn_and_the_librarys_dashed():
    mine = discriminator(lambda log_p, log_q: log_p - log_q, jsd_bound)
    assert "differ" not in mine.readout
    dashed = [line for axes in mine.figure.axes for line in axes.lines if line.get_ls() == "--"]
    assert len(dashed) == 2
    assert all(line.get_visible() for line in dashed)
    swapped = discriminator(lambda log_p, log_q: log_q - log_p, jsd_bound)
    assert "yours differ from the library's" in swapped.readout
    game = discriminator(None, lambda data, model: 2 * jsd_bound(data, model))
    assert "yours differ from the library's" in game.readout


def test_an_unfinished_critic_leaves_the_library(critic):
    def unfinished(log_p, log_q):
        raise NotImplementedError("optimal_logit: your code goes here")

    live = discriminator(unfinished)
    assert "not started yet: optimal_logit" in live.readout
    start = {control.name: control.value for control in live.controls}
    assert bound_and_truth(live.readout) == bound_and_truth(critic.show(**start))


def test_the_gradients_picture_says_the_ratio_of_its_curves():
    alt = generator_gradients([0.0, 3.0], [1.0, 0.1], [2.0, 0.2], [2.0, 1.8]).alt
    assert "2.0 times the JSD's slope next to the data" in alt
    assert "18.0 times at a shift of 3" in alt


def test_the_sweep_says_the_measured_accuracies():
    alt = lambda_sweep().alt
    for name, shown in (("MLE", "likelihood, λ = 0"), ("lambda 10", "λ = 10")):
        assert f"{shown} {measured('flow_gan', f'{name}, accuracy').mean:.2f}" in alt
