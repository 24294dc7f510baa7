import pytest
import torch
from torch.distributions import Independent, Normal

from course_lib.distributions import Brick, rsample_and_log_prob
from course_lib.distributions.base import as_count, as_shape

pytestmark = pytest.mark.usefixtures("fixed_seed")


def test_a_number_and_a_tuple_of_one_mean_the_same_shape():
    assert as_shape(8, "x") == as_shape((8,), "x") == as_shape([8], "x") == torch.Size([8])


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "8", None, (), (3, 0), (3, 2.5), (True,)])
def test_what_is_no_shape_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="z_shape: expected a positive integer"):
        as_shape(bad, "z_shape")


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "8", None, (8,)])
def test_what_is_no_count_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="layers: expected a positive integer"):
        as_count(bad, "layers")


def test_a_brick_must_say_what_it_returns():
    with pytest.raises(NotImplementedError):
        Brick(3)()


def test_any_torch_distribution_can_be_sampled_with_its_density():
    q = Independent(Normal(torch.zeros(5, 2), torch.ones(5, 2)), 1)
    z, log_q = rsample_and_log_prob(q, (3,))
    assert torch.equal(log_q, q.log_prob(z))
    assert z.shape == (3, 5, 2)
