import pytest
import torch
from torch import nn

from course_lib.models.game import Game, build_critic
from course_lib.objectives.critics import JSDCritic, WassersteinCritic
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")


class Pursuit(Game):
    """One number chases the data's mean, and a critic measures how far it still is."""

    def __init__(self, critic_turns=1, critic=True):
        super().__init__(critic_turns)
        self.x, self.distance = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
        self.critic, self.calls = critic, []

    def players(self):
        critic = {"critic": [self.distance]} if self.critic else {}
        return {"generator": [self.x], **critic}

    def loss(self, batch, player):
        self.calls.append((player, batch))
        gap = batch.mean() - self.x
        if player == "critic":
            return (self.distance - gap.detach()).square().sum()
        return gap.square().sum() + 0 * self.distance.sum()


@pytest.mark.parametrize("turns", [1, 3])
def test_the_critic_moves_first_and_as_often_as_asked(turns):
    assert Pursuit(turns).turns() == ("critic",) * turns + ("generator",)


def test_without_a_critic_there_are_no_turns_for_one():
    assert Pursuit(3, critic=False).turns() == ("generator",)


def test_every_player_has_a_loss():
    losses = Pursuit().losses(torch.ones(4))
    assert list(losses) == ["generator", "critic"]


def test_training_plays_the_turns_with_a_batch_for_each():
    game = Pursuit(2)
    fit(game, torch.arange(40.0), steps=3, batch_size=5, learning_rate=0.1, progress=False)
    assert [player for player, _ in game.calls] == ["critic", "critic", "generator"] * 3
    batches = [tuple(batch.tolist()) for _, batch in game.calls]
    assert len(set(batches)) > 6
    assert game.x.item() != 0
    assert game.distance.item() != 0


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, None])
def test_a_number_of_turns_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="critic_turns: expected a positive integer"):
        Pursuit(bad)


@pytest.mark.parametrize("shape", [3, (1, 2, 5)])
@pytest.mark.parametrize(("name", "kind"), [("jsd", JSDCritic), ("wasserstein", WassersteinCritic)])
def test_a_critic_from_plain_sizes(shape, name, kind):
    critic = build_critic(name, shape, (8, 7))
    event = (shape,) if isinstance(shape, int) else shape
    assert isinstance(critic, kind)
    assert critic(torch.randn(6, *event)).shape == (6,)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("hinge", 3, (8,)), "critic"),
        (("jsd", 0, (8,)), "x_shape"),
        (("jsd", 3, ()), "critic_hidden"),
        (("jsd", 3, (8, 0)), "critic_hidden"),
    ],
)
def test_sizes_and_names_of_no_critic_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        build_critic(*arguments)
