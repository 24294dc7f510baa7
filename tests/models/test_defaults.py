"""A model built with nothing but its sizes does on the course's data what its slide says.

Each is trained for a few seconds and compared on validation data. What is asserted holds on seeds 0
to 4, of which the suite trains on the first.
"""

import math
from functools import cache

import pytest
import torch

from course_lib import models
from course_lib.data import digits, pairs, rows, toys
from course_lib.distributions import IndependentBernoulli
from course_lib.evaluation import evaluate, information_terms, latent_shuffle_cost, mmd_test
from course_lib.training import fit

IMAGE, Z = (1, 8, 8), 8
SEED = 0
SETTINGS = {"seed": SEED, "progress": False}
OF_GAMES = {**SETTINGS, "betas": (0.5, 0.9)}  # as ``fit`` says of adversarial training
OF_PIXELS = {**SETTINGS, "learning_rate": 3e-3}
HOW = {"PixelVAE": {**OF_PIXELS, "steps": 200}}
VAES = {
    "VAE": models.VAE,
    "FlowPosteriorVAE": models.FlowPosteriorVAE,
    "PixelVAE": models.PixelVAE,
    "VAEGAN": models.VAEGAN,
    "AdversarialAutoencoder": models.AdversarialAutoencoder,
    "InfoVAE": models.InfoVAE,
}
FLOWS = {
    "AutoregressiveFlow": models.AutoregressiveFlow,
    "InverseAutoregressiveFlow": models.InverseAutoregressiveFlow,
    "NeuralAutoregressiveFlow": models.NeuralAutoregressiveFlow,
    "CouplingFlow": models.CouplingFlow,
}
OTHERS = {
    "BetaVAE",
    "HierarchicalPixelVAE",
    "InfoGAN",
    "MultimodalVAE",
    "PixelCNN",
    "SemiSupervisedVAE",
    "VariationalRNN",
    "FlowGAN",
}


def built(build, *sizes, **options):
    torch.manual_seed(SEED)
    return build(*sizes, **options)


@cache
def vae(name):
    """One of the family, trained on bits; in a process of the suite only once."""
    model = built(VAES[name].build, IMAGE, Z)
    settings = {"steps": 300, **(OF_GAMES if hasattr(model, "critic") else SETTINGS)}
    fit(model, digits.load().train.x, **HOW.get(name, settings))
    return model


@cache
def held_out():
    return digits.load().validation.x


@cache
def independent():
    """Mean log p(x) of pixels drawn independently: what every model of images must beat."""
    x = digits.load().train.x
    frequency = (x.sum(0) + 0.5) / (len(x) + 1)
    return IndependentBernoulli(frequency.logit(), 3).log_prob(held_out()).mean().item()


def bound(model, k=20):
    return evaluate(model, held_out(), k=k).importance_bound.mean().item()


def gap(model):
    result = evaluate(model, held_out(), k=100)
    return (result.importance_bound - result.elbo).mean().item()


def terms(name):
    return information_terms(vae(name), held_out())


def test_every_exported_model_is_here():
    named = {getattr(models, name) for name in models.__all__}
    exported = {model.__name__ for model in named if isinstance(model, type)}
    assert exported == {*VAES, *FLOWS, *OTHERS}


@pytest.mark.parametrize("name", VAES)
def test_the_bound_is_far_above_independent_pixels(name):
    """Slide 3, and every VAE that trains by a variant of its bound (slides 6, 12, 15, 18)."""
    assert bound(vae(name)) > independent() + 3


@pytest.mark.parametrize("name", VAES)
def test_z_tells_about_x(name):
    """No default lets the latent collapse (slide 16)."""
    if name != "FlowPosteriorVAE":  # whose q(z|x) has no density at another image's z
        assert terms(name).information.value > 0.5
    cost = latent_shuffle_cost(vae(name), held_out()).mean().item()
    assert cost > (1.5 if name == "PixelVAE" else 3)  # pixels that see pixels need z less


def test_a_flow_tightens_the_bound():
    """Slide 7: log p(x) - L(x) is smaller, by the importance bound of 100 draws."""
    assert gap(vae("FlowPosteriorVAE")) < gap(vae("VAE"))


@pytest.mark.parametrize(
    ("name", "settings"), [("AdversarialAutoencoder", OF_GAMES), ("InfoVAE", SETTINGS)]
)
def test_a_divergence_in_z_brings_the_aggregate_posterior_nearer_to_the_prior(name, settings):
    """Slide 15, by a critic and by the MMD, against a VAE with the same optimiser."""
    plain = built(models.VAE.build, IMAGE, Z)
    fit(plain, digits.load().train.x, steps=300, **settings)
    without = information_terms(plain, held_out()).marginal_kl.value
    assert terms(name).marginal_kl.value < without


def test_a_beta_vae_is_a_vae_until_beta_is_asked_for():
    """Slide 18: with beta = 1 the objective is the ELBO."""
    weights = []
    for cls in (models.VAE, models.BetaVAE):
        model = built(cls.build, IMAGE, Z)
        fit(model, digits.load().train.x, steps=5, **SETTINGS)
        weights.append([weight.tolist() for weight in model.parameters()])
    assert weights[0] == weights[1]


def test_two_layers_of_latents_beat_independent_pixels():
    """Slide 4, "can be hierarchical": and both are in use."""
    model = built(models.HierarchicalPixelVAE.build, IMAGE, Z, 4)
    fit(model, digits.load().train.x, steps=200, **OF_PIXELS)
    pieces = model.eval().elbo_terms(held_out(), samples=5)
    assert bound(model) > independent() + 4
    assert pieces.kl_z1.mean().item() > 0.05
    assert pieces.kl_z2.mean().item() > 0.05


def test_a_pixelcnn_beats_independent_pixels_exactly():
    """Slides 2 and 4."""
    model = built(models.PixelCNN.build, IMAGE)
    fit(model, digits.load().train.x, steps=80, **OF_PIXELS)
    with torch.no_grad():
        assert model.eval().log_prob(held_out()).mean().item() > independent() + 3


@cache
def moons():
    world = toys.two_moons()
    return [world.sample(n, torch.Generator().manual_seed(n + SEED)) for n in (2000, 1000)]


@cache
def best_gaussian():
    data, fresh = moons()
    gaussian = torch.distributions.MultivariateNormal(data.mean(0), data.T.cov())
    return gaussian, gaussian.log_prob(fresh).mean().item()


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_beats_the_best_gaussian_on_two_moons(name):
    """Exact likelihood of fresh points (slide 5)."""
    data, fresh = moons()
    model = built(FLOWS[name].build, 2)
    fit(model, data, steps=300, **SETTINGS)
    with torch.no_grad():
        assert model.log_prob(fresh).mean().item() > best_gaussian()[1] + 0.1


def test_a_flow_gan_learns_by_both_losses_and_by_the_critic_alone():
    """Slides 10 and 11: only with the likelihood in the objective is it high."""
    data, fresh = moons()
    log_p, distance = [], []
    for lambda_ in (1.0, math.inf):
        model = built(models.FlowGAN.build, 2, lambda_)
        torch.manual_seed(SEED)
        before = mmd_test(model.sample(1000), fresh, permutations=1).statistic
        fit(model, data, steps=200, **OF_GAMES)
        torch.manual_seed(SEED)
        after = mmd_test(model.sample(1000), fresh, permutations=1).statistic
        with torch.no_grad():
            log_p.append(model.log_prob(fresh).mean().item())
        distance.append(after / before)
    assert log_p[0] > best_gaussian()[1] + 0.05
    assert log_p[0] > log_p[1] + 0.2
    assert distance[0] < 0.5
    assert distance[1] < 0.5


def test_a_flow_of_grey_levels_beats_independent_histograms_of_pixels():
    """MAF on dequantised digits, in nats per image in units of grey levels (slide 5)."""
    grey = digits.load("grey")
    torch.manual_seed(SEED)
    x, fresh = (part.x + torch.rand(part.x.shape) for part in (grey.train, grey.validation))
    counts = torch.stack([(grey.train.x == level).float().sum(0) for level in range(17)]) + 0.5
    log_share = (counts / counts.sum(0)).log()  # (levels, 1, 8, 8)
    floor = log_share.gather(0, grey.validation.x.long()).flatten(1).sum(1).mean().item()
    model = built(models.AutoregressiveFlow.build, IMAGE, levels=17)
    fit(model, x, steps=300, **SETTINGS)
    with torch.no_grad():
        assert model.log_prob(fresh).mean().item() > floor


def test_the_code_of_an_info_gan_can_be_read_from_its_images():
    """The bound on I(c; x) reaches half of H(c) = log 10 (slide 17)."""
    model = built(models.InfoGAN.build, IMAGE, 16, 10)
    x = digits.load("grey").train.x / 16
    fresh = digits.load("grey").validation.x / 16
    before = mmd_test(model.sample(200), fresh, permutations=1).statistic
    fit(model, x, steps=300, learning_rate=3e-3, **OF_GAMES)
    torch.manual_seed(SEED)
    assert model.information_bound(2000).mean().item() > 0.5 * math.log(10)
    assert mmd_test(model.sample(200), fresh, permutations=1).statistic < before / 3


def test_the_grey_digit_tells_about_the_colours():
    """Slide 8: p(colour | grey) is above independent Gaussians, and often has the class's hue."""
    cut, shapes = pairs.load(), {"grey": IMAGE, "colour": (3, 4, 4)}
    kinds = {"grey": "bernoulli", "colour": "gaussian"}
    model = built(models.MultimodalVAE.build, shapes, Z, likelihood=kinds)
    fit(model, cut.train.x, steps=400, **SETTINGS)
    model.eval()
    x = cut.validation.x
    torch.manual_seed(SEED)
    with torch.no_grad():
        given = model.conditional_bound(x, ["grey"], k=50).mean().item()
    drawn = model.sample_given({"grey": x["grey"]}, n=5)["colour"]
    share = (pairs.hue_of(drawn) == cut.validation.label).float().mean().item()
    colour = cut.train.x["colour"]
    independent_colours = torch.distributions.Normal(colour.mean(0), colour.std(0))
    floor = independent_colours.log_prob(x["colour"]).flatten(1).sum(1).mean().item()
    assert given > floor + 3
    assert share > 0.2


def test_labels_are_learned_from_a_hundred():
    """Two in three images are read (slide 8); a guess is right for one in ten."""
    cut = digits.load()
    label = torch.where(torch.arange(len(cut.train)) < 100, cut.train.label, -1)
    again = torch.arange(100).repeat(11)
    x, label = torch.cat([cut.train.x, cut.train.x[again]]), torch.cat([label, label[again]])
    model = built(models.SemiSupervisedVAE.build, IMAGE, 10, Z)
    fit(model, {"x": x, "label": label}, steps=300, **SETTINGS)
    right = model.classify(held_out()) == cut.validation.label
    assert right.float().mean().item() > 2 / 3
    with torch.no_grad():
        assert model.importance_bound(held_out(), 20).mean().item() > independent() + 3


def test_a_variational_rnn_beats_independent_pixels():
    """The rows of a digit as a sequence, in nats per image (slide 9)."""
    cut = rows.load()
    model = built(models.VariationalRNN.build, 8, 4)
    fit(model, cut.train, steps=300, learning_rate=3e-3, **SETTINGS)
    with torch.no_grad():
        assert model.eval().elbo(cut.validation).total.mean().item() > independent() + 3
