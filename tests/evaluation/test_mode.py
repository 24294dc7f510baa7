"""Evaluations see the model as it is used, and leave it as it was."""

import inspect

import pytest
import torch
from torch import nn

from course_lib import evaluation
from course_lib.distributions import ConditionalBernoulli, ConditionalGaussian, StandardGaussian
from course_lib.evaluation.mode import evaluation_mode
from course_lib.exact.grid import Grid
from course_lib.models import VAE

X = torch.bernoulli(torch.full((6, 4), 0.5), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model(fixed_seed):
    """A VAE whose nets have dropout, whose encoder sees noise, in training mode."""
    encoder = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 4))
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 4))
    bricks = StandardGaussian(2), ConditionalBernoulli(decoder, 4), ConditionalGaussian(encoder, 2)
    return VAE(*bricks, input_noise=0.5).train()


def world(model):
    return evaluation.quadrature_world(model, Grid(-6.0, 6.0, 41, dim=2))


def annealed(model, function, *z):
    return function(model.prior(), model.likelihood, X, *z, steps=5).log_prob


CALLS = {
    "evaluate": lambda m: torch.stack(list(vars(evaluation.evaluate(m, X, k=3)).values())[:3]),
    "information_terms": lambda m: torch.tensor(evaluation.information_terms(m, X).rate.value),
    "latent_shuffle_cost": lambda m: evaluation.latent_shuffle_cost(m, X),
    "fit_posterior": lambda m: evaluation.fit_posterior(m, X, steps=3, rounds=1).q.mean,
    "gap_terms": lambda m: evaluation.gap_terms(m, X, torch.zeros(6), steps=3, samples=9).total,
    "bidirectional_monte_carlo": lambda m: (
        evaluation.bidirectional_monte_carlo(m, 3, steps=5, chains=2).lower
    ),
    "plain_elbo": lambda m: evaluation.plain_elbo(m, m.prior().expand((6,)), X, samples=5),
    "quadrature_world": lambda m: world(m).log_prob(X),
    "score": lambda m: torch.tensor(evaluation.score(m, X, X, k=3).nats.value),
}
OTHERS = {
    "ais_lower_bound": lambda m: annealed(m, evaluation.ais_lower_bound),
    "ais_upper_bound": lambda m: annealed(m, evaluation.ais_upper_bound, torch.zeros(2, 6, 2)),
}
ALL = CALLS | OTHERS


def test_every_function_that_takes_a_model_is_tried():
    functions = {name: getattr(evaluation, name) for name in evaluation.__all__}
    taking = {
        name
        for name, function in functions.items()
        if inspect.isfunction(function) and "model" in inspect.signature(function).parameters
    }
    assert taking == set(CALLS)


@pytest.mark.parametrize("name", ALL)
def test_dropout_and_input_noise_have_no_part_in_an_evaluation(name, model):
    in_training = ALL[name](model)
    model.eval()
    torch.testing.assert_close(in_training, ALL[name](model), rtol=0, atol=0)


@pytest.mark.parametrize("name", ALL)
def test_every_module_is_in_its_own_mode_afterwards(name, model):
    model.posterior.eval()  # a frozen part
    before = [module.training for module in model.modules()]
    ALL[name](model)
    assert [module.training for module in model.modules()] == before


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", ALL)
def test_no_surrounding_mode_changes_an_evaluation(name, around, model):
    expected = ALL[name](model)
    with around():
        found = ALL[name](model)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_data_made_in_inference_mode_can_be_refitted_to(model):
    with torch.inference_mode():
        x = X.clone()
    found = evaluation.fit_posterior(model, x, steps=3, rounds=1)
    expected = evaluation.fit_posterior(model, X, steps=3, rounds=1)
    torch.testing.assert_close(found.q.mean, expected.q.mean)


def test_the_mode_comes_back_after_an_error(model):
    with pytest.raises(ValueError, match="x: "):
        evaluation.evaluate(model, X[:0])
    assert model.training


def test_bricks_without_a_model_around_them_are_put_into_evaluation_mode(model):
    class Bricks:
        prior, likelihood, posterior = model.prior, model.likelihood, model.posterior

    with evaluation_mode(Bricks()):
        assert not model.likelihood.training
    assert model.likelihood.training


def test_no_two_batches_of_an_evaluation_share_their_noise(model):
    x = X[:1].expand(8, 4)
    bounds = evaluation.evaluate(model, x, k=3, batch_size=2).elbo
    assert len(bounds.unique()) == 8
