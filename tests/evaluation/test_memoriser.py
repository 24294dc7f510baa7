"""The memoriser: a density of mass one that knows its training examples and nothing else."""

import pytest
import torch
from torch.distributions import Independent, Normal

from course_lib.evaluation import Memoriser

pytestmark = pytest.mark.usefixtures("fixed_seed")


def test_it_is_the_mean_of_the_gaussians_around_the_examples():
    train, x = torch.randn(7, 1, 2, 3).double(), torch.randn(5, 1, 2, 3).double()
    each = Independent(Normal(train, 0.3), 3).log_prob(x[:, None])  # (5, 7)
    exact = each.exp().mean(1).log()
    assert torch.allclose(Memoriser(train, 0.3).log_prob(x), exact)


def test_its_mass_is_one():
    x = torch.linspace(-3, 4, 2001).double()
    density = Memoriser(torch.tensor([[0.0], [0.2], [1.0]]), 0.1).log_prob(x[:, None]).exp()
    assert float(torch.trapezoid(density, x)) == pytest.approx(1, abs=1e-6)


def test_the_chosen_width_is_no_worse_than_its_neighbours():
    train, validation = torch.rand(50, 4), torch.rand(40, 4)
    best = Memoriser.fit(train, validation)
    score = float(best.log_prob(validation).mean())
    for factor in (0.83, 1.2):
        other = Memoriser(train, best.width * factor)
        assert float(other.log_prob(validation).mean()) <= score


def test_it_prefers_what_it_has_seen():
    train, other = torch.rand(50, 8), torch.rand(50, 8)
    memoriser = Memoriser.fit(train, other)
    assert memoriser.log_prob(train).mean() > memoriser.log_prob(other).mean() + 1


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(ValueError, match="width: expected a positive number"):
        Memoriser(torch.zeros(2, 2), width)
