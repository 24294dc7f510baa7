"""The autoregressive Bernoulli brick: normalised, causal, and it samples what it says."""

import itertools

import pytest
import torch

from course_lib.distributions import ConditionalAutoregressiveBernoulli


def perturbed(*shape, hidden=(12, 9), **options):
    torch.manual_seed(3)
    brick = ConditionalAutoregressiveBernoulli(shape, hidden, **options).double()
    with torch.no_grad():
        for parameter in brick.parameters():
            parameter.add_(torch.randn_like(parameter))
    return brick


def all_bits(*shape):
    n = torch.Size(shape).numel()
    bits = torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)
    return bits.view(-1, *shape)


@pytest.mark.parametrize("order", [None, torch.tensor([3, 0, 5, 1, 4, 2])])
def test_the_probabilities_of_all_images_sum_to_one_for_every_context(order):
    brick = perturbed(1, 2, 3, context_dim=4, order=order)
    images = all_bits(1, 2, 3)
    for context in torch.randn(3, 4, dtype=torch.float64):
        total = brick(context.expand(64, 4)).log_prob(images).exp().sum()
        assert total.item() == pytest.approx(1, abs=1e-12)


def test_bit_i_depends_on_the_bits_before_it_in_the_order_and_on_the_context():
    order = torch.tensor([2, 0, 3, 1])
    brick = perturbed(4, context_dim=2, order=order, hidden=(24, 24))
    context = torch.randn(1, 2, dtype=torch.float64)
    x = torch.full((1, 4), 0.5, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: brick(context).conditionals(x).logits, x
    )
    seen = jacobian.view(4, 4) != 0
    assert torch.equal(seen, order[:, None] > order)
    of_context = torch.autograd.functional.jacobian(
        lambda c: brick(c).conditionals(x).logits, context
    )
    assert (of_context != 0).all()


def test_samples_have_the_frequencies_that_the_density_claims():
    brick = perturbed(3, order=torch.tensor([1, 2, 0]))
    torch.manual_seed(0)
    samples, n = brick().sample((20000,)), 20000
    images = all_bits(3)
    p = brick().log_prob(images).exp()
    counts = (samples[:, None] == images).all(-1).double().mean(0)
    assert (counts - p).abs().max() < 5 * (p * (1 - p) / n).sqrt().max()


def test_shapes_with_samples_batches_and_images():
    brick = ConditionalAutoregressiveBernoulli((1, 2, 5), (8,), context_dim=3)
    p = brick(torch.randn(7, 3))
    assert p.sample((4,)).shape == (4, 7, 1, 2, 5)
    assert p.log_prob(p.sample((4,))).shape == (4, 7)
    many = brick(torch.randn(6, 7, 3))
    assert many.log_prob(torch.zeros(7, 1, 2, 5)).shape == (6, 7)


def test_it_starts_as_independent_fair_bits():
    brick = ConditionalAutoregressiveBernoulli(5, (8,))
    p = brick().log_prob(torch.bernoulli(torch.full((9, 5), 0.5)))
    assert torch.allclose(p, torch.full((9,), -5 * torch.tensor(2.0).log()))


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0])
def test_what_is_no_bit_is_refused(value):
    brick, x = ConditionalAutoregressiveBernoulli(3, (8,)), torch.ones(5, 3)
    brick.check_event(x, "x")
    x[2, 1] = value
    with pytest.raises(ValueError, match="x: expected entries 0 and 1"):
        brick.check_event(x, "x")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_bits_that_are_not_finite_are_called_so(value):
    with pytest.raises(ValueError, match="x: expected finite values"):
        ConditionalAutoregressiveBernoulli(3, (8,)).check_event(torch.full((2, 3), value), "x")
