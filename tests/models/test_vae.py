import math

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence

from course_lib.distributions import (
    AffineAutoregressive,
    ConditionalBernoulli,
    ConditionalGaussian,
    Flow,
    StandardGaussian,
    mlp,
)
from course_lib.models import VAE, FlowPosteriorVAE
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)
BUILDERS = {
    "vae": VAE.build,
    "planar": lambda *a, **k: FlowPosteriorVAE.build(*a, flow="planar", **k),
    "iaf": lambda *a, **k: FlowPosteriorVAE.build(*a, flow="iaf", **k),
}


@pytest.fixture(params=BUILDERS.values(), ids=BUILDERS)
def build(request):
    return request.param


def moved(model, scale=0.3):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model


def images(n, shape=SHAPE):
    return torch.bernoulli(torch.full((n, *shape), 0.4))


def test_pieces_of_the_bound_add_up(build):
    model = moved(build(SHAPE, 2, (16,)))
    bound = model.elbo(images(7), samples=3)
    assert torch.equal(bound.total, bound.reconstruction - bound.kl)
    assert {piece.shape for piece in bound} == {torch.Size([7])}
    assert model.importance_bound(images(7), 4).shape == (7,)


def test_the_loss_is_minus_the_mean_bound(build):
    model, x = moved(build(SHAPE, 2, (16,))), images(7)
    torch.manual_seed(1)
    losses = model.losses(x)
    torch.manual_seed(1)
    assert list(losses) == ["model"]
    assert torch.equal(losses["model"], -model.elbo(x).total.mean())


def test_an_example_is_scored_by_itself(build):
    model, x = moved(build(SHAPE, 2, (16,))), images(5).requires_grad_()
    for bound in (*model.elbo(x, samples=2), model.importance_bound(x, 3)):
        slopes = torch.autograd.grad(bound[1], x, retain_graph=True)[0].flatten(1).abs().sum(1)
        assert slopes[1] > 0
        assert slopes[[0, 2, 3, 4]].sum() == 0


def test_the_rate_of_a_gaussian_posterior_is_exact_and_needs_no_noise():
    model, x = moved(VAE.build(SHAPE, 2, (16,))), images(5)
    rate = kl_divergence(model.posterior(x), model.prior())
    assert torch.equal(model.elbo(x).kl, rate)
    assert torch.equal(model.elbo(x, samples=4).kl, rate)


class Twice(nn.Module):
    """Two copies of a network's output side by side, or the first half of its input."""

    def __init__(self, network, of_input):
        super().__init__()
        self.network, self.of_input = network, of_input

    def forward(self, value):
        if self.of_input:
            return self.network(value[..., : SHAPE[1], :])
        return self.network(value).repeat_interleave(2, -1).unflatten(-1, (-1, 2)).mT.flatten(-2)


def test_two_copies_of_an_image_count_twice():
    """Sums over pixels, not means: the balance of the two terms follows the size of the image."""
    one = moved(VAE.build(SHAPE, 2, (16,)))
    two = VAE(
        one.prior,
        ConditionalBernoulli(Twice(one.likelihood.network, of_input=False), (1, 6, 5)),
        ConditionalGaussian(Twice(one.posterior.network, of_input=True), 2),
    )
    x, bounds = images(5), []
    for model, value in ((one, x), (two, torch.cat((x, x), 2))):
        torch.manual_seed(1)
        bounds.append(model.elbo(value))
    torch.testing.assert_close(bounds[1].reconstruction, 2 * bounds[0].reconstruction)
    assert torch.equal(bounds[1].kl, bounds[0].kl)


def evidence_by_quadrature(model, x):
    axis = torch.linspace(-7, 7, 141, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    log_joint = model.likelihood(z[:, None]).log_prob(x) + model.prior().log_prob(z)[:, None]
    return log_joint.logsumexp(0) + 2 * (axis[1] - axis[0]).log()


def test_bounds_lie_below_the_exact_evidence(build):
    """Identity 1 and 14 for a trained model: log p(x) by quadrature over a 2-D latent space."""
    model = build(6, 2, (16,)).double()
    corner = torch.bernoulli(torch.rand(4, 6)).double()
    x = corner[torch.randint(4, (400,))]
    x = (x + torch.bernoulli(torch.full_like(x, 0.1))) % 2
    fit(model, x, steps=150, learning_rate=1e-2, progress=False)
    with torch.no_grad():
        held_out = x[:9]
        evidence = evidence_by_quadrature(model, held_out)
        draws = torch.stack([model.elbo(held_out, samples=50).total for _ in range(40)])
        error = draws.std(0) / math.sqrt(len(draws))
        gap = evidence - draws.mean(0)
        importance = model.importance_bound(held_out, 5000)
    assert (gap > -5 * error).all()
    assert gap.mean() > 0
    torch.testing.assert_close(importance, evidence, rtol=0, atol=0.1)
    assert importance.mean() > draws.mean()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("x_shape", [6, (1, 3, 5), (2, 3)])
@pytest.mark.parametrize("n", [1, 4])
def test_samples_are_observations(build, likelihood, x_shape, n):
    model = build(x_shape, 2, (16,), likelihood)
    x = model.sample(n)
    event = (x_shape,) if isinstance(x_shape, int) else x_shape
    assert x.shape == (n, *event)
    assert not x.requires_grad
    assert model.elbo(x).total.shape == (n,)
    assert model.reconstruct(x).shape == x.shape
    if likelihood == "bernoulli":
        assert torch.equal(x, x.square())
        assert ((model.reconstruct(x) > 0) & (model.reconstruct(x) < 1)).all()


def test_samples_follow_prior_and_likelihood():
    model = moved(VAE.build(4, 2, (8,)), 0.8)
    with torch.no_grad():
        expected = model.likelihood(model.prior().sample((20_000,))).mean.mean(0)
    assert (model.sample(20_000).mean(0) - expected).abs().max() < 5 * 0.5 * math.sqrt(2 / 20_000)


def test_a_gaussian_likelihood_learns_the_scale_of_the_data():
    model = VAE.build(3, 1, (8,), "gaussian")
    fit(model, 0.05 * torch.randn(500, 3), steps=300, learning_rate=2e-2, progress=False)
    assert model.sample(2000).std().item() == pytest.approx(0.05, rel=0.3)


def test_any_brick_fits_where_the_events_do():
    prior = Flow(StandardGaussian(2), [moved(AffineAutoregressive(2, (8,)))])
    model = VAE(
        prior,
        ConditionalBernoulli(mlp(2, (8,), 15), SHAPE),
        ConditionalGaussian(mlp(15, (8,), 4, flatten=3), 2),
    )
    assert model.elbo(images(5)).total.shape == (5,)
    assert model.importance_bound(images(5), 3).shape == (5,)
    assert model.sample(3).shape == (3, *SHAPE)


def test_prior_and_posterior_must_agree_on_z():
    with pytest.raises(ValueError, match=r"posterior: .*\(2,\).*\(3,\)"):
        VAE(
            StandardGaussian(2),
            ConditionalBernoulli(nn.Linear(2, 6), 6),
            ConditionalGaussian(nn.Linear(6, 6), 3),
        )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        *[({"x_shape": bad}, "x_shape") for bad in (0, -1, 2.5, True, None, (), (3, 0), "784")],
        *[({"z_dim": bad}, "z_dim") for bad in (0, -1, 2.5, True, None, (2, 3))],
        *[({"hidden": bad}, "hidden") for bad in (0, (), (8, 0), (8, 2.5), (True,), None)],
        ({"likelihood": "poisson"}, "likelihood"),
        ({"likelihood": None}, "likelihood"),
    ],
)
def test_unknown_sizes_and_names_are_refused(build, arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        build(**{"x_shape": SHAPE, "z_dim": 2, "hidden": (8,), **arguments})


@pytest.mark.parametrize("method", ["elbo", "importance_bound", "reconstruct", "losses"])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (images(5, (3, 1, 5)), ValueError, "x: expected shape"),
        (images(5).flatten(1), ValueError, "x: expected shape"),
        (images(1)[0], ValueError, "x: expected shape"),
        (images(5).int(), TypeError, "x: expected a floating-point"),
        (images(5).double(), TypeError, "x: expected torch.float32"),
        (images(5).numpy(), TypeError, "x: expected a floating-point"),
        (images(5) * 0.5 + 0.2, ValueError, "x: .*entries 0 and 1"),
        (images(5).index_fill(0, torch.tensor(3), math.nan), ValueError, "x: .*finite"),
        (images(0), ValueError, "x: .*empty batch"),
    ],
)
def test_what_the_likelihood_cannot_produce_is_refused(build, method, x, error, message):
    model = build(SHAPE, 2, (8,))
    arguments = (3,) if method == "importance_bound" else ()
    with pytest.raises(error, match=message):
        getattr(model, method)(x, *arguments)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_a_number_of_samples_that_is_none_is_refused(build, bad):
    model = build(SHAPE, 2, (8,))
    with pytest.raises(ValueError, match="samples: expected a positive integer"):
        model.elbo(images(5), samples=bad)
    with pytest.raises(ValueError, match="k: expected a positive integer"):
        model.importance_bound(images(5), bad)


def test_everything_follows_the_module_to_another_device(build, monkeypatch):
    """The device "meta" holds no data and refuses to mix: a stray CPU tensor would be an error."""
    model = build(SHAPE, 2, (8,)).to("meta")
    monkeypatch.setattr(model.likelihood, "check_event", lambda value, name: None)
    x = torch.empty(5, *SHAPE, device="meta")
    for result in (*model.elbo(x, samples=2), model.importance_bound(x, 3), model.sample(4)):
        assert result.device.type == "meta"


def test_a_model_can_be_built_on_another_device():
    with torch.device("meta"):
        model = VAE.build(SHAPE, 2, (8,))
    assert {t.device.type for t in (*model.parameters(), *model.buffers())} == {"meta"}


def test_weights_are_all_of_the_state(build):
    first, second = moved(build(SHAPE, 2, (8,))), build(SHAPE, 2, (8,))
    second.load_state_dict(first.state_dict())
    bounds, x = [], images(5)
    for model in (first, second):
        torch.manual_seed(1)
        bounds.append(model.elbo(x).total)
    assert torch.equal(*bounds)


def test_every_parameter_learns(build):
    model = moved(build(SHAPE, 2, (8, 9)))
    model.losses(images(64))["model"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
