"""The models that match q(z) to p(z): AdversarialAutoencoder and InfoVAE."""

import math

import pytest
import torch
from torch import nn

from course_lib.distributions import (
    AffineAutoregressive,
    ConditionalBernoulli,
    ConditionalGaussian,
    Flow,
    StandardGaussian,
    mlp,
)
from course_lib.models import VAE, AdversarialAutoencoder, BetaVAE, InfoVAE
from course_lib.objectives import mmd2, rate_terms
from course_lib.objectives.critics import JSDCritic
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)
MODELS = {
    "aae": AdversarialAutoencoder.build,
    "jsd": lambda *a, **k: InfoVAE.build(*a, divergence="jsd", **k),
    "mmd": lambda *a, **k: InfoVAE.build(*a, divergence="mmd", **k),
    "kl": lambda *a, **k: InfoVAE.build(*a, divergence="kl", **k),
}
GAMES = ("aae", "jsd")


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def build(request):
    return request.param


def images(n):
    return torch.bernoulli(torch.full((n, *SHAPE), 0.4))


def same_noise(*calls):
    values = []
    for call in calls:
        torch.manual_seed(1)
        values.append(call())
    return values


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model


def info(alpha, lambda_, divergence="mmd"):
    return moved(
        InfoVAE.build(SHAPE, 2, (16,), alpha=alpha, lambda_=lambda_, divergence=divergence)
    )


def of_the_same_bricks(model, kind, **options):
    return kind(model.prior, model.likelihood, model.posterior, **options)


@pytest.mark.parametrize("divergence", ["mmd", "kl", "jsd"])
def test_info_vae_at_0_1_is_the_vae(divergence):
    model, x = info(0.0, 1.0, divergence), images(7)
    plain = of_the_same_bricks(model, VAE)
    losses = same_noise(lambda: model.loss(x, "model"), lambda: plain.losses(x)["model"])
    assert torch.equal(*losses)


@pytest.mark.parametrize("beta", [0.03, 0.07, 0.5, 1.0, 1.15, 4.0])
def test_info_vae_at_1_minus_beta_and_beta_is_the_beta_vae(beta):
    model, x = info(1 - beta, beta), images(7)
    other = of_the_same_bricks(model, BetaVAE, beta=beta)
    losses = same_noise(lambda: model.loss(x, "model"), lambda: other.losses(x)["model"])
    assert torch.equal(*losses)


def test_info_vae_at_alpha_1_is_the_original_adversarial_autoencoder():
    model, x = info(1.0, 7.0, "jsd"), images(7)
    other = of_the_same_bricks(
        model, AdversarialAutoencoder, critic=model.critic, weight=7.0, kl_weight=0.0
    )
    for player in ("model", "critic"):
        losses = same_noise(lambda p=player: model.loss(x, p), lambda p=player: other.loss(x, p))
        assert torch.equal(*losses)


@pytest.mark.parametrize(("alpha", "lambda_"), [(0.0, 5.0), (-0.5, 1.7), (0.3, 2.0), (1.0, 3.0)])
@pytest.mark.parametrize("divergence", ["mmd", "kl"])
def test_the_objective_is_that_of_the_identity(alpha, lambda_, divergence):
    model, x = info(alpha, lambda_, divergence), images(7)

    def by_hand():
        q = model.posterior(x)
        bound = model.elbo(x)
        if divergence == "kl":
            apart = rate_terms(q, model.prior()).marginal_kl.mean()
        else:
            apart = mmd2(q.rsample(), model.prior().sample((4 * 7,)))
        reward = bound.reconstruction.mean() - (1 - alpha) * bound.kl.mean()
        return reward - (alpha + lambda_ - 1) * apart

    loss, reward = same_noise(lambda: model.loss(x, "model"), by_hand)
    torch.testing.assert_close(loss, -reward)


def test_slide_15_adds_and_the_original_replaces():
    added = moved(AdversarialAutoencoder.build(SHAPE, 2, (16,), weight=3.0))
    replaced = of_the_same_bricks(
        added, AdversarialAutoencoder, critic=added.critic, weight=3.0, kl_weight=0.0
    )
    x = images(7)
    losses = same_noise(lambda: added.loss(x, "model"), lambda: replaced.loss(x, "model"))
    torch.testing.assert_close(losses[0] - losses[1], added.elbo(x).kl.mean())
    assert added.kl_weight == AdversarialAutoencoder.build(SHAPE, 2).kl_weight == 1.0


@pytest.mark.parametrize("kind", GAMES)
def test_each_player_moves_its_own_parameters_only(kind):
    model = moved(MODELS[kind](SHAPE, 2, (8,)))
    mine, critic = model.players()["model"], model.players()["critic"]
    everything = {id(p) for p in model.parameters()}
    assert {id(p) for p in mine} | {id(p) for p in critic} == everything
    assert not {id(p) for p in mine} & {id(p) for p in critic}
    model.loss(images(9), "critic").backward()
    assert all(p.grad is None for p in mine)
    assert all(p.grad is not None for p in critic)
    model.zero_grad()
    model.loss(images(9), "model").backward(inputs=mine)
    assert all(p.grad.any() for p in mine)


@pytest.mark.parametrize("kind", MODELS)
def test_the_divergence_alone_moves_the_encoder_and_nothing_else(kind):
    model = moved(MODELS[kind](SHAPE, 2, (8,)))
    model.divergence(model.encode(images(9))).backward()
    assert all(p.grad.any() for p in model.posterior.parameters())
    assert all(p.grad is None for p in model.likelihood.parameters())


@pytest.mark.parametrize("kind", GAMES)
def test_the_critic_sees_draws_of_q_not_means(kind):
    model = moved(MODELS[kind](SHAPE, 2, (8,)))
    with torch.no_grad():
        last = model.posterior.network[-1]
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.0, 0.0, 2.0, 2.0]))  # every q(z|x) is N(0, e^4 I)
    seen = []
    model.critic.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    model.loss(images(500), "critic")
    spreads = sorted(z.std().item() for z in seen)
    assert spreads[0] == pytest.approx(1.0, rel=0.1)
    assert spreads[-1] == pytest.approx(math.exp(2), rel=0.1)
    seen.clear()
    model.loss(images(500), "model")
    assert [z.std().item() for z in seen] == [pytest.approx(math.exp(2), rel=0.1)]


@pytest.mark.parametrize("kind", GAMES)
def test_the_prior_is_the_real_side(kind):
    """A perfect critic is log p(z) - log q(z); the encoder climbs it, and so comes nearer."""
    model = MODELS[kind](SHAPE, 2, (8,))
    moved(model.posterior, 0.5)
    x = images(400)
    optimiser = torch.optim.Adam(model.critic.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        model.loss(x, "critic").backward()
        optimiser.step()
    prior, q = model.prior().sample((400,)), model.encode(x).sample()
    assert model.critic(prior).mean() > model.critic(q).mean()
    assert model.critic.bound(prior, q) > 0


def test_each_turn_draws_new_points_of_the_prior():
    model = AdversarialAutoencoder.build(SHAPE, 2, (8,))
    seen = []
    model.critic.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    x = images(5)
    model.loss(x, "critic")
    first = len(seen)
    model.loss(x, "critic")
    assert not torch.equal(seen[0], seen[first])


@pytest.mark.parametrize("kind", MODELS)
def test_training_brings_the_aggregate_to_the_prior(kind):
    """All posteriors start far off, around (3, 3), and nothing but the divergence calls them back.

    With kl_weight 0, or alpha 1, the rate has no say.
    """
    options = {"aae": {"kl_weight": 0.0, "weight": 30.0}}.get(kind, {"alpha": 1.0, "lambda_": 30.0})
    model = MODELS[kind](SHAPE, 2, (16,), **options)
    with torch.no_grad():
        model.posterior.network[-1].bias[:2] = 3.0
    x = images(256)
    before = mmd2(model.posterior(x).sample(), model.prior().sample((256,)))
    betas = (0.5, 0.9) if kind in GAMES else (0.9, 0.999)
    fit(model, x, steps=150, learning_rate=1e-2, betas=betas, progress=False)
    after = mmd2(model.posterior(x).sample(), model.prior().sample((256,)))
    assert after < 0.15 * before


def test_one_player_or_two():
    assert MODELS["mmd"](SHAPE, 2).turns() == ("model",)
    assert list(MODELS["kl"](SHAPE, 2).losses(images(4))) == ["model"]
    assert MODELS["jsd"](SHAPE, 2, critic_turns=2).turns() == ("critic", "critic", "model")
    assert set(MODELS["aae"](SHAPE, 2).losses(images(4))) == {"model", "critic"}


def test_they_are_vaes(build):
    model = moved(build(SHAPE, 2, (8,)))
    plain, x = of_the_same_bricks(model, VAE), images(5)
    bounds = same_noise(lambda: model.elbo(x, 3), lambda: plain.elbo(x, 3))
    assert all(torch.equal(a, b) for a, b in zip(*bounds, strict=True))
    bounds = (lambda: model.importance_bound(x, 4), lambda: plain.importance_bound(x, 4))
    assert torch.equal(*same_noise(*bounds))
    assert model.sample(3).shape == (3, *SHAPE)
    assert model.reconstruct(x).shape == x.shape


def test_any_prior_can_be_matched(build):
    model = build(SHAPE, 2, (8,))
    model.prior = Flow(StandardGaussian(2), [moved(AffineAutoregressive(2, (8,)))])
    for player in model.players():
        assert torch.isfinite(model.loss(images(5), player))


def test_double_precision_works(build):
    model = build(SHAPE, 2, (8,)).double()
    assert all(v.dtype == torch.float64 for v in model.losses(images(5).double()).values())


def test_everything_follows_the_module_to_another_device(build, monkeypatch):
    model = build(SHAPE, 2, (8,)).to("meta")
    monkeypatch.setattr(model.likelihood, "check_event", lambda value, name: None)
    x = torch.empty(5, *SHAPE, device="meta")
    assert model.loss(x, "model").device.type == "meta"
    assert model.divergence(model.encode(x)).device.type == "meta"


def bricks():
    return (
        StandardGaussian(2),
        ConditionalBernoulli(mlp(2, (8,), 15), SHAPE),
        ConditionalGaussian(mlp(15, (8,), 4, flatten=3), 2),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, "alpha: expected at most 1"),
        ({"alpha": math.nan}, "alpha: expected"),
        ({"lambda_": -1.0}, "lambda_: expected at least .* = 1"),
        ({"alpha": 1.0, "lambda_": -0.1}, "lambda_: expected at least .* = 0"),
        ({"alpha": -1.0, "lambda_": 1.0}, "lambda_: expected at least .* = 2"),
        ({"lambda_": math.nan}, "lambda_: expected"),
        ({"lambda_": math.inf}, "lambda_: expected"),
        ({"divergence": "fisher"}, "divergence: expected one of mmd, kl, jsd"),
        ({"divergence": "jsd"}, "critic: expected one"),
        ({"critic": JSDCritic(nn.Linear(2, 1))}, "critic: expected .*none"),
        ({"critic_turns": 0}, "critic_turns: expected"),
    ],
)
def test_info_vae_refuses_settings_without_a_meaning(options, message):
    with pytest.raises(ValueError, match=message):
        InfoVAE(*bricks(), **options)


@pytest.mark.parametrize("name", ["weight", "kl_weight", "input_noise"])
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, "1"])
def test_the_adversarial_autoencoder_refuses_weights_that_are_none(name, bad):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        AdversarialAutoencoder.build(SHAPE, 2, **{name: bad})


@pytest.mark.parametrize("bad", [0, (), (8, 2.5)])
def test_a_critic_of_no_size_is_refused(bad):
    with pytest.raises(ValueError, match="critic_hidden: expected"):
        AdversarialAutoencoder.build(SHAPE, 2, critic_hidden=bad)


def test_one_example_is_no_sample_to_compare():
    with pytest.raises(ValueError, match="two examples or more for the MMD"):
        MODELS["mmd"](SHAPE, 2).loss(images(1), "model")


def test_a_batch_that_is_none_is_refused(build):
    model = build(SHAPE, 2)
    for player in model.players():
        with pytest.raises(ValueError, match=r"x: .*entries 0 and 1"):
            model.loss(images(5) + 0.5, player)
