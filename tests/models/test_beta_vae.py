import math

import pytest
import torch

from course_lib.distributions import (
    AffineAutoregressive,
    ConditionalAutoregressiveBernoulli,
    ConditionalGaussian,
    Flow,
    StandardGaussian,
    mlp,
)
from course_lib.models import VAE, BetaVAE
from course_lib.objectives import free_bits, kl_per_dimension, rate_terms
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPE = (1, 3, 5)


def build(**options):
    return BetaVAE.build(SHAPE, 2, (16,), **options)


def images(n):
    return torch.bernoulli(torch.full((n, *SHAPE), 0.4))


def same_noise(*calls):
    """The value of each call, all of them with the same random numbers."""
    values = []
    for call in calls:
        torch.manual_seed(1)
        values.append(call())
    return values


def test_beta_one_is_the_vae():
    model, x = build(), images(7)
    plain = VAE(model.prior, model.likelihood, model.posterior)
    beta_loss, vae_loss = same_noise(lambda: model.losses(x), lambda: plain.losses(x))
    assert torch.equal(beta_loss["model"], vae_loss["model"])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("beta", [0.0, 0.3, 4.0])
def test_beta_weighs_the_rate_and_leaves_reconstruction_alone(beta, training):
    model, x = build(beta=beta).train(training), images(7)
    losses, bound = same_noise(lambda: model.losses(x), lambda: model.elbo(x))
    torch.testing.assert_close(
        losses["model"], (beta * bound.kl - bound.reconstruction).mean(), rtol=1e-6, atol=1e-5
    )


def test_the_bound_is_the_models_own_whatever_beta():
    model, x = build(beta=4.0, free_bits=1.0, warm_up=10), images(7)
    plain = VAE(model.prior, model.likelihood, model.posterior)
    assert torch.equal(*same_noise(lambda: model.elbo(x).total, lambda: plain.elbo(x).total))
    bounds = (lambda: model.importance_bound(x, 5), lambda: plain.importance_bound(x, 5))
    assert torch.equal(*same_noise(*bounds))


def test_free_bits_replace_the_rate_while_the_model_trains():
    model, x = build(beta=0.5, free_bits=0.7), images(7)
    losses, bound = same_noise(lambda: model.losses(x), lambda: model.elbo(x))
    floored = free_bits(kl_per_dimension(model.posterior(x), model.prior()), 0.7)
    assert floored > bound.kl.mean()
    torch.testing.assert_close(losses["model"], 0.5 * floored - bound.reconstruction.mean())


def test_the_warm_up_follows_the_steps_of_training():
    model, x = build(beta=2.0, warm_up=4), images(7)
    bound = same_noise(lambda: model.elbo(x))[0]
    rate, distortion = bound.kl.mean(), -bound.reconstruction.mean()
    for weight in (0.5, 1.0, 1.5, 2.0, 2.0):
        loss = same_noise(lambda: model.losses(x))[0]["model"]
        torch.testing.assert_close(loss, distortion + weight * rate)


@pytest.mark.parametrize("options", [{"free_bits": 3.0}, {"warm_up": 100}])
def test_the_remedies_are_gone_in_evaluation(options):
    model, x = build(**options).eval(), images(7)
    for _ in range(2):
        losses, bound = same_noise(lambda: model.losses(x), lambda: model.elbo(x))
        assert torch.equal(losses["model"], -bound.total.mean())


def test_a_resumed_run_goes_on_from_the_same_weight(tmp_path):
    data, models = images(40), []
    for stops in ((10,), (4, 10)):
        for steps in stops:  # each time a new process would build the model anew
            torch.manual_seed(2)
            model, path = build(warm_up=8), tmp_path / f"{len(stops)}"
            fit(model, data, steps=steps, batch_size=8, checkpoint=path, progress=False)
        models.append(model)
    for first, second in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(first, second)


def test_a_larger_beta_leaves_a_smaller_rate():
    data = torch.randint(2, (200, 1, 1, 1)).float().expand(-1, *SHAPE).contiguous()
    rates = []
    for beta in (0.1, 1.0, 30.0):
        torch.manual_seed(0)
        model = build(beta=beta)
        fit(model, data, steps=150, learning_rate=1e-2, progress=False)
        rates.append(model.elbo(data).kl.mean().item())
    assert rates[0] > rates[1] > rates[2]
    assert rates[1] > 0.5 * math.log(2)
    assert rates[2] < 0.05


def test_a_decoder_that_sees_its_own_past_can_leave_z_alone():
    """Slide 16: both values of z fit the data; free bits decide which of the two is found."""
    data = torch.randint(2, (200, 1, 1, 1)).float().expand(-1, *SHAPE).contiguous()
    information = []
    for floor in (0.0, 0.4):
        torch.manual_seed(0)
        model = BetaVAE(
            StandardGaussian(2),
            ConditionalAutoregressiveBernoulli(SHAPE, (32,), context_dim=2),
            ConditionalGaussian(mlp(15, (16,), 4, flatten=3), 2),
            free_bits=floor,
        )
        fit(model, data, steps=400, learning_rate=1e-2, progress=False)
        information.append(rate_terms(model.posterior(data), model.prior()).rate.mean().item())
    assert information[0] < information[1] - 0.3  # of log 2 = 0.69 nats


@pytest.mark.parametrize("name", ["beta", "free_bits", "warm_up", "input_noise"])
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, "1", True])
def test_a_weight_that_is_none_is_refused(name, bad):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        build(**{name: bad})


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="gamma"):
        build(gamma=1.0)


def test_free_bits_need_dimensions_that_add_up():
    model = build(free_bits=0.5)
    model.prior = Flow(StandardGaussian(2), [AffineAutoregressive(2, (8,))])
    with pytest.raises(TypeError, match="prior: expected a DiagonalGaussian"):
        model.losses(images(5))


def test_a_batch_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"x: .*entries 0 and 1"):
        build().losses(images(5) + 0.5)
