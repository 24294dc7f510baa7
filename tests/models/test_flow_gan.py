import math

import pytest
import torch
from torch import nn

from course_lib.distributions import ElementwiseAffine, Flow, Planar, StandardGaussian
from course_lib.models import CouplingFlow, FlowGAN
from course_lib.models.game import build_critic
from course_lib.objectives.critics import JSDCritic, WassersteinCritic
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)
LAMBDAS = [0, 2.5, math.inf]


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model


def build(lambda_, shape=SHAPE, **options):
    return moved(
        FlowGAN.build(shape, lambda_, layers=2, hidden=(8,), critic_hidden=(9,), **options)
    )


def same_noise(function, *arguments):
    torch.manual_seed(1)
    return function(*arguments)


@pytest.mark.parametrize("lambda_", LAMBDAS)
@pytest.mark.parametrize("critic", ["jsd", "saturating jsd", "wasserstein"])
def test_the_generator_minimises_kl_plus_lambda_times_the_critics_term(lambda_, critic):
    """lambda is the weight of the adversarial term, not of the likelihood (slide 11)."""
    model, x = build(lambda_, critic=critic), torch.randn(7, *SHAPE)
    nll = -model.log_prob(x).mean()
    fake = same_noise(model.sample, 7)
    adversarial = model.critic.generator_loss(fake, x)
    expected = {0: nll, 2.5: nll + 2.5 * adversarial, math.inf: adversarial}[lambda_]
    torch.testing.assert_close(same_noise(model.loss, x, "generator"), expected)


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
def test_the_critic_sees_data_and_samples_in_the_units_of_x(critic):
    model, x = build(1.0, levels=17.0, critic=critic), 17 * torch.rand(7, *SHAPE)
    seen = []
    model.critic.network.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    loss = same_noise(model.loss, x, "critic")
    fake = same_noise(model.sample, 7)
    assert any(torch.equal(side, x) for side in seen)
    assert any(torch.equal(side, fake) for side in seen)
    assert fake.max() > 2  # grey levels, not logits
    assert torch.isfinite(loss)


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
def test_each_player_moves_only_what_is_its_own(critic):
    model = build(1.0, critic=critic)
    players = model.players()
    names = {id(p): name for name, group in players.items() for p in group}
    assert all(id(p) in names for p in model.parameters())
    assert len(names) == sum(map(len, players.values()))
    model.loss(torch.randn(7, *SHAPE), "critic").backward()
    moved_by_critic = {names[id(p)] for p in model.parameters() if p.grad is not None}
    assert moved_by_critic == {"critic"}


def test_the_critics_word_reaches_every_part_of_the_generator():
    model = build(math.inf)
    loss = model.loss(torch.randn(64, *SHAPE), "generator")
    slopes = torch.autograd.grad(loss, model.players()["generator"])
    assert all(slope.any() for slope in slopes)


def test_no_weight_no_critic():
    model = build(0)
    assert list(model.players()) == ["generator"]
    assert model.turns() == ("generator",)
    assert build(1.0, critic_turns=2).turns() == ("critic", "critic", "generator")


def test_lambda_zero_trains_as_the_plain_flow_does():
    torch.manual_seed(2)
    flow = CouplingFlow.build(4, layers=2, hidden=(8,))
    torch.manual_seed(2)
    model = FlowGAN.build(4, 0, layers=2, hidden=(8,))
    x = torch.randn(60, 4) * 2
    for one in (flow, model):
        fit(one, x, steps=20, batch_size=20, learning_rate=1e-2, progress=False)
    torch.testing.assert_close(model.log_prob(x), flow.log_prob(x))


@pytest.mark.parametrize("lambda_", LAMBDAS)
def test_the_likelihood_is_exact_whatever_lambda_is(lambda_):
    """By sampling's path and by density's path; and over a grid, the mass is one."""
    model = moved(FlowGAN.build(2, lambda_, layers=2, hidden=(8,)), 0.1).double()
    x, log_prob = model.brick().rsample_and_log_prob((50,))
    torch.testing.assert_close(model.log_prob(x), log_prob, rtol=0, atol=1e-8)
    axis = torch.linspace(-30, 30, 601, dtype=torch.float64)
    with torch.no_grad():
        mass = model.log_prob(torch.cartesian_prod(axis, axis)).exp().sum()
    assert mass.item() * (axis[1] - axis[0]).item() ** 2 == pytest.approx(1, abs=1e-3)


def two_peaks(n):
    return 0.6 * torch.randn(n, 1) + 3 * torch.sign(torch.rand(n, 1) - 0.5)


def trained_line(lambda_):
    line = ElementwiseAffine(1)  # x = mu + sigma z: a family that cannot have two peaks
    nn.init.constant_(line.mu, -2.0)
    critic = JSDCritic(build_critic("jsd", 1, (32, 32)).network, penalty=0.01)
    model = FlowGAN(Flow(StandardGaussian(1), [line]), critic, lambda_, critic_turns=2)
    fit(
        model,
        two_peaks(2000),
        steps=250,
        learning_rate=1e-2,
        betas=(0.5, 0.9),
        progress=False,
    )
    return line.mu.item(), line.log_scale.exp().item()


def test_likelihood_covers_both_peaks_and_the_game_settles_on_one():
    """Slides 10 and 11: on a misspecified family the optima of KL and JSD are far apart."""
    mu, scale = trained_line(0)
    assert abs(mu) < 0.5
    assert scale == pytest.approx(3.06, abs=0.3)
    mu, scale = trained_line(math.inf)
    assert mu == pytest.approx(-3, abs=0.5)
    assert scale < 1.2


def test_any_flow_with_differentiable_samples_is_a_generator():
    critic = WassersteinCritic(nn.Linear(2, 1))
    model = FlowGAN(Flow(StandardGaussian(2), [Planar(2)]), critic, math.inf)
    assert all(torch.isfinite(loss) for loss in model.losses(torch.randn(5, 2)).values())


@pytest.mark.parametrize("bad", [-1, -0.1, math.nan, -math.inf, "1", None, True])
def test_a_lambda_that_is_no_weight_is_refused(bad):
    with pytest.raises(ValueError, match=r"lambda_: expected a number >= 0"):
        build(bad)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"x_shape": 0}, "x_shape"),
        ({"critic": "hinge"}, "critic"),
        ({"critic_hidden": ()}, "critic_hidden"),
        ({"critic_turns": 0}, "critic_turns"),
        ({"layers": 0}, "layers"),
        ({"hidden": (8, 0)}, "hidden"),
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        FlowGAN.build(**{"x_shape": 4, "lambda_": 1.0, **arguments})


@pytest.mark.parametrize("player", ["generator", "critic"])
@pytest.mark.parametrize("lambda_", LAMBDAS)
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.randn(5, 3, 1, 5), ValueError, "batch: expected shape"),
        (torch.randn(5, 15), ValueError, "batch: expected shape"),
        (torch.randn(0, *SHAPE), ValueError, "batch: .*empty batch"),
        (torch.full((5, *SHAPE), math.nan), ValueError, "batch: .*finite"),
        (torch.randn(5, *SHAPE).double(), TypeError, "batch: expected torch.float32"),
        (torch.ones(5, *SHAPE, dtype=torch.int), TypeError, "batch: expected a floating-point"),
    ],
)
def test_what_is_no_batch_of_observations_is_refused(player, lambda_, x, error, message):
    with pytest.raises(error, match=message):
        build(lambda_).loss(x, player)


@pytest.mark.parametrize("critic", ["jsd", "wasserstein"])
def test_everything_follows_the_module_to_another_device(critic, monkeypatch):
    """The device "meta" holds no data and refuses to mix: a stray CPU tensor would be an error."""
    model = build(1.0, critic=critic).to("meta")
    monkeypatch.setattr(model.brick, "check_event", lambda value, name: None)
    monkeypatch.setattr(torch, "isfinite", lambda value: torch.ones(1))
    x = torch.empty(5, *SHAPE, device="meta")
    for result in (*model.losses(x).values(), model.sample(4), model.log_prob(x)):
        assert result.device.type == "meta"
