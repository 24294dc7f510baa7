import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent

from course_lib.distributions import ConditionalBernoulli, IndependentBernoulli

pytestmark = pytest.mark.usefixtures("fixed_seed")


def bits(*shape):
    return torch.bernoulli(torch.full(shape, 0.4, dtype=torch.float64))


@pytest.mark.parametrize(("shape", "event_dim"), [((7, 4), 1), ((5, 1, 3, 4), 3)])
def test_log_prob_and_entropy_equal_torch(shape, event_dim):
    logits = 3 * torch.randn(shape, dtype=torch.float64)
    ours = IndependentBernoulli(logits, event_dim)
    torchs = Independent(Bernoulli(logits=logits), event_dim)
    x = bits(2, *shape)
    torch.testing.assert_close(ours.log_prob(x), torchs.log_prob(x), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(ours.entropy(), torchs.entropy(), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(ours.mean, torchs.mean, rtol=1e-14, atol=0)


def test_probabilities_of_all_images_sum_to_one():
    logits = torch.randn(3, 1, 2, 3, dtype=torch.float64)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0]).double()] * 6).reshape(-1, 1, 1, 2, 3)
    total = IndependentBernoulli(logits, 3).log_prob(images).logsumexp(0)
    torch.testing.assert_close(total, torch.zeros(3).double(), rtol=0, atol=1e-14)


def test_certain_pixels_stay_finite_in_float32():
    logits = torch.tensor([[1000.0, -1000.0]])
    p = IndependentBernoulli(logits)
    assert p.log_prob(torch.tensor([[1.0, 0.0]])).item() == 0
    assert p.log_prob(torch.tensor([[0.0, 0.0]])).item() == -1000
    assert p.entropy().item() == 0


def test_samples_are_bits_with_the_right_frequency_and_no_gradient():
    logits = torch.randn(3, 2, requires_grad=True)
    p = IndependentBernoulli(logits)
    x = p.sample((20_000,))
    assert x.shape == (20_000, 3, 2)
    assert torch.equal(x, x.square())
    assert not x.requires_grad
    error = (p.mean * (1 - p.mean) / len(x)).sqrt()
    assert ((x.mean(0) - p.mean).abs() < 5 * error).all()


def test_one_latent_sample_dimension_broadcasts_against_the_data():
    brick = ConditionalBernoulli(nn.Linear(2, 12), event_shape=(1, 3, 4))
    z, x = torch.randn(7, 5, 2), bits(5, 1, 3, 4).float()
    apart = torch.stack([brick(one).log_prob(x) for one in z])
    torch.testing.assert_close(brick(z).log_prob(x), apart)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(5, 1, 4, 3), ValueError, r"x: .*\(batch, 1, 3, 4\).*\(5, 1, 4, 3\)"),
        (torch.zeros(1, 3, 4), ValueError, r"x: .*\(batch, 1, 3, 4\).*\(1, 3, 4\)"),
        (torch.zeros(0, 1, 3, 4), ValueError, "x: .*empty batch"),
        (torch.full((5, 1, 3, 4), 0.5), ValueError, "x: .*0 and 1.*0.5"),
        (torch.full((5, 1, 3, 4), 255.0), ValueError, "x: .*0 and 1.*255"),
        (torch.full((5, 1, 3, 4), math.nan), ValueError, "x: .*finite"),
        (torch.full((5, 1, 3, 4), math.inf), ValueError, "x: .*finite"),
        (torch.zeros(5, 1, 3, 4, dtype=torch.int64), TypeError, "x: .*floating.*int64"),
        (torch.zeros(5, 1, 3, 4, dtype=torch.bool), TypeError, "x: .*floating.*bool"),
        (torch.zeros(5, 1, 3, 4).double(), TypeError, "x: .*float32.*float64"),
        ([[0.0, 1.0]], TypeError, "x: .*tensor.*list"),
    ],
)
def test_what_is_no_batch_of_bits_is_refused(x, error, message):
    brick = ConditionalBernoulli(nn.Linear(2, 12), event_shape=(1, 3, 4))
    with pytest.raises(error, match=message):
        brick.check_event(x, "x")
