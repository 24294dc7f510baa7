import math

import pytest
import torch
from torch import nn

from course_lib.distributions import (
    ConditionalCategorical,
    StandardGaussian,
    UniformCategorical,
)
from course_lib.models import InfoGAN
from course_lib.models.game import build_critic
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model


def build(**options):
    sizes = {"x_shape": SHAPE, "noise_dim": 3, "categories": 4, "hidden": (16, 8)}
    return moved(InfoGAN.build(**{**sizes, **options}))


class Copy(nn.Module):
    """G(noise, c) = c, whatever the noise: the code is plain to see."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, noise_and_code):
        return self.gain * noise_and_code[:, 2:]


class Scaled(nn.Module):
    def __init__(self, sharpness):
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(float(sharpness)))

    def forward(self, x):
        return self.sharpness * x


def legible(sharpness, alpha=1.0, categories=5):
    """A model whose x is its code, read by q(c|x) with logits sharpness * x."""
    return InfoGAN(
        StandardGaussian(2),
        UniformCategorical(categories),
        Copy(),
        ConditionalCategorical(Scaled(sharpness), categories),
        build_critic("wasserstein", categories, (8,)),
        alpha=alpha,
    )


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("continuous", [0, 2])
def test_the_generator_minimises_the_critics_term_minus_alpha_times_information(
    critic, alpha, continuous
):
    model, x = build(critic=critic, alpha=alpha, continuous=continuous), torch.rand(7, *SHAPE)
    torch.manual_seed(1)
    code = model.code().sample((7,))
    fake = model.generate(code)
    bound = model.code().entropy() + model.recogniser(fake).log_prob(code)
    expected = model.critic.generator_loss(fake) - alpha * bound.mean()
    torch.manual_seed(1)
    torch.testing.assert_close(model.loss(x, "generator"), expected)


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_haze_lies_on_data_and_samples_alike_while_they_are_judged(player):
    model, clear = build(instance_noise=0.5), build()
    clear.load_state_dict(model.state_dict())
    model.critic.penalty_term = lambda real, fake: 0.0  # it looks at the sides a second time
    seen = []
    model.critic.network.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    x = torch.full((4000, *SHAPE), 0.25)
    model.loss(x, player)
    assert len(seen) == {"generator": 1, "critic": 2}[player]
    if player == "critic":
        assert (seen[0] - x).std().item() == pytest.approx(0.5, rel=0.02)
        assert (seen[0] - x).mean().abs() < 0.02
    torch.manual_seed(1)
    assert seen[-1].var().item() == pytest.approx(0.25 + clear.sample(4000).var().item(), rel=0.05)
    assert ((model.sample(9) >= 0) & (model.sample(9) <= 1)).all()


def test_real_images_do_not_enter_the_generators_loss():
    """The information is that of the model's own joint; only the critic looks at data."""
    model = build()
    losses = []
    for x in (torch.zeros(7, *SHAPE), torch.ones(7, *SHAPE)):
        torch.manual_seed(1)
        losses.append(model.losses(x))
    assert losses[0]["generator"] == losses[1]["generator"]
    assert losses[0]["critic"] != losses[1]["critic"]


def test_the_critic_is_given_data_and_samples():
    model, x = build(critic="jsd"), torch.rand(7, *SHAPE)
    torch.manual_seed(1)
    fake = model.generate(model.code().sample((7,)))
    torch.manual_seed(1)
    torch.testing.assert_close(model.loss(x, "critic"), model.critic.loss(x, fake))


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
def test_generator_and_recogniser_move_together_and_the_critic_alone(critic):
    model = build(critic=critic, continuous=2)
    owners = {id(p): name for name, group in model.players().items() for p in group}
    assert len(owners) == sum(map(len, model.players().values())) == len(list(model.parameters()))
    model.loss(torch.rand(7, *SHAPE), "critic").backward()
    assert {owners[id(p)] for p in model.parameters() if p.grad is not None} == {"critic"}
    model.zero_grad()
    parameters = model.players()["generator"]
    loss = model.loss(torch.rand(64, *SHAPE), "generator")
    assert all(slope.any() for slope in torch.autograd.grad(loss, parameters))


def test_the_information_term_moves_the_generator_as_well_as_the_recogniser():
    model = legible(1.0)
    bound = model.code().entropy()
    code = model.code().sample((50,))
    bound = bound + model.recogniser(model.generate(code)).log_prob(code).mean()
    slopes = torch.autograd.grad(bound, (model.generator.gain, model.recogniser.network.sharpness))
    assert all(slope > 0 for slope in slopes)


def test_the_bound_on_a_legible_code_reaches_its_entropy_and_no_more():
    """H(c) is part of the bound, and log q <= 0: never above H(c), and at it if q is sure."""
    entropy = math.log(5)
    values = [legible(s).information_bound(200).mean().item() for s in (0, 1, 3, 200)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values[-1] == pytest.approx(entropy, abs=1e-6)
    assert max(values) <= entropy + 1e-6


def test_a_recogniser_that_is_wrong_is_below_zero():
    assert legible(-3).information_bound(50).mean() < 0


def test_the_bound_of_a_continuous_code_counts_its_entropy():
    """q = p(c) knows nothing, and H(c) + E log q = 0 only if both terms are there."""

    class Flat(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 4)

    model = build(continuous=2, categories=1)
    model.recogniser.bricks[1].network = Flat()
    with torch.no_grad():
        values = model.information_bound(4000)
    # E log N(c; 0, 1) for c uniform on (-1, 1), plus its entropy, for two numbers
    expected = 2 * (math.log(2) - 0.5 * math.log(2 * math.pi) - 1 / 6)
    assert values.mean().item() == pytest.approx(expected, abs=0.02)


def test_training_makes_the_code_legible_in_real_data_without_labels():
    """Two far groups: the code finds them, and reads real points that it never learned from."""
    group = torch.randint(2, (600,))
    x = (0.1 + 0.8 * group[:, None] + 0.03 * torch.randn(600, 2)).clamp(0, 1)
    model = InfoGAN.build(2, 2, 2, (32,), critic="jsd")
    fit(model, x, steps=250, learning_rate=3e-3, betas=(0.5, 0.9), progress=False)
    found = model.recognise(x).mean.argmax(-1)
    agreement = (found == group).double().mean()
    assert max(agreement, 1 - agreement) > 0.9
    assert model.information_bound(500).mean() > 0.8 * math.log(2)


@pytest.mark.parametrize("x_shape", [6, (1, 3, 5), (2, 3)])
@pytest.mark.parametrize("continuous", [0, 2])
def test_shapes(x_shape, continuous):
    model = build(x_shape=x_shape, continuous=continuous)
    event = (x_shape,) if isinstance(x_shape, int) else x_shape
    x = model.sample(7)
    assert x.shape == (7, *event)
    assert not x.requires_grad
    assert ((x >= 0) & (x <= 1)).all()
    assert model.information_bound(7).shape == (7,)
    assert model.recognise(x).mean.shape == (7, 4 + continuous)
    assert model.code().sample((7,)).shape == (7, 4 + continuous)


def test_a_code_that_is_given_is_used_and_the_noise_is_fresh():
    model = legible(1.0)
    code = torch.eye(5)[[3, 3, 1]]
    torch.testing.assert_close(model.sample(3, code=code), code)
    model = build()
    same = model.sample(2, code=torch.eye(4)[[2, 2]])
    assert not torch.equal(same[0], same[1])


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (torch.eye(4)[[0, 1]], ValueError, "code: expected 3 codes, got 2"),
        (torch.eye(5)[[0, 1, 2]], ValueError, "code: expected shape"),
        (torch.tensor([0, 1, 2]), TypeError, "code: expected a floating-point"),
    ],
)
def test_what_is_no_code_is_refused(code, error, message):
    with pytest.raises(error, match=message):
        build().sample(3, code=code)


def test_code_and_recogniser_must_agree():
    critic = build_critic("jsd", 5, (8,))
    recogniser = ConditionalCategorical(nn.Linear(5, 3), 3)
    with pytest.raises(ValueError, match=r"recogniser: expected codes of shape \(5,\), got \(3,\)"):
        InfoGAN(StandardGaussian(2), UniformCategorical(5), Copy(), recogniser, critic)


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf, "1", None, True])
def test_weights_that_are_none_are_refused(bad):
    for name in ("alpha", "instance_noise"):
        with pytest.raises(ValueError, match=f"{name}: expected a finite number >= 0"):
            build(**{name: bad})


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"x_shape": 0}, "x_shape"),
        ({"noise_dim": 0}, "noise_dim"),
        ({"categories": 0}, "categories"),
        ({"hidden": ()}, "hidden"),
        ({"continuous": -1}, "continuous"),
        ({"continuous": None}, "continuous"),
        ({"critic": "hinge"}, "critic"),
        ({"critic_turns": 0}, "critic_turns"),
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        build(**arguments)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5, 15), "real: expected shape"),
        (torch.rand(5, 3, 1, 5), "real: expected shape"),
        (torch.rand(5, *SHAPE) * math.nan, "real: expected finite"),
        (torch.rand(0, *SHAPE), "real: expected"),
    ],
)
def test_what_is_no_batch_of_observations_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        build(critic="jsd").loss(x, "critic")


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
def test_everything_follows_the_module_to_another_device(critic, monkeypatch):
    model = build(critic=critic, continuous=2).to("meta")
    monkeypatch.setattr(torch, "isfinite", lambda value: torch.ones(1))
    x = torch.empty(5, *SHAPE, device="meta")
    for result in (*model.losses(x).values(), model.sample(4), model.information_bound(3)):
        assert result.device.type == "meta"
