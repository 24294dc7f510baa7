"""Fully observed models: likelihood, loss and bad input."""

import pytest
import torch

from course_lib.distributions import AffineAutoregressive, Flow, StandardGaussian
from course_lib.models.density import DensityModel


def model():
    return DensityModel(Flow(StandardGaussian(3), [AffineAutoregressive(3, (8,))]))


def test_the_loss_is_the_mean_of_minus_log_p():
    x = torch.randn(7, 3)
    density = model()
    assert torch.equal(density.losses(x)["model"], -density.log_prob(x).mean())


def test_at_the_identity_it_is_the_base():
    x = torch.randn(7, 3)
    assert torch.allclose(model().log_prob(x), StandardGaussian(3)().log_prob(x))


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (torch.zeros(7, 4), "x: expected shape"),
        (torch.zeros(0, 3), "x: expected at least one"),
        (torch.full((2, 3), float("nan")), "x: expected finite"),
    ],
)
def test_what_is_no_batch_of_events_is_named(x, error):
    with pytest.raises(ValueError, match=error):
        model().log_prob(x)
    with pytest.raises(ValueError, match=error):
        model().losses(x)
