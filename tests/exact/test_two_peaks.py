import math

import pytest
import torch
from scipy import integrate
from torch.distributions import Normal

from course_lib.exact.normal import log_normal
from course_lib.exact.two_peaks import WORLD, log_likelihood, log_prior


@pytest.mark.parametrize("x", [-0.5, 0.0, 1.5, 4.0])
def test_the_evidence_agrees_with_adaptive_quadrature(x):
    def joint(z):
        return math.exp(-(z**2) / 2 - (x - 0.8 * z**2) ** 2 / 0.72) / (2 * math.pi * 0.6)

    evidence, _ = integrate.quad(joint, -8, 8, points=(-2, -1, 0, 1, 2), epsabs=1e-13)
    found = WORLD.log_prob(torch.tensor([[x]], dtype=torch.float64)).item()
    assert found == pytest.approx(math.log(evidence), abs=1e-9)


def test_the_pieces_are_torch_s_gaussians():
    z = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    x = torch.tensor([[1.5]], dtype=torch.float64)
    torch.testing.assert_close(log_prior(z), Normal(0.0, 1.0).log_prob(z[:, 0]))
    torch.testing.assert_close(log_likelihood(x, z), Normal(0.8 * z[:, 0] ** 2, 0.6).log_prob(x[0]))
    wide = torch.tensor([[0.3, -1.0]], dtype=torch.float64).expand(7, 2)
    pair = torch.cat([z, -z], 1)
    expected = Normal(torch.zeros(7, 2).double(), wide.exp()).log_prob(pair).sum(-1)
    torch.testing.assert_close(log_normal(pair, torch.zeros_like(pair), wide), expected)


def test_the_posterior_is_even_and_has_two_peaks_above_zero():
    density = WORLD.posterior(torch.tensor([[1.5]], dtype=torch.float64))[0]
    torch.testing.assert_close(density, density.flip(0), atol=1e-9, rtol=0)
    rises = (density.diff() > 0).int().diff()
    assert (rises == -1).sum() == 2
