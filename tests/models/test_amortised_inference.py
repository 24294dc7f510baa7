"""Amortised inference regularisation: noise on what the encoder sees, in training (slide 12)."""

import math

import pytest
import torch

from course_lib.models import VAE, BetaVAE, FlowPosteriorVAE

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)


def images(n):
    return torch.bernoulli(torch.full((n, *SHAPE), 0.4))


def loss_of(model, x):
    torch.manual_seed(1)
    return model.losses(x)["model"]


def test_by_default_there_is_none():
    model, x = VAE.build(SHAPE, 2, (8,)), images(7)
    torch.manual_seed(1)
    bound = model.elbo(x).total
    for same in (VAE(model.prior, model.likelihood, model.posterior, input_noise=0.0), model):
        assert torch.equal(loss_of(same, x), -bound.mean())
    assert torch.equal(model.encode(x).mean, model.posterior(x).mean)


def test_while_training_the_encoder_sees_noise_and_the_likelihood_does_not():
    model, x = VAE.build(SHAPE, 2, (8,), input_noise=0.5), images(7)
    seen = {}
    model.posterior.register_forward_pre_hook(lambda module, inputs: seen.update(x=inputs[0]))
    loss = model.losses(x)["model"]
    assert torch.isfinite(loss)  # a Bernoulli likelihood of noisy x would be refused
    noise = seen["x"] - x
    assert noise.std().item() == pytest.approx(0.5, rel=0.3)
    model.losses(x)
    assert not torch.equal(seen["x"] - x, noise)


def test_the_noise_is_a_new_number_for_every_pixel():
    model, x = VAE.build(SHAPE, 2, (8,), input_noise=2.0), torch.zeros(400, *SHAPE)
    seen = {}
    model.posterior.register_forward_pre_hook(lambda module, inputs: seen.update(x=inputs[0]))
    model.elbo(x)
    noise = seen["x"].flatten(1)
    assert noise.std().item() == pytest.approx(2.0, rel=0.1)
    off_diagonal = torch.corrcoef(noise.T) - torch.eye(15)
    assert off_diagonal.abs().max() < 0.3


def test_in_evaluation_it_is_gone():
    model, x = VAE.build(SHAPE, 2, (8,), input_noise=5.0).eval(), images(7)
    plain = VAE(model.prior, model.likelihood, model.posterior)
    assert torch.equal(loss_of(model, x), loss_of(plain, x))


def test_the_importance_bound_is_of_the_encoder_without_noise():
    model, x = VAE.build(SHAPE, 2, (8,), input_noise=5.0).eval(), images(7)
    plain, bounds = VAE(model.prior, model.likelihood, model.posterior), []
    for each in (model, plain):
        torch.manual_seed(1)
        bounds.append(each.importance_bound(x, 4))
    assert torch.equal(*bounds)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, "0", True])
def test_noise_without_a_size_is_refused(bad):
    with pytest.raises(ValueError, match="input_noise: expected"):
        VAE.build(SHAPE, 2, (8,), input_noise=bad)


def test_the_classes_built_on_the_vae_have_it_too():
    assert BetaVAE.build(SHAPE, 2, (8,), input_noise=0.5).input_noise == 0.5
    model = FlowPosteriorVAE.build(SHAPE, 2, (8,))
    assert FlowPosteriorVAE(model.prior, model.likelihood, model.posterior, input_noise=0.5).elbo(
        images(3)
    ).total.shape == (3,)
