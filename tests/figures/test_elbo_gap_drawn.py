"""The numbers drawn in the explorable of lecture 1 against integrals computed here."""

import pytest
import torch
from torch.distributions import Normal

from course_lib.figures.elbo_gap.gap_by_hand import FLOOR, _ElboGap

STATES = [(0.0, -0.2), (1.25, -1.0), (-0.5, -0.6)]


@pytest.fixture(scope="module")
def figure():
    return _ElboGap(None, None)


def by_quadrature(mu, log_scale):
    """Return log p(x), the ELBO and the KL of a Gaussian q at x = 1.5, by sums over a grid."""
    z = torch.linspace(-12, 12, 48001, dtype=torch.float64)
    joint = Normal(0.0, 1.0).log_prob(z) + Normal(0.8 * z.square(), 0.6).log_prob(torch.tensor(1.5))
    log_q = Normal(mu, torch.tensor(log_scale, dtype=torch.float64).exp()).log_prob(z)
    log_px = torch.trapezoid(joint.exp(), z).log()
    elbo = torch.trapezoid(log_q.exp() * (joint - log_q), z)
    return log_px.item(), elbo.item(), (log_px - elbo).item()


@pytest.mark.parametrize(("mu", "log_scale"), STATES)
def test_the_bars_are_as_high_as_the_bound_and_the_kl(figure, mu, log_scale):
    figure.update(mu, log_scale, 0)
    log_px, elbo, kl = by_quadrature(mu, log_scale)
    assert elbo > FLOOR
    assert figure.elbo.get_y() == FLOOR
    assert figure.elbo.get_y() + figure.elbo.get_height() == pytest.approx(elbo, abs=1e-5)
    assert figure.kl.get_y() == pytest.approx(elbo, abs=1e-5)
    assert figure.kl.get_height() == pytest.approx(kl, abs=1e-5)
    assert figure.kl.get_y() + figure.kl.get_height() == pytest.approx(log_px, abs=1e-5)


@pytest.mark.parametrize(("mu", "log_scale"), STATES)
def test_the_words_say_what_the_bars_show(figure, mu, log_scale):
    figure.update(mu, log_scale, 0)
    _, elbo, kl = by_quadrature(mu, log_scale)
    minus = "\N{MINUS SIGN}"
    assert figure.elbo_text.get_text() == f"ELBO {elbo:.3f}".replace("-", minus)
    assert figure.kl_text.get_text() == f"KL {kl:.3f}"
    assert figure.elbo.get_y() < figure.elbo_text.get_position()[1] < figure.kl.get_y()


@pytest.mark.parametrize(("mu", "log_scale"), STATES)
def test_the_line_is_the_density_of_q(figure, mu, log_scale):
    figure.update(mu, log_scale, 0)
    z, density = (torch.as_tensor(values) for values in figure.q.get_data())
    right = Normal(mu, torch.tensor(log_scale, dtype=torch.float64).exp()).log_prob(z).exp()
    assert z.min() < mu - 3
    assert mu + 3 < z.max()
    torch.testing.assert_close(density, right, rtol=1e-9, atol=1e-12)


def test_a_bar_below_the_floor_stays_within_the_axes(figure):
    figure.update(3.0, -2.5, 0)
    log_px, elbo, kl = by_quadrature(3.0, -2.5)
    assert elbo < FLOOR
    assert figure.elbo.get_height() == 0
    assert figure.kl.get_y() == FLOOR
    assert figure.kl.get_y() + figure.kl.get_height() == pytest.approx(log_px, abs=1e-5)
    assert figure.kl_text.get_text() == f"KL {kl:.3f}"
