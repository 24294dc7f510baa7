import itertools
import math

import pytest
import torch
from torch.distributions import kl_divergence

from course_lib.distributions import (
    ConditionalGaussian,
    ConditionalPixelCNN,
    Flow,
    StandardGaussian,
    mlp,
)
from course_lib.models import VAE, HierarchicalPixelVAE, PixelCNN, PixelVAE
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)
SIZES = {"hidden": (16,), "features": 4}
LATENT = {
    "standard": lambda shape=SHAPE, **k: PixelVAE.build(shape, 2, **SIZES, **k),
    "autoregressive": lambda shape=SHAPE, **k: PixelVAE.build(
        shape, 2, prior="autoregressive", **SIZES, **k
    ),
    "latent pixelcnn": lambda shape=SHAPE, **k: PixelVAE.build(
        shape, (1, 2, 2), prior="pixelcnn", **SIZES, **k
    ),
    "hierarchical": lambda shape=SHAPE, **k: HierarchicalPixelVAE.build(shape, 3, 2, **SIZES, **k),
}


@pytest.fixture(params=LATENT.values(), ids=LATENT)
def build(request):
    return request.param


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model


def images(n, shape=SHAPE):
    return torch.bernoulli(torch.full((n, *shape), 0.4))


def all_images(shape, dtype=torch.float64):
    entries = math.prod(shape)
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=entries)), dtype=dtype).view(
        -1, *shape
    )


def test_a_pixelcnn_has_an_exact_density_over_all_images():
    model = moved(PixelCNN.build((1, 3, 3), features=8, layers=2)).double().eval()
    total = model.log_prob(all_images((1, 3, 3))).exp().sum()
    assert abs(total.item() - 1) < 1e-12
    x = model.sample(5)
    assert x.shape == (5, 1, 3, 3)
    torch.testing.assert_close(model.losses(x)["model"], -model.log_prob(x).mean())


def test_a_pixelcnn_refuses_what_is_no_batch_of_bits():
    model = PixelCNN.build(SHAPE, features=4, layers=1)
    with pytest.raises(ValueError, match="expected entries 0 and 1"):
        model.log_prob(torch.full((2, *SHAPE), 0.5))
    with pytest.raises(ValueError, match=r"x: expected shape \(batch, 1, 3, 5\)"):
        model.losses(images(2, (1, 5, 3)))


def test_pieces_of_the_bound_add_up(build):
    model = moved(build())
    bound = model.elbo(images(7), samples=3)
    torch.testing.assert_close(bound.total, bound.reconstruction - bound.kl)
    assert {piece.shape for piece in bound} == {torch.Size([7])}
    assert model.importance_bound(images(7), 4).shape == (7,)
    assert model.sample(3).shape == (3, *SHAPE)


def test_the_loss_is_minus_the_mean_bound(build):
    model, x = moved(build()), images(7)
    torch.manual_seed(1)
    losses = model.losses(x)
    torch.manual_seed(1)
    assert list(losses) == ["model"]
    torch.testing.assert_close(losses["model"], -model.elbo(x).total.mean())


def test_an_example_is_scored_by_itself(build):
    model, x = moved(build()), images(5).requires_grad_()
    for bound in (*model.elbo(x, samples=2), model.importance_bound(x, 3)):
        slopes = torch.autograd.grad(bound[1], x, retain_graph=True)[0].flatten(1).abs().sum(1)
        assert slopes[1] > 0
        assert slopes[[0, 2, 3, 4]].sum() == 0


def test_every_parameter_learns(build):
    model = moved(build(layers=2))
    model.losses(images(7))["model"].backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_the_importance_bound_starts_at_the_elbo_and_rises(build):
    model, x = moved(build(), 0.12), images(4).repeat(500, 1, 1, 1)
    elbo = model.elbo(x).total.unflatten(0, (500, 4))
    one = model.importance_bound(x, 1).unflatten(0, (500, 4))
    many = model.importance_bound(x, 16).unflatten(0, (500, 4))
    error = ((elbo.var(0) + one.var(0)) / 500).sqrt()
    assert ((elbo.mean(0) - one.mean(0)).abs() < 5 * error).all()
    assert (many.mean(0) > one.mean(0)).all()


def test_importance_weights_of_all_images_sum_to_one(build):
    """E_q[p(x,z)/q(z|x)] = p(x) for every x, and the probabilities of all x add up to one."""
    model, x = moved(build(shape=(1, 2, 2)), 0.12), all_images((1, 2, 2), torch.float32)
    log_prob = model.importance_bound(x, 20_000)
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=0.02)
    assert log_prob.std() > 0.01


def test_independent_pixels_are_left_when_there_is_no_autoregressive_layer():
    model, x = moved(PixelVAE.build(SHAPE, 2, layers=0, **SIZES)), images(5)
    p = model.likelihood(model.posterior(x).sample())
    assert torch.equal(p.conditionals(x).logits, p.conditionals(1 - x).logits)
    assert isinstance(model, VAE)


def test_the_parent_without_z_is_the_same_net_with_z_zero():
    model, x = moved(PixelVAE.build(SHAPE, 2, layers=1, **SIZES)), images(5)
    without = PixelCNN(model.likelihood)
    zero = model.likelihood.network(x, torch.zeros(5, 4, 3, 5))
    torch.testing.assert_close(without.brick().conditionals(x).logits, zero, rtol=1e-6, atol=1e-6)
    without.losses(x)["model"].backward()
    assert all(p.grad is None for p in model.likelihood.decoder.parameters())


def test_the_rate_is_exact_for_the_standard_prior_and_estimated_for_the_autoregressive_one():
    model, x = moved(PixelVAE.build(SHAPE, 2, **SIZES)), images(5)
    assert torch.equal(model.elbo(x).kl, kl_divergence(model.posterior(x), model.prior()))
    model = moved(PixelVAE.build(SHAPE, 2, prior="autoregressive", **SIZES), 0.5)
    assert isinstance(model.prior, Flow)
    q = model.posterior(x)
    z = q.sample((5_000,))
    log_ratio = q.log_prob(z) - model.prior().log_prob(z)
    error = (2 * log_ratio.var(0) / 5_000).sqrt()
    assert ((model.elbo(x, 5_000).kl - log_ratio.mean(0)).abs() < 5 * error).all()


def test_the_autoregressive_prior_starts_at_the_standard_one_and_is_autoregressive():
    z = torch.randn(7, 4)
    prior = PixelVAE.build(SHAPE, 4, prior="autoregressive", **SIZES).prior
    torch.testing.assert_close(prior().log_prob(z), StandardGaussian(4)().log_prob(z))
    slopes = torch.autograd.functional.jacobian(
        lambda z: moved(prior, 0.8).transforms[-1].inverse(z)[0], z[0]
    )
    assert slopes.tril(-1).abs().sum() > 0 or slopes.triu(1).abs().sum() > 0
    assert torch.equal(prior.transforms[0].sequence, torch.arange(4))
    assert torch.equal(prior.transforms[1].sequence, torch.arange(4).flip(0))


def test_the_prior_over_a_map_starts_at_the_standard_one_and_sees_the_places_before():
    z = torch.randn(7, 2, 2, 3)
    prior = PixelVAE.build(SHAPE, (2, 2, 3), prior="pixelcnn", **SIZES).prior
    torch.testing.assert_close(prior().log_prob(z), StandardGaussian((2, 2, 3))().log_prob(z))
    over_map, _ = moved(prior, 0.8).transforms
    assert over_map.event_shape == (2, 2, 3)
    slopes = torch.autograd.functional.jacobian(
        lambda z: prior().transforms[0].inverse(z.flatten())[0], z[0]
    )
    raster = slopes.view(2, 6, 2, 6).permute(1, 0, 3, 2).reshape(12, 12)  # channels last
    assert raster.triu(1).abs().max() == 0
    assert raster.diagonal().abs().min() > 0
    assert (raster.tril(-1) != 0).sum() > 40


def test_a_place_of_a_latent_map_tells_of_its_own_part_of_the_image():
    model = moved(PixelVAE.build((1, 8, 8), (2, 4, 4), **SIZES))
    z = torch.randn(9, 2, 4, 4, requires_grad=True)
    features = model.likelihood.decoder(z)
    assert features.shape == (9, 4, 8, 8)
    for row, column in ((0, 0), (3, 6), (7, 7)):
        slope = torch.autograd.grad(features[..., row, column].sum(), z, retain_graph=True)[0]
        seen = slope.abs().amax((0, 1))
        assert seen[row // 2, column // 2] > 0
        assert seen[3 - row // 2, 3 - column // 2] == 0
        alone = torch.autograd.grad(features[1].sum(), z, retain_graph=True)[0]
        assert alone[[0, *range(2, 9)]].abs().max() == 0


@pytest.mark.parametrize("prior", ["standard", "autoregressive", "pixelcnn"])
def test_every_prior_of_a_latent_map_is_over_the_map(prior):
    model = moved(PixelVAE.build(SHAPE, (2, 1, 2), prior=prior, **SIZES))
    assert model.prior().sample((3,)).shape == (3, 2, 1, 2)
    assert model.posterior(images(5)).rsample((4,)).shape == (4, 5, 2, 1, 2)
    assert model.reconstruct(images(5)).shape == (5, *SHAPE)


def test_in_warm_up_the_divergence_counts_in_part_and_outside_training_in_full(build):
    model, x = moved(build(warm_up=4), 0.15), images(5)
    for weight in (0.25, 0.5, 0.75, 1.0, 1.0):
        torch.manual_seed(1)
        loss = model.losses(x)["model"]
        torch.manual_seed(1)
        bound = model.elbo(x)
        torch.testing.assert_close(loss, -(bound.reconstruction - weight * bound.kl).mean())
    fresh = moved(build(warm_up=4), 0.15).eval()
    torch.manual_seed(1)
    loss = fresh.losses(x)["model"]
    torch.manual_seed(1)
    torch.testing.assert_close(loss, -fresh.elbo(x).total.mean())
    assert fresh.warm_up.steps == 0
    again = build(warm_up=4)
    again.load_state_dict(model.state_dict())
    assert again.warm_up.steps == 5


def test_a_reconstruction_is_a_draw_and_not_a_mean():
    model, x = moved(PixelVAE.build(SHAPE, 2, **SIZES)), images(5)
    back = model.reconstruct(x)
    assert back.shape == x.shape
    assert torch.equal(back, back.square())


def hierarchy_of_gaussians():
    """The hierarchy from bricks, with a Gaussian p(z1|z2)."""
    return HierarchicalPixelVAE(
        StandardGaussian(2),
        ConditionalGaussian(torch.nn.Linear(2, 6), 3),
        ConditionalPixelCNN(SHAPE, 4, 1, context_features=4, decoder=_map()),
        ConditionalGaussian(mlp(15, (), 6, flatten=3), 3),
        ConditionalGaussian(torch.nn.Linear(3, 4), 2),
    )


def test_the_hierarchy_has_the_three_terms_of_its_slide():
    model, x = moved(hierarchy_of_gaussians(), 0.5), images(4)
    with torch.no_grad():  # scales that do not depend on a latent: light tails
        model.z1_prior.network.weight[3:].zero_()
        model.z2_posterior.network.weight[2:].zero_()
    samples = 4_000
    torch.manual_seed(1)
    pieces = model.elbo_terms(x, samples)
    q1 = model.posterior(x)
    z1 = q1.sample((samples,))
    q2 = model.z2_posterior(z1)
    z2 = q2.sample()
    terms = (
        model.likelihood(z1).log_prob(x),
        q1.log_prob(z1) - model.z1_prior(z2).log_prob(z1),
        q2.log_prob(z2) - model.prior().log_prob(z2),
    )
    for piece, term in zip(pieces[1:], terms, strict=True):
        error = (2 * term.var(0) / samples).sqrt()
        assert ((piece - term.mean(0)).abs() < 5 * error).all()
    torch.testing.assert_close(pieces.total, pieces[1] - pieces[2] - pieces[3])
    assert (pieces.kl_z1.abs() > 0.1).any()
    assert (pieces.kl_z2 > 0).all()


def test_the_divergence_of_the_top_latent_needs_no_noise_of_its_own():
    model, x = moved(HierarchicalPixelVAE.build(SHAPE, 3, 2, **SIZES)), images(5)
    torch.manual_seed(3)
    z1 = model.posterior(x).rsample((1,))
    torch.manual_seed(3)
    expected = kl_divergence(model.z2_posterior(z1), model.prior())[0]
    torch.testing.assert_close(model.elbo_terms(x).kl_z2, expected)


def test_the_encoder_learns_from_the_divergence_of_the_top_latent():
    model, x = moved(HierarchicalPixelVAE.build(SHAPE, 3, 2, **SIZES)), images(5)
    model.elbo_terms(x).kl_z2.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.posterior.parameters())


def test_a_sample_of_the_hierarchy_passes_from_z2_through_z1_to_the_pixels():
    """z1 is a copy of z2, and its sign decides whether an image is all ones or all zeros."""
    z1_prior = torch.nn.Linear(1, 2)
    likelihood = ConditionalPixelCNN((1, 2, 3), 1, 0, context_features=1, decoder=Spread())
    model = HierarchicalPixelVAE(
        StandardGaussian(1),
        ConditionalGaussian(z1_prior, 1),
        likelihood,
        ConditionalGaussian(mlp(6, (), 2, flatten=3), 1),
        ConditionalGaussian(torch.nn.Linear(1, 2), 1),
    )
    with torch.no_grad():
        z1_prior.weight.copy_(torch.tensor([[1.0], [0.0]]))
        z1_prior.bias.copy_(torch.tensor([0.0, -20.0]))
        network = likelihood.network
        network.from_place.weight.zero_()
        for layer, weight, bias in (
            (network.from_z, 1.0, None),
            (network.from_place, 0.0, 1e4),
            (network.head[1], 1.0, 0.0),
            (network.head[3], 1.0, -1e4),
        ):
            layer.weight.fill_(weight)
            if bias is not None:
                layer.bias.fill_(bias)
    share = model.sample(2_000).flatten(1).mean(1)
    assert ((share == 0) | (share == 1)).float().mean() > 0.95
    assert 0.4 < share.mean() < 0.6


class Spread(torch.nn.Module):
    """A thousand times z at every place."""

    def forward(self, z):
        return 1000 * z[..., None, None].expand(*z.shape, 2, 3)


def test_the_middle_of_the_hierarchy_is_autoregressive_and_depends_on_the_top():
    model = moved(HierarchicalPixelVAE.build(SHAPE, 3, 2, **SIZES), 0.8)
    z1, z2 = torch.randn(6, 3), torch.randn(6, 2, requires_grad=True)
    log_prob = model.z1_prior(z2).log_prob(z1)
    assert torch.autograd.grad(log_prob.sum(), z2)[0].abs().sum() > 0
    (maf,) = model.z1_prior.transforms
    features = model.z1_prior.encoder(z2[0].detach())
    steered = torch.autograd.functional.jacobian(lambda c: maf.conditioner(z1[0], c)[0], features)
    assert (steered.abs().sum(1) > 0).all()
    slopes = torch.autograd.functional.jacobian(lambda z: maf.conditioner(z, features)[0], z1[0])
    assert slopes.triu().abs().sum() == 0
    assert slopes.tril(-1).abs().sum() > 0


def test_a_hierarchy_that_collapsed_has_the_likelihood_alone():
    """q(z1|x) = p(z1|z2) and q(z2|z1) = p(z2): both terms vanish."""
    model = hierarchy_of_gaussians()
    for brick in (model.z1_prior, model.posterior, model.z2_posterior):
        for parameter in brick.parameters():
            torch.nn.init.zeros_(parameter)
    pieces = model.elbo_terms(images(5), samples=4)
    torch.testing.assert_close(pieces.kl_z1, torch.zeros(5))
    torch.testing.assert_close(pieces.kl_z2, torch.zeros(5))


def _map():
    return torch.nn.Sequential(torch.nn.Linear(3, 60), torch.nn.Unflatten(-1, (4, 3, 5)))


def test_latents_of_different_size_are_refused():
    bricks = [
        StandardGaussian(2),
        ConditionalGaussian(torch.nn.Linear(2, 6), 3),
        ConditionalPixelCNN(SHAPE, 4, 1, context_features=4, decoder=_map()),
        ConditionalGaussian(mlp(15, (), 6, flatten=3), 3),
        ConditionalGaussian(torch.nn.Linear(3, 4), 2),
    ]
    for place, name in ((3, "posterior"), (4, "z2_posterior")):
        wrong = [*bricks]
        wrong[place] = ConditionalGaussian(torch.nn.Linear(3, 8), 4)
        with pytest.raises(ValueError, match=f"^{name}: expected events of shape"):
            HierarchicalPixelVAE(*wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": "normal"}, "prior: expected standard, autoregressive or pixelcnn, got 'normal'"),
        ({"prior": "pixelcnn"}, r"prior: expected z_dim = \(channels, height, width\), a map"),
        ({"z_dim": (2, 2)}, r"z_dim: expected a number of dimensions or .*, got \(2, 2\)"),
        ({"z_dim": (2, 0, 2)}, "z_dim: expected a positive integer or a tuple"),
        ({"layers": -1}, "layers: expected an integer of at least 0"),
        ({"features": 0}, "features: expected a positive integer"),
        ({"warm_up": -1}, "warm_up: expected an integer of at least 0, got -1"),
        ({"z_dim": 0}, "z_dim: expected a positive integer"),
        ({"x_shape": 15}, r"x_shape: expected \(channels, height, width\), got 15"),
    ],
)
def test_wrong_sizes_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        PixelVAE.build(**{"x_shape": SHAPE, "z_dim": 2, **options})


@pytest.mark.parametrize("bound", [lambda m, x: m.elbo(x), lambda m, x: m.importance_bound(x, 2)])
def test_batches_of_something_else_are_refused(build, bound):
    model = build()
    for wrong, message in (
        (images(2, (1, 5, 3)), r"x: expected shape \(batch, 1, 3, 5\)"),
        (torch.full((2, *SHAPE), math.nan), "x: expected finite values"),
        (images(0), "x: expected at least one example"),
    ):
        with pytest.raises(ValueError, match=message):
            bound(model, wrong)
    with pytest.raises(ValueError, match="expected a positive integer, got 0"):
        model.elbo(images(2), samples=0)


@pytest.mark.parametrize("kind", [*LATENT, "pixelcnn"])
def test_training_lowers_the_loss_on_what_it_has_seen(kind):
    x = images(1).expand(20, *SHAPE).clone()
    torch.manual_seed(0)
    model = LATENT[kind]() if kind in LATENT else PixelCNN.build(SHAPE, features=4, layers=2)
    before = model.losses(x)["model"].item()
    fit(model, x, steps=60, batch_size=20, learning_rate=0.02, progress=False)
    assert model.losses(x)["model"].item() < 0.5 * before
