import pytest
import torch

from course_lib.exact import banana
from course_lib.exact.grid import Grid


def test_the_density_has_mass_one_and_its_samples_follow_it():
    grid = Grid((-7, -9), (7, 42), 801, dim=2)
    assert float(grid.log_integral(banana.log_prob(grid.nodes))) == pytest.approx(0, abs=1e-9)
    x = banana.sample(200_000, torch.Generator().manual_seed(0)).double()
    # the entropy is that of two Gaussians, of scale 1 and 0.5
    entropy = 2 * 0.5 * (1 + torch.log(torch.tensor(2 * torch.pi))) + torch.log(torch.tensor(0.5))
    assert float(-banana.log_prob(x).mean()) == pytest.approx(float(entropy), abs=0.01)


def test_the_backward_order_costs_what_the_best_gaussians_leave():
    x = banana.sample(400_000, torch.Generator().manual_seed(1)).double()
    # Var(x_1 | x_2) by sorting into thin slices of x_2
    slices = x[x[:, 1].argsort()].reshape(400, 1000, 2)
    log_q = 0.5 * (x[:, 1].var().log() + slices[..., 0].var(1).log().mean())
    by_slices = float(log_q - torch.tensor(banana.NOISE_SCALE).log())
    assert banana.best_affine_kl((1, 0)) == pytest.approx(by_slices, abs=0.01)
    assert banana.best_affine_kl((0, 1)) == 0


def test_another_order_is_refused():
    with pytest.raises(ValueError, match=r"sequence: expected \(0, 1\) or \(1, 0\), got \(0, 0\)"):
        banana.best_affine_kl((0, 0))
