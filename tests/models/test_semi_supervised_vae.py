import math

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence

from course_lib.distributions import (
    Brick,
    ConditionalBernoulli,
    ConditionalGaussian,
    StandardGaussian,
    mlp,
)
from course_lib.distributions.codes import (
    ConditionalCategorical,
    OneHotCategorical,
    UniformCategorical,
)
from course_lib.models import VAE, SemiSupervisedVAE
from course_lib.models.semi_supervised_vae import UNLABELLED
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE, CLASSES = (1, 2, 3), 4


def build(scale=0.3, shape=SHAPE, classes=CLASSES, **options):
    model = SemiSupervisedVAE.build(shape, classes, 2, (8,), **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model


def images(n=5, shape=SHAPE):
    return torch.bernoulli(torch.full((n, *shape), 0.4))


def with_noise(function, *arguments, seed=1):
    torch.manual_seed(seed)
    return function(*arguments)


def labels(*values):
    return torch.tensor(values)


class SkewedPrior(Brick):
    """p(y) in which classes are not equally likely."""

    def __init__(self, logits):
        super().__init__(len(logits))
        self.register_buffer("logits", torch.tensor(logits))

    def forward(self, context=None):
        return OneHotCategorical(self.logits)


def without_z(prior=None, classes=3):
    """A model whose likelihood ignores z and whose q(z|x,y) is p(z): every sum is a finite one."""
    model = SemiSupervisedVAE(
        StandardGaussian(2),
        UniformCategorical(classes) if prior is None else prior,
        ConditionalBernoulli(nn.Linear(2 + classes, 4), 4),
        ConditionalGaussian(nn.Linear(4 + classes, 4), 2),
        ConditionalCategorical(nn.Linear(4, classes), classes),
    )
    with torch.no_grad():
        model.posterior.network.weight.zero_()
        model.posterior.network.bias.zero_()
        model.likelihood.network.weight[:, :2] = 0
        model.likelihood.network.weight[:, 2:] = torch.randn(4, classes)
    return model.double()


@pytest.mark.parametrize("skewed", [False, True])
class TestOnFiniteTables:
    """Without z, U(x) is the ELBO of the one latent y, and log p(x) a sum of three terms."""

    def tables(self, skewed):
        model = without_z(SkewedPrior([0.5, -1.0, 1.5]) if skewed else None)
        x = images(5, (4,)).double()
        log_p_y = model.class_prior().logits
        context = torch.cat([torch.zeros(3, 2), torch.eye(3)], 1).double()
        log_p_x_given_y = model.likelihood(context).log_prob(x[:, None])
        return model, x, log_p_y + log_p_x_given_y

    def test_the_unlabelled_bound_is_the_elbo_of_the_joint_latent(self, skewed):
        model, x, log_joint = self.tables(skewed)
        q = model.classifier(x)
        expected = (q.mean * (log_joint - q.logits)).sum(-1)
        torch.testing.assert_close(model.elbo(x).total, expected, rtol=0, atol=1e-12)

    def test_its_gap_is_the_kl_to_the_posterior_of_y(self, skewed):
        model, x, log_joint = self.tables(skewed)
        log_px = log_joint.logsumexp(-1)
        q = model.classifier(x)
        gap = (q.mean * (q.logits - (log_joint - log_px[:, None]))).sum(-1)
        torch.testing.assert_close(model.elbo(x).total + gap, log_px, rtol=0, atol=1e-12)

    def test_the_labelled_bound_is_the_joint(self, skewed):
        model, x, log_joint = self.tables(skewed)
        y = labels(0, 2, 1, 1, 0)
        truth = log_joint.gather(1, y[:, None]).squeeze(1)
        torch.testing.assert_close(model.elbo(x, y).total, truth, rtol=0, atol=1e-12)
        torch.testing.assert_close(model.importance_bound(x, 3, y), truth, rtol=0, atol=1e-12)

    def test_the_importance_bound_sums_over_y_exactly(self, skewed):
        model, x, log_joint = self.tables(skewed)
        truth = log_joint.logsumexp(-1)
        torch.testing.assert_close(model.importance_bound(x, 2), truth, rtol=0, atol=1e-12)

    def test_the_kl_is_that_of_y(self, skewed):
        model, x, _ = self.tables(skewed)
        q, p = model.classifier(x), model.class_prior()
        expected = (q.mean * (q.logits - p.logits)).sum(-1)
        torch.testing.assert_close(model.elbo(x).kl, expected, rtol=0, atol=1e-12)


def test_the_unlabelled_bound_weighs_labelled_bounds_and_adds_the_entropy():
    """U(x) = sum_y q(y|x) L(x, y) + H(q(y|x)), each L(x, y) asked for by its label."""
    model, x = build().double(), images().double()
    apart = [with_noise(model.elbo, x, torch.full((5,), y)).total for y in range(CLASSES)]
    q = model.classifier(x)
    expected = (q.mean * torch.stack(apart, 1)).sum(-1) + q.entropy()
    torch.testing.assert_close(with_noise(model.elbo, x).total, expected)


def test_a_labelled_bound_is_the_bound_of_a_conditional_vae():
    """L(x, y) - log p(y) is the ELBO of p(x|z) = p(x|y,z) with q(z|x,y)."""
    model, x = build().double(), images(4000).double()
    y = torch.arange(4000) % CLASSES
    bound = model.elbo(x, y)
    one_hot = torch.eye(CLASSES).double()[y]
    q = model.posterior(torch.cat([x.flatten(1), one_hot], 1))
    rate = kl_divergence(q, model.prior())
    torch.testing.assert_close(bound.kl, rate + math.log(CLASSES))
    reconstruction = model.likelihood(torch.cat([q.sample(), one_hot], 1)).log_prob(x)
    difference = bound.reconstruction - reconstruction
    assert difference.mean().abs() < 5 * difference.std() / math.sqrt(4000)


def test_labelled_and_unlabelled_examples_share_a_batch():
    model, x = build(), images(6)
    y = labels(2, UNLABELLED, 0, UNLABELLED, UNLABELLED, 3)
    mixed = with_noise(model.elbo, x, y)
    known = with_noise(model.elbo, x, y.clamp(min=0))
    unknown = with_noise(model.elbo, x)
    for both, one, other in zip(mixed, known, unknown, strict=True):
        torch.testing.assert_close(both, torch.where(y >= 0, one, other))
    bound = with_noise(model.importance_bound, x, 3, y)
    torch.testing.assert_close(
        bound[y < 0], with_noise(model.importance_bound, x, 3)[y < 0], rtol=0, atol=0
    )
    torch.testing.assert_close(
        bound[5], with_noise(model.importance_bound, x, 3, labels(0, 0, 0, 0, 0, 3))[5]
    )


def test_pieces_of_the_bound_add_up():
    bound = build().elbo(images(7), samples=3)
    assert torch.equal(bound.total, bound.reconstruction - bound.kl)
    assert {piece.shape for piece in bound} == {torch.Size([7])}


def test_the_loss_adds_the_classification_term_at_labelled_examples_only():
    model, x = build(alpha=0.7), images(6)
    y = labels(2, UNLABELLED, 0, UNLABELLED, UNLABELLED, 3)
    known = y >= 0
    log_q = model.classifier(x).logits[known].gather(1, y[known, None]).sum()
    expected = with_noise(model.elbo, x, y).total.sum() + 0.7 * log_q
    loss = with_noise(model.losses, {"x": x, "label": y})
    assert list(loss) == ["model"]
    torch.testing.assert_close(loss["model"], -expected / 6)


def test_without_alpha_a_label_teaches_the_classifier_nothing():
    model = build(alpha=0.0)
    model.losses({"x": images(5), "label": torch.full((5,), 2)})["model"].backward()
    assert all(not p.grad.any() for p in model.classifier.parameters())
    model.losses({"x": images(5), "label": torch.full((5,), UNLABELLED)})["model"].backward()
    assert any(p.grad.any() for p in model.classifier.parameters())


def test_with_one_class_it_is_a_vae():
    """y has nothing to say; the VAE's nets are those at y = (1)."""
    model, x = build(classes=1).double(), images(2000).double()

    class At(nn.Module):
        def __init__(self, network, flatten):
            super().__init__()
            self.network, self.flatten = network, flatten

        def forward(self, value):
            value = value.flatten(-3) if self.flatten else value
            return self.network(torch.cat([value, torch.ones_like(value[..., :1])], -1))

    vae = VAE(
        model.prior,
        ConditionalBernoulli(At(model.likelihood.network, False), SHAPE),
        ConditionalGaussian(At(model.posterior.network, True), 2),
    )
    assert torch.allclose(model.elbo(x).kl, vae.elbo(x).kl)
    difference = model.importance_bound(x, 100) - vae.importance_bound(x, 100)
    assert difference.mean().abs() < 5 * difference.std() / math.sqrt(2000)


def test_bounds_lie_below_the_exact_evidence():
    """log p(x) by quadrature over z and a sum over y."""
    model, x = build(0.3).double(), images().double()
    axis = torch.linspace(-7, 7, 121, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    weight = 2 * (axis[1] - axis[0]).log() + model.prior().log_prob(z)
    per_class = []
    for y in torch.eye(CLASSES).double():
        context = torch.cat([z, y.expand(len(z), -1)], 1)[:, None]
        log_likelihood = model.likelihood(context).log_prob(x)
        per_class.append((log_likelihood + weight[:, None]).logsumexp(0) - math.log(CLASSES))
    log_joint = torch.stack(per_class, 1)
    evidence = log_joint.logsumexp(-1)
    with torch.no_grad():
        draws = torch.stack([model.elbo(x, samples=50).total for _ in range(20)])
        assert (draws.mean(0) < evidence + 5 * draws.std(0) / math.sqrt(20)).all()
        torch.testing.assert_close(model.importance_bound(x, 20_000), evidence, rtol=0, atol=0.05)
        y = labels(0, 1, 2, 3, 0)
        joint = log_joint.gather(1, y[:, None]).squeeze(1)
        torch.testing.assert_close(model.importance_bound(x, 20_000, y), joint, rtol=0, atol=0.05)


def test_an_example_is_scored_by_itself():
    model, x = build(), images().requires_grad_()
    y = labels(UNLABELLED, UNLABELLED, 1, 0, 2)
    for score in (*model.elbo(x, y, samples=2), model.importance_bound(x, 3, y)):
        slopes = torch.autograd.grad(score[1], x, retain_graph=True)[0].flatten(1).abs().sum(1)
        assert slopes[1] > 0
        assert slopes[[0, 2, 3, 4]].sum() == 0


def test_samples_are_observations_of_the_class_asked_for():
    model = without_z()
    for y in range(3):
        share = model.sample(20_000, label=y).mean(0)
        context = torch.cat([torch.zeros(2), torch.eye(3)[y]]).double()
        assert (share - model.likelihood(context).mean).abs().max() < 5 * 0.5 / math.sqrt(20_000)
    context = torch.cat([torch.zeros(3, 2), torch.eye(3)], 1).double()
    mixture = model.likelihood(context).mean.mean(0)
    assert (model.sample(20_000).mean(0) - mixture).abs().max() < 5 * 0.5 / math.sqrt(20_000)
    assert build().sample(1).shape == (1, *SHAPE)


def test_classify_is_the_mode_of_the_classifier():
    model, x = build(), images(7)
    found = model.classify(x)
    assert found.dtype == torch.int64
    assert torch.equal(found, model.classifier(x).mean.argmax(-1))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_two_clusters_and_a_few_labels_are_enough(likelihood):
    y = torch.bernoulli(torch.full((400,), 0.5)).long()
    x = torch.where(y[:, None] == 1, 0.9, 0.1).expand(-1, 6)
    x = torch.bernoulli(x) if likelihood == "bernoulli" else x + 0.1 * torch.randn(400, 6)
    label = torch.full((400,), UNLABELLED)
    label[:20] = y[:20]
    model = SemiSupervisedVAE.build(6, 2, 1, (16,), likelihood, alpha=20.0)
    fit(model, {"x": x, "label": label}, steps=200, learning_rate=1e-2, progress=False)
    assert (model.classify(x) == y).float().mean() > 0.9


def test_every_parameter_learns():
    model = build()
    y = torch.arange(64) % (CLASSES + 1) - 1
    model.losses({"x": images(64), "label": y})["model"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize(
    ("label", "error", "message"),
    [
        (labels(0, 1, 2), ValueError, r"label: expected shape \(5,\)"),
        (torch.zeros(5, 1, dtype=torch.int64), ValueError, r"label: expected shape \(5,\)"),
        (labels(0, 1, 2, 3, 4), ValueError, "label: expected classes 0 to 3"),
        (labels(0, 1, 2, 3, -2), ValueError, "label: expected classes 0 to 3"),
        (torch.zeros(5), TypeError, "label: .*int64.*float32"),
        ([0, 1, 2, 3, 0], TypeError, "label: .*int64.*list"),
    ],
)
def test_what_is_no_label_is_refused(label, error, message):
    model = build()
    for call in (
        lambda: model.elbo(images(), label),
        lambda: model.importance_bound(images(), 3, label),
        lambda: model.losses({"x": images(), "label": label}),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (images(), "batch: expected a dictionary with x and label, got Tensor"),
        ({"x": images()}, "batch: expected a dictionary with x and label, got x"),
        ({}, "batch: expected a dictionary with x and label, got "),
    ],
)
def test_what_is_no_batch_is_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        build().losses(batch)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (images(5, (1, 3, 2)), ValueError, "x: expected shape"),
        (images(5) + 0.5, ValueError, "x: .*entries 0 and 1"),
        (images(5).double(), TypeError, "x: expected torch.float32"),
        (images(0), ValueError, "x: .*empty batch"),
        (images(5) / 0, ValueError, "x: .*finite"),
    ],
)
def test_what_the_likelihood_cannot_produce_is_refused(x, error, message):
    model = build()
    for method in (model.elbo, model.classify, lambda x: model.importance_bound(x, 3)):
        with pytest.raises(error, match=message):
            method(x)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"x_shape": ()}, "x_shape"),
        ({"classes": 0}, "classes"),
        ({"classes": 2.5}, "classes"),
        ({"z_dim": 0}, "z_dim"),
        ({"hidden": ()}, "hidden"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"alpha": -1.0}, "alpha"),
        ({"alpha": math.nan}, "alpha"),
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        SemiSupervisedVAE.build(**{"x_shape": SHAPE, "classes": 3, "z_dim": 2, **arguments})


@pytest.mark.parametrize("label", [-1, CLASSES, 1.5, "two"])
def test_a_sample_of_no_class_is_refused(label):
    with pytest.raises(ValueError, match="label: expected a class, 0 to 3"):
        build().sample(3, label=label)


def test_bricks_must_agree_on_z_and_y():
    bricks = {
        "prior": StandardGaussian(2),
        "class_prior": UniformCategorical(3),
        "likelihood": ConditionalBernoulli(mlp(5, (8,), 4), 4),
        "posterior": ConditionalGaussian(mlp(7, (8,), 4), 2),
        "classifier": ConditionalCategorical(mlp(4, (8,), 3), 3),
    }
    with pytest.raises(ValueError, match=r"posterior: .*\(2,\), got \(3,\)"):
        SemiSupervisedVAE(**{**bricks, "posterior": ConditionalGaussian(mlp(7, (8,), 6), 3)})
    with pytest.raises(ValueError, match=r"classifier: .*\(3,\), got \(2,\)"):
        SemiSupervisedVAE(**{**bricks, "classifier": ConditionalCategorical(mlp(4, (8,), 2), 2)})


def test_everything_follows_the_module_to_another_device(monkeypatch):
    """The device "meta" holds no data and refuses to mix: a stray CPU tensor would be an error."""
    model = build().to("meta")
    monkeypatch.setattr(model, "_check", lambda x, label: None)
    x = torch.empty(5, *SHAPE, device="meta")
    y = torch.empty(5, dtype=torch.int64, device="meta")
    results = [
        *model.elbo(x, y, samples=2),
        model.importance_bound(x, 3, y),
        model.losses({"x": x, "label": y})["model"],
        model.sample(4),
        model.sample(4, label=1),
    ]
    assert {result.device.type for result in results} == {"meta"}
