"""Models under torch.func: checks of data stand aside, and hold everywhere else."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from course_lib.arguments import as_floats
from course_lib.distributions.base import known_true
from course_lib.models import (
    MAF,
    NAF,
    VAE,
    CouplingFlow,
    FlowPosteriorVAE,
    InfoGAN,
    InfoVAE,
    PixelCNN,
)
from course_lib.objectives.critics import JSDCritic, WassersteinCritic

BITS = torch.bernoulli(torch.full((5, 1, 3, 3), 0.5), generator=torch.Generator().manual_seed(0))
REAL = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
EXACT = {
    "MAF": (lambda: MAF.build(4, 2, (8,)), REAL),
    "MAF of grey levels": (lambda: MAF.build((1, 3, 3), 2, (8,), levels=3), BITS + 0.5),
    "NAF": (lambda: NAF.build(4, 2, (8,)), REAL),
    "coupling": (lambda: CouplingFlow.build(4, 2, (8,)), REAL),
    "PixelCNN": (lambda: PixelCNN.build((1, 3, 3), 4, 1, dropout=0.0), BITS),
}
BOUNDED = {
    "VAE": (lambda: VAE.build((1, 3, 3), 2, (8,)), BITS),
    "Gaussian VAE": (lambda: VAE.build(4, 2, (8,), "gaussian"), REAL),
    "flow posterior": (lambda: FlowPosteriorVAE.build((1, 3, 3), 2, (8,)), BITS),
}


class Call(nn.Module):
    """One method of a model, as ``functional_call`` wants it."""

    def __init__(self, model, method):
        super().__init__()
        self.model, self.method = model, method

    def forward(self, x):
        found = getattr(self.model, self.method)(x)
        return found if isinstance(found, torch.Tensor) else found.total


def gradients(call, x):
    """The gradient of one example's value in all parameters, by vmap."""
    parameters = dict(call.named_parameters())

    def value(parameters, one):
        return functional_call(call, parameters, (one[None],)).sum()

    return vmap(grad(value), in_dims=(None, 0), randomness="different")(parameters, x)


@pytest.mark.parametrize("name", EXACT)
def test_gradients_of_single_examples_are_those_of_a_loop(name, fixed_seed):
    make, x = EXACT[name]
    call = Call(make(), "log_prob")
    together = gradients(call, x)
    for i in range(len(x)):
        parameters = dict(call.named_parameters())
        alone = torch.autograd.grad(call(x[i : i + 1]).sum(), parameters.values())
        for key, slope in zip(parameters, alone, strict=True):
            torch.testing.assert_close(together[key][i], slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_vmap_over_examples_changes_no_log_density(name, fixed_seed):
    make, x = EXACT[name]
    model = make().eval()
    each = vmap(lambda one: model.log_prob(one[None])[0])(x)
    torch.testing.assert_close(each, model.log_prob(x))


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_have_gradients_of_single_examples(name, fixed_seed):
    make, x = BOUNDED[name]
    call = Call(make(), "elbo")
    for slope in gradients(call, x).values():
        assert slope.shape[0] == len(x)
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", EXACT | BOUNDED)
def test_inference_mode_changes_no_number(name, fixed_seed):
    make, x = (EXACT | BOUNDED)[name]
    call = Call(make().eval(), "log_prob" if name in EXACT else "elbo")
    torch.manual_seed(1)
    expected = call(x)
    torch.manual_seed(1)
    with torch.inference_mode():
        torch.testing.assert_close(call(x), expected)


def test_data_are_checked_wherever_they_can_be_seen():
    vae = VAE.build((1, 3, 3), 2, (8,))
    for around in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with around(), pytest.raises(ValueError, match="x: expected entries 0 and 1"):
            vae.elbo(BITS + 0.5)
    with pytest.raises(ValueError, match="x: expected entries 0 and 1"):
        grad(lambda x: vae.elbo(x).total.sum())(BITS + 0.5)


def test_a_condition_is_unknown_only_where_it_cannot_be_asked_for():
    assert known_true(torch.tensor(True))
    assert not known_true(torch.tensor(False))
    assert not known_true(torch.tensor(True, device="meta"))
    with pytest.raises(RuntimeError, match="ambiguous"):
        known_true(torch.tensor([True, False]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.zeros(3, 1, 3, 3, dtype=torch.float64), "expected torch.float32 as the parameters"),
        (torch.zeros(3, 1, 3, 3, dtype=torch.int64), "expected a floating-point tensor, got a ten"),
        ([[0.0]], "expected a floating-point tensor, got list"),
    ],
)
def test_a_gan_names_data_of_the_wrong_kind(value, message):
    gan = InfoGAN.build((1, 3, 3), noise_dim=2, categories=3, hidden=(8,))
    for call in (gan.losses, gan.recognise, lambda x: gan.loss(x, "critic")):
        with pytest.raises(TypeError, match=f"x: {message}"):
            call(value)
    for critic in (JSDCritic(nn.Linear(3, 1), 1.0), WassersteinCritic(nn.Linear(3, 1), 1.0)):
        with pytest.raises(TypeError, match=f"real: {message}"):
            critic.loss(value, torch.zeros(3, 1, 3, 3))


def test_the_mmd_says_that_it_needs_two_examples():
    model = InfoVAE.build((1, 3, 3), 2, (8,))
    with pytest.raises(ValueError, match="x: expected two examples or more for the MMD"):
        model.losses(BITS[:1])


def test_precision_matters_only_where_there_are_weights():
    as_floats(torch.zeros(1).double(), "x")
    with pytest.raises(TypeError, match=r"x: expected torch\.float32"):
        as_floats(torch.zeros(1).double(), "x", torch.zeros(1))
