import math

import pytest
import torch

from course_lib.evaluation import (
    Estimate,
    Evaluation,
    bidirectional_monte_carlo,
    bits_per_dim,
    evaluate,
    fit_posterior,
    gap_terms,
    information_terms,
    latent_shuffle_cost,
    mean_and_error,
)
from course_lib.models import VAE, FlowPosteriorVAE, SemiSupervisedVAE
from course_lib.objectives import Elbo
from course_lib.randomness import fork_seed

pytestmark = pytest.mark.usefixtures("fixed_seed")


class Known:
    """ELBO = the first entry of x, KL = the second, importance bound = ELBO + k."""

    def __init__(self):
        self.asked = []

    def elbo(self, x, samples=1):
        self.asked.append((len(x), samples))
        return Elbo(x[:, 0], x[:, 0] + x[:, 1], x[:, 1])

    def importance_bound(self, x, k):
        return x[:, 0] + k


def bits(n):
    return torch.bernoulli(torch.full((n, 6), 0.4))


def test_a_known_model_gets_its_known_numbers():
    x = torch.randn(23, 2)
    model = Known()
    result = evaluate(model, x, k=7, samples=3, batch_size=10)
    assert torch.equal(result.elbo, x[:, 0])
    assert torch.equal(result.kl, x[:, 1])
    assert torch.equal(result.importance_bound, x[:, 0] + 7)
    torch.testing.assert_close(result.gap, torch.full((23,), 7.0))
    assert result.k == 7
    assert model.asked == [(10, 3), (10, 3), (3, 3)]


def test_a_semi_supervised_model_is_scored_without_labels():
    model, x = SemiSupervisedVAE.build(6, classes=3, z_dim=2, hidden=(8,)), bits(5)
    result = evaluate(model, x, k=4, samples=2)
    with fork_seed(0, x.device):
        unlabelled = model.elbo(x, torch.full((5,), -1), samples=2)
        importance = model.importance_bound(x, 4)
    torch.testing.assert_close(result.elbo, unlabelled.total)
    torch.testing.assert_close(result.kl, unlabelled.kl)
    torch.testing.assert_close(result.importance_bound, importance)


def test_a_dictionary_is_refused_by_name():
    model = SemiSupervisedVAE.build(6, classes=3, z_dim=2, hidden=(8,))
    with pytest.raises(TypeError, match="x: expected one tensor of observations, got dict"):
        evaluate(model, {"x": bits(5), "label": torch.zeros(5, dtype=torch.int64)})


def test_the_report_names_bound_and_units():
    text = str(Evaluation(torch.tensor([-3.0, -1.0]), torch.ones(2), torch.tensor([-2.0, 0.0]), 5))
    assert text == (
        "ELBO -2.00 ± 1.00, importance bound (k = 5) -1.00 ± 1.00, gap at least 1.00 ± 0.00,"
        " KL 1.00 ± 0.00 nats per example (2 examples)"
    )


def test_the_same_seed_gives_the_same_noise_and_the_global_state_stays():
    model, x = VAE.build(6, 2, (8,)), bits(23)
    before = torch.get_rng_state()
    first = evaluate(model, x, k=5, samples=2)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(9)
    second, other = evaluate(model, x, k=5, samples=2), evaluate(model, x, k=5, samples=2, seed=1)
    assert torch.equal(first.elbo, second.elbo)
    assert torch.equal(first.importance_bound, second.importance_bound)
    assert not torch.equal(first.elbo, other.elbo)


def test_no_two_batches_of_an_evaluation_share_their_noise():
    """The same x scored again and again gets a new number each time, in whatever batch it comes."""
    model, x = VAE.build(6, 2, (8,)), bits(1).expand(24, -1)
    result = evaluate(model, x, k=3, samples=1, batch_size=6)
    assert len(result.elbo.unique()) == 24
    assert len(result.importance_bound.unique()) == 24


NUMBERS = {
    "evaluate": lambda model, x: evaluate(model, x, k=2, samples=2),
    "information_terms": information_terms,
    "latent_shuffle_cost": latent_shuffle_cost,
    "fit_posterior": lambda model, x: fit_posterior(model, x, steps=2),
    "gap_terms": lambda model, x: gap_terms(model, x, torch.zeros(len(x)), steps=2, samples=2),
    "bidirectional_monte_carlo": lambda model, x: bidirectional_monte_carlo(
        model, len(x), steps=2, chains=2
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_the_numbers_of_a_model_whose_training_was_stopped_come_with_a_word(name, capsys):
    model, x = VAE.build(6, 2, (8,)), bits(5)
    NUMBERS[name](model, x)
    assert capsys.readouterr().out == ""
    model.unfinished = "step 13 of 23"
    NUMBERS[name](model, x)
    said = capsys.readouterr().out
    assert "unfinished: the training of this VAE was stopped at step 13 of 23" in said


def test_two_models_get_the_same_noise():
    """A flow posterior at its start is the plain posterior, and scores the same draw by draw."""
    torch.manual_seed(0)
    flow = FlowPosteriorVAE.build(6, 2, (8,), flow="iaf")
    plain = VAE(flow.prior, flow.likelihood, flow.posterior)
    plain.posterior = _Base(flow.posterior)
    x = bits(23)
    scores = [evaluate(model, x, k=5, samples=2, batch_size=7) for model in (plain, flow)]
    torch.testing.assert_close(scores[0].elbo, scores[1].elbo)
    torch.testing.assert_close(scores[0].importance_bound, scores[1].importance_bound)


class _Base(torch.nn.Module):
    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, x):
        return self.flow(x).base


def test_no_gradient_is_kept():
    result = evaluate(VAE.build(6, 2, (8,)), bits(5), k=3, samples=2)
    assert not result.elbo.requires_grad
    assert not result.importance_bound.requires_grad


def test_the_error_is_the_deviation_over_the_root_of_n():
    values = torch.randn(57)
    mean = mean_and_error(values)
    assert mean.value == pytest.approx(values.double().mean().item(), rel=1e-12)
    deviation = (values.double() - mean.value).square().sum() / 56
    assert mean.error == pytest.approx(math.sqrt(deviation.item() / 57), rel=1e-12)


def test_large_float32_values_are_averaged_in_double():
    values = torch.full((1000,), -2.0e6)
    values[::2] += 1
    assert mean_and_error(values).value == -2.0e6 + 0.5


def test_one_value_has_no_known_error():
    mean = mean_and_error(torch.tensor([2.0]))
    assert mean.value == 2
    assert math.isnan(mean.error)


def test_a_mean_prints_with_its_error():
    assert str(Estimate(-16.874, 0.123)) == "-16.87 ± 0.12"


@pytest.mark.parametrize("bad", [torch.zeros(0), torch.zeros(2, 3), torch.tensor(1.0)])
def test_values_must_be_one_number_an_example(bad):
    with pytest.raises(ValueError, match=r"values: expected shape \(n,\)"):
        mean_and_error(bad)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="x: expected at least one example"):
        evaluate(Known(), torch.zeros(0, 2))


def test_a_fair_coin_costs_one_bit():
    log_prob = torch.full((3,), -784 * math.log(2))
    torch.testing.assert_close(bits_per_dim(log_prob, 784), torch.ones(3))
