import pytest
import torch
from torch.distributions import Independent, Normal

from course_lib.distributions import Brick, rsample_and_log_prob

pytestmark = pytest.mark.usefixtures("fixed_seed")


def test_a_brick_must_say_what_it_returns():
    with pytest.raises(NotImplementedError):
        Brick(3)()


def test_any_torch_distribution_can_be_sampled_with_its_density():
    q = Independent(Normal(torch.zeros(5, 2), torch.ones(5, 2)), 1)
    z, log_q = rsample_and_log_prob(q, (3,))
    assert torch.equal(log_q, q.log_prob(z))
    assert z.shape == (3, 5, 2)
