import math

import pytest
import torch
from torch import nn

from course_lib.distributions import ConditionalGaussian, StandardGaussian
from course_lib.models import VAE, VAEGAN
from course_lib.models.game import build_critic
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)
LIKELIHOODS = ["bernoulli", "gaussian"]


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model


def build(likelihood="bernoulli", **options):
    return moved(VAEGAN.build(SHAPE, 2, (16,), likelihood, critic_hidden=(9,), **options))


def images(n, likelihood="bernoulli"):
    bits = torch.bernoulli(torch.full((n, *SHAPE), 0.4))
    return bits if likelihood == "bernoulli" else bits + 0.1 * torch.randn(n, *SHAPE)


def seen_by(critic):
    seen = []
    critic.network.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    return seen


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("critic", ["jsd", "saturating jsd", "wasserstein"])
def test_the_model_minimises_minus_the_bound_plus_the_weighed_comparison(likelihood, critic):
    plain = build(likelihood, weight=0, critic=critic)
    model = build(likelihood, weight=2.5, critic=critic)
    model.load_state_dict(plain.state_dict())
    x = images(7, likelihood)
    torch.manual_seed(1)
    matching = plain.loss(x, "model")
    adversarial = model.critic.generator_loss(model.rsample(7), x)
    torch.manual_seed(1)
    torch.testing.assert_close(model.loss(x, "model"), matching + 2.5 * adversarial)
    torch.manual_seed(1)
    assert torch.equal(matching, -plain.elbo(x).total.mean())


def test_the_bound_is_that_of_the_vae_with_the_same_bricks():
    model, x = build(), images(7)
    vae = VAE(model.prior, model.likelihood, model.posterior)
    bounds = []
    for one in (model, vae):
        torch.manual_seed(1)
        bounds.append((*one.elbo(x, 3), one.importance_bound(x, 4), one.sample(3)))
    assert all(map(torch.equal, *bounds))


@pytest.mark.parametrize("player", ["model", "critic"])
def test_the_critic_sees_bits_where_the_data_are_bits(player):
    """Means against zeros and ones would be told apart by rounding, and nothing learned."""
    model = build()
    model.critic.penalty, seen = 0.0, seen_by(model.critic)  # the penalty looks elsewhere
    model.critic.penalty_term = lambda real, fake: 0.0
    model.loss(images(50), player)
    assert len(seen) == {"model": 1, "critic": 2}[player]
    for x in seen:
        assert torch.equal(x, x.square())
        assert 0 < x.mean() < 1


def test_the_gradient_of_a_bit_is_that_of_its_mean():
    model = build()
    torch.manual_seed(1)
    z = model.prior().rsample((9,))
    means = model.likelihood(z).mean
    torch.manual_seed(1)
    bits = model.rsample(9)
    assert torch.equal(bits, bits.square())
    weights = torch.randn_like(bits)
    parameters = list(model.likelihood.parameters())
    ours = torch.autograd.grad((weights * bits).sum(), parameters)
    expected = torch.autograd.grad((weights * means).sum(), parameters)
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_samples_with_a_gradient_follow_the_distribution_of_samples():
    for likelihood in LIKELIHOODS:
        model = VAEGAN.build(SHAPE, 2, (16,), likelihood, critic_hidden=(9,))
        with torch.no_grad():
            ours, others = model.rsample(20_000), model.sample(20_000)
        error = ((ours.var(0) + others.var(0)) / 20_000).sqrt()
        assert ((ours.mean(0) - others.mean(0)).abs() < 5 * error).all()
        torch.testing.assert_close(ours.std(0), others.std(0), rtol=0.1, atol=0.01)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_critic_moves_nothing_but_itself(likelihood):
    model = build(likelihood)
    owners = {id(p): name for name, group in model.players().items() for p in group}
    assert len(owners) == len(list(model.parameters()))
    model.loss(images(7, likelihood), "critic").backward()
    assert {owners[id(p)] for p in model.parameters() if p.grad is not None} == {"critic"}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_critics_word_reaches_the_decoder(likelihood):
    model = build(likelihood, weight=1.0)
    x, parameters = images(30, likelihood), list(model.likelihood.parameters())
    torch.manual_seed(1)
    with_critic = torch.autograd.grad(model.loss(x, "model"), parameters)
    model.weight = 0.0
    torch.manual_seed(1)
    without = torch.autograd.grad(model.loss(x, "model"), parameters)
    assert not any(torch.equal(*pair) for pair in zip(with_critic, without, strict=True))


def test_no_weight_no_critic():
    model = build(weight=0)
    assert list(model.players()) == ["model"]
    assert model.turns() == ("model",)
    assert build(critic_turns=2).turns() == ("critic", "critic", "model")


def test_weight_zero_trains_as_the_plain_vae_does():
    x, model = images(60), build(weight=0)
    vae = VAE.build(SHAPE, 2, (16,))
    vae.load_state_dict(model.state_dict(), strict=False)
    for one in (model, vae):
        fit(one, x, steps=20, batch_size=20, learning_rate=1e-2, progress=False)
    torch.testing.assert_close(model.posterior(x).mean, vae.posterior(x).mean)


class Spread(nn.Module):
    """p(x|z) = N(z, e^2s): with z = 0 for all practical purposes, one Gaussian of any width."""

    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(0.0))

    def forward(self, z):
        return torch.cat((0 * z, self.log_scale.expand_as(z)), -1)


def test_the_comparison_alone_finds_the_width_of_the_data():
    """With a heavy weight the decoder's noise is set by the game: samples are as wide as data."""
    likelihood, critic = ConditionalGaussian(Spread(), 1), build_critic("jsd", 1, (32, 32))
    posterior = ConditionalGaussian(nn.Linear(1, 2), 1)
    model = VAEGAN(StandardGaussian(1), likelihood, posterior, critic, weight=100.0)
    x = 0.3 * torch.randn(2000, 1)
    fit(model, x, steps=400, learning_rate=1e-2, betas=(0.5, 0.9), progress=False)
    assert model.sample(5000).std().item() == pytest.approx(0.3, rel=0.3)


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf, "1", None, True])
def test_a_weight_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="weight: expected a finite number >= 0"):
        build(weight=bad)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"x_shape": 0}, "x_shape"),
        ({"z_dim": 0}, "z_dim"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"critic": "hinge"}, "critic"),
        ({"critic_hidden": ()}, "critic_hidden"),
        ({"critic_turns": 0}, "critic_turns"),
        ({"input_noise": -1}, "input_noise"),
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        VAEGAN.build(**{"x_shape": SHAPE, "z_dim": 2, "hidden": (8,), **arguments})


@pytest.mark.parametrize("player", ["model", "critic"])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (images(5).flatten(1), ValueError, "expected shape"),
        (images(0), ValueError, "empty batch"),
        (images(5) * 0.5, ValueError, "entries 0 and 1"),
        (images(5) * math.nan, ValueError, "finite"),
        (images(5).double(), TypeError, "expected torch.float32"),
    ],
)
def test_what_is_no_batch_of_observations_is_refused(player, x, error, message):
    with pytest.raises(error, match=message):
        build().loss(x, player)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_everything_follows_the_module_to_another_device(likelihood, monkeypatch):
    model = build(likelihood).to("meta")
    monkeypatch.setattr(model.likelihood, "check_event", lambda value, name: None)
    monkeypatch.setattr(torch, "isfinite", lambda value: torch.ones(1))
    x = torch.empty(5, *SHAPE, device="meta")
    for result in (*model.losses(x).values(), model.sample(4), model.rsample(4)):
        assert result.device.type == "meta"
