import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from course_lib.distributions import (
    Brick,
    ConditionalBernoulli,
    ConditionalGaussian,
    rsample_and_log_prob,
)
from course_lib.distributions.base import check_finite, first_parameter

pytestmark = pytest.mark.usefixtures("fixed_seed")


def test_a_brick_must_say_what_it_returns():
    with pytest.raises(NotImplementedError):
        Brick(3)()


def test_any_torch_distribution_can_be_sampled_with_its_density():
    q = Independent(Normal(torch.zeros(5, 2), torch.ones(5, 2)), 1)
    z, log_q = rsample_and_log_prob(q, (3,))
    assert torch.equal(log_q, q.log_prob(z))
    assert z.shape == (3, 5, 2)


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(2, 3),
        nn.Sequential(nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(2, 3, bias=False))),
        nn.ModuleList([nn.Identity()]),
        nn.BatchNorm1d(3, affine=False),
        nn.Bilinear(2, 3, 4),
    ],
    ids=["itself", "deep", "none", "buffers only", "another"],
)
def test_the_first_parameter_is_torchs_first(module):
    assert first_parameter(module) is next(module.parameters(), None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 5, 11])
def test_one_entry_that_is_not_finite_is_seen(bad, place):
    x = torch.randn(3, 4)
    x.view(-1)[place] = bad
    with pytest.raises(ValueError, match="x: expected finite values"):
        check_finite(x, "x")


def test_infinities_that_cancel_are_seen_and_a_sum_that_overflows_is_no_error():
    with pytest.raises(ValueError, match="x: expected finite values"):
        check_finite(torch.tensor([math.inf, -math.inf]), "x")
    check_finite(torch.full((8,), torch.finfo(torch.float32).max), "x")


@pytest.mark.parametrize("shape", [(6,), (1, 2, 3)])
@pytest.mark.parametrize("batch", [(), (5,), (4, 5)])
def test_a_networks_numbers_become_events_in_row_major_order(shape, batch):
    numbers = torch.randn(*batch, 6)
    events = Brick(shape).as_events(numbers)
    assert events.shape == (*batch, *shape)
    assert torch.equal(events.flatten(-len(shape)), numbers)


@pytest.mark.parametrize("shape", [6, (1, 2, 3)])
def test_a_network_with_too_many_outputs_is_refused(shape):
    for brick in (ConditionalBernoulli, ConditionalGaussian):
        with pytest.raises(RuntimeError, match="invalid for input of size"):
            brick(nn.Linear(2, 14), shape)(torch.zeros(5, 2))
