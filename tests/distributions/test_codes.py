import math

import pytest
import torch
from torch import nn

from course_lib.distributions import (
    ConditionalBernoulli,
    ConditionalCategorical,
    ConditionalGaussian,
    JointBrick,
    OneHotCategorical,
    StandardGaussian,
    UniformBox,
    UniformCategorical,
    mlp,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")


def mixed(context_dim=3):
    """A category of four and two numbers, both from the same features."""
    return JointBrick(
        [
            ConditionalCategorical(nn.Linear(5, 4), 4),
            ConditionalGaussian(nn.Linear(5, 4), 2),
        ],
        trunk=nn.Sequential(nn.Linear(context_dim, 5), nn.Tanh()),
    ).double()


def test_categories_are_one_hot_and_all_as_likely():
    category = UniformCategorical(4)()
    draws = category.sample((8000,))
    assert torch.equal(draws.sum(-1), torch.ones(8000))
    assert (draws.mean(0) - 1 / 4).abs().max() < 5 * math.sqrt(3 / 16 / 8000)
    torch.testing.assert_close(category.log_prob(torch.eye(4)), torch.full((4,), -math.log(4)))


def test_probabilities_of_all_categories_sum_to_one_for_each_context():
    brick = ConditionalCategorical(mlp(3, (8,), 4), 4)
    log_prob = brick(torch.randn(7, 3)).log_prob(torch.eye(4)[:, None])
    torch.testing.assert_close(log_prob.exp().sum(0), torch.ones(7))
    assert log_prob.exp().std(1).min() > 0


def test_a_category_is_torchs_own():
    logits, value = torch.randn(7, 4).double(), torch.eye(4).double()[[0, 3, 1, 1, 2, 0, 3]]
    ours = OneHotCategorical(logits)
    torchs = torch.distributions.OneHotCategorical(logits=logits)
    torch.testing.assert_close(ours.log_prob(value), torchs.log_prob(value))
    torch.testing.assert_close(ours.entropy(), torchs.entropy())
    torch.testing.assert_close(ours.mean, torchs.mean)
    torch.testing.assert_close(ours.logits, torchs.logits)


def test_samples_of_a_category_follow_its_probabilities_for_each_context():
    category = OneHotCategorical(torch.randn(3, 4))
    share = category.sample((8000,)).mean(0)
    assert (share - category.mean).abs().max() < 5 * 0.5 / math.sqrt(8000)


def test_the_interval_has_density_one_half_in_every_direction():
    interval = UniformBox(3)()
    draws = interval.sample((5000,))
    assert draws.abs().max() <= 1
    assert draws.abs().max() > 0.99
    assert draws.mean(0).abs().max() < 5 / math.sqrt(3 * 5000)
    torch.testing.assert_close(interval.log_prob(draws), torch.full((5000,), -3 * math.log(2)))
    torch.testing.assert_close(interval.entropy(), torch.tensor(3 * math.log(2)))


def test_parts_side_by_side_add_up():
    brick, context = mixed(), torch.randn(7, 3).double()
    joint, features = brick(context), brick.trunk(context)
    value = joint.sample()
    first, second = (part(features) for part in brick.bricks)
    expected = first.log_prob(value[:, :4]) + second.log_prob(value[:, 4:])
    torch.testing.assert_close(joint.log_prob(value), expected)
    torch.testing.assert_close(joint.entropy(), first.entropy() + second.entropy())
    torch.testing.assert_close(joint.mean, torch.cat((first.mean, second.mean), -1))
    assert joint.batch_shape == (7,)
    assert joint.event_shape == (6,) == brick.event_shape


def test_the_entropy_is_the_mean_of_minus_the_log_density():
    joint = mixed()(torch.randn(1, 3).double())
    with torch.no_grad():
        values = -joint.log_prob(joint.sample((20_000,)))
    error = values.std() / math.sqrt(len(values))
    assert (values.mean() - joint.entropy()).abs() < 5 * error


@pytest.mark.parametrize("n", [(), (1,), (5, 2)])
def test_shapes_of_samples(n):
    code = JointBrick([UniformCategorical(4), UniformBox(2), StandardGaussian(3)])
    assert code().sample(n).shape == (*n, 9)
    assert mixed()(torch.randn(7, 3).double()).sample(n).shape == (*n, 7, 6)


def test_what_is_no_row_of_vectors_is_refused():
    with pytest.raises(ValueError, match="bricks: expected bricks over vectors"):
        JointBrick([])
    with pytest.raises(ValueError, match=r"bricks: .*\(2, 3\)"):
        JointBrick([UniformCategorical(2), ConditionalBernoulli(nn.Linear(2, 6), (2, 3))])


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, None])
def test_sizes_that_are_none_are_refused(bad):
    for make in (UniformCategorical, lambda n: ConditionalCategorical(nn.Linear(2, 2), n)):
        with pytest.raises(ValueError, match="categories: expected a positive integer"):
            make(bad)
    with pytest.raises(ValueError, match="dim: expected a positive integer"):
        UniformBox(bad)


def test_codes_follow_the_module_in_precision_and_device():
    code = JointBrick([UniformCategorical(4), UniformBox(2)])
    assert code.double()().sample((3,)).dtype == torch.float64
    assert code.to("meta")().entropy().device.type == "meta"
