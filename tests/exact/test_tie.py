"""The tie of slide 8 for Gaussians: each optimum is one, and a heavy tie forgets."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from course_lib.exact.tie import forward_tie, joint_drawn_along, reverse_tie

SEED = torch.Generator().manual_seed(0)
MEAN = 2 * torch.randn(4, 3, generator=SEED, dtype=torch.float64)
SCALE = (0.5 * torch.randn(4, 3, generator=SEED, dtype=torch.float64)).exp()
WEIGHT = torch.randn(4, generator=SEED, dtype=torch.float64).softmax(0)


def gaussian(mean, scale):
    return Independent(Normal(mean, scale), 1)


def forwards(mean, scale, joint=(MEAN, SCALE)):
    return WEIGHT @ kl_divergence(gaussian(*joint), gaussian(mean, scale))


def backwards(mean, scale):
    return WEIGHT @ kl_divergence(gaussian(mean, scale), gaussian(MEAN, SCALE))


@pytest.mark.parametrize(("tie", "loss"), [(forward_tie, forwards), (reverse_tie, backwards)])
def test_no_other_gaussian_has_a_smaller_tie(tie, loss):
    found = tie(MEAN, SCALE, WEIGHT)
    mean, log_scale = found.mean.requires_grad_(), found.scale.log().requires_grad_()
    value = loss(mean, log_scale.exp())
    slopes = torch.autograd.grad(value, [mean, log_scale])
    assert all(slope.abs().max() < 1e-12 for slope in slopes)
    for other in range(20):
        noise = 0.3 * torch.randn(2, 3, generator=torch.Generator().manual_seed(other)).double()
        assert loss(mean + noise[0], (log_scale + noise[1]).exp()) > value


def test_the_forward_tie_covers_and_the_reverse_tie_is_as_narrow_as_one_answer():
    mean = torch.tensor([[-3.0], [0.0], [3.0]]).double()
    scale, even = torch.full_like(mean, 0.4), torch.full((3,), 1 / 3).double()
    assert forward_tie(mean, scale, even).scale.item() == pytest.approx((0.16 + 6) ** 0.5)
    assert reverse_tie(mean, scale, even).scale.item() == pytest.approx(0.4)


def objective(q1, joint, alpha):
    """What the ELBO and the tie cost together where nothing is held."""
    to_posterior = WEIGHT @ kl_divergence(gaussian(*joint), gaussian(MEAN, SCALE))
    return to_posterior + alpha * forwards(*q1, joint)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 5.0])
def test_where_nothing_is_held_no_part_wants_to_move(alpha):
    found = joint_drawn_along(MEAN, SCALE, WEIGHT, alpha)
    leaves = [part.clone().requires_grad_() for part in found]
    value = objective(leaves[:2], leaves[2:], alpha)
    assert all(slope.abs().max() < 1e-6 for slope in torch.autograd.grad(value, leaves))


def test_without_weight_nothing_is_dragged_and_with_much_all_answers_become_one():
    free = joint_drawn_along(MEAN, SCALE, WEIGHT, 0.0)
    for one, other in zip(free, forward_tie(MEAN, SCALE, WEIGHT), strict=True):
        torch.testing.assert_close(one, other)
    heavy = joint_drawn_along(MEAN, SCALE, WEIGHT, 1e4)
    spread = heavy.joint_mean.max(0).values - heavy.joint_mean.min(0).values
    assert (spread < 0.05 * (MEAN.max(0).values - MEAN.min(0).values)).all()


@pytest.mark.parametrize("alpha", [-1.0, float("inf"), "much"])
def test_a_weight_that_is_none_is_refused(alpha):
    with pytest.raises(ValueError, match=r"^alpha: expected a finite number"):
        joint_drawn_along(MEAN, SCALE, WEIGHT, alpha)
