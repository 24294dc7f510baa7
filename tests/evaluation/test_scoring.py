"""A row of the leaderboard: each number is named for what it is, by whichever function."""

import pytest
import torch

from course_lib.evaluation import (
    EXACT,
    classifier_two_sample,
    evaluate,
    information_terms,
    mean_and_error,
    rank_correlation,
    relative_costs,
    sample_accuracy,
    score,
)
from course_lib.models import VAE, VAEGAN, PixelCNN

pytestmark = pytest.mark.usefixtures("fixed_seed")
SHAPE = (1, 3, 4)


def bits(n):
    return torch.bernoulli(torch.full((n, *SHAPE), 0.4))


@pytest.fixture
def vae():
    return VAE.build(SHAPE, 2, (8,))


@pytest.fixture
def pixelcnn():
    return PixelCNN.build(SHAPE, 4, 1, half_width=1)


def test_an_exact_likelihood_is_called_exact_and_is_log_prob(pixelcnn):
    test, train = bits(30), bits(90)
    found = score(pixelcnn, test, train)
    with torch.no_grad():
        expected = mean_and_error(-pixelcnn.eval().log_prob(test))
    assert found.bound == EXACT
    assert found.nats.value == pytest.approx(expected.value, abs=1e-5)
    assert found.nats.error == pytest.approx(expected.error, abs=1e-5)
    assert found.gap is None
    assert found.information is None
    assert "log p(x) = " in str(found)


def test_a_bound_is_called_a_bound_and_its_figures_are_those_of_evaluate(vae):
    test, train = bits(30), bits(90)
    found = score(vae, test, train, k=40, seed=3)
    same = evaluate(vae, test, k=40, samples=20, batch_size=25, seed=3)
    assert found.bound == "importance bound, k = 40"
    assert found.nats == mean_and_error(-same.importance_bound)
    assert found.gap == mean_and_error(same.gap)
    assert found.information == information_terms(vae, test, samples=4, seed=3).information
    assert "log p(x) at most " in str(found)


def test_the_floor_has_training_examples_in_the_samples_place(vae):
    test, train = bits(30), bits(100)
    found = score(vae, test, train, seed=1)
    accuracies = [
        classifier_two_sample(test, part, seed=1, permutations=1).statistic
        for part in train[:90].split(30)
    ]
    assert found.floor == pytest.approx(sum(accuracies) / 3)
    assert score(vae, test, test + 9, seed=1).floor == 1.0


def test_the_accuracy_is_that_of_samples_of_the_model(vae):
    class Same(VAE):
        def sample(self, n):
            return test.repeat(n // len(test), 1, 1, 1)

    test = bits(40)
    same = Same(vae.prior, vae.likelihood, vae.posterior)
    assert score(same, test, test, seed=2).accuracy == sample_accuracy(test, test, 2)


def test_a_score_depends_on_its_seed_alone_and_leaves_the_model_as_it_was(vae):
    test, train = bits(30), bits(60)
    vae.train()
    state, random = [p.clone() for p in vae.parameters()], torch.get_rng_state()
    first = score(vae, test, train, k=5)
    assert torch.equal(torch.get_rng_state(), random)
    torch.rand(3)
    assert score(vae, test, train, k=5) == first
    assert score(vae, test, train, k=5, seed=1) != first
    assert vae.training
    assert all(torch.equal(p, s) for p, s in zip(vae.parameters(), state, strict=True))


def test_a_score_needs_a_floor(vae):
    with pytest.raises(ValueError, match="train: expected at least as many"):
        score(vae, bits(30), bits(29))


def test_costs_are_multiples_of_the_base_and_the_models_stay_as_they_are(vae, monkeypatch):
    game = VAEGAN.build(SHAPE, 2, (8,), critic_hidden=(8,), warm_up=3)
    models = {"VAE": vae, "game": game}
    states = {name: [p.clone() for p in m.state_dict().values()] for name, m in models.items()}
    played = []
    loss = VAEGAN.loss

    def watched(model, batch, player):
        played.append(player)
        return loss(model, batch, player)

    monkeypatch.setattr(VAEGAN, "loss", watched)
    costs = relative_costs(models, bits(20), base="VAE", rounds=3)
    assert costs["VAE"] == (1.0, 1.0)
    assert played == ["critic", "model"] * 6  # each step twice, the first one untimed
    for name, model in models.items():
        pairs = zip(model.state_dict().values(), states[name], strict=True)
        assert all(torch.equal(*pair) for pair in pairs), name
        assert all(p.grad is None for p in model.parameters())


def test_the_base_must_be_among_the_models(vae):
    with pytest.raises(ValueError, match="base: expected one of VAE, got 'vae'"):
        relative_costs({"VAE": vae}, bits(3), base="vae")


def test_rank_correlation_depends_on_the_order_alone():
    torch.manual_seed(0)
    a, b = torch.randn(2, 9).double().tolist()
    plain = rank_correlation(a, b)
    assert rank_correlation([x**3 for x in a], b) == pytest.approx(plain)
    assert rank_correlation(a, [-y for y in b]) == pytest.approx(-plain)
    assert rank_correlation(a, a) == 1.0
    n, ranks = 9, [sorted(v).index for v in (a, b)]
    squares = sum((ranks[0](x) - ranks[1](y)) ** 2 for x, y in zip(a, b, strict=True))
    assert plain == pytest.approx(1 - 6 * squares / (n * (n * n - 1)))


def test_rank_correlation_shares_the_ranks_of_equal_values():
    from scipy.stats import spearmanr

    a, b = [1.0, 1.0, 2.0, 5.0, 5.0, 5.0], [3.0, 1.0, 2.0, 2.0, 7.0, 0.0]
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)


@pytest.mark.parametrize("columns", [([1.0], [2.0]), ([1.0, 2.0], [1.0]), ([1.0, 1.0], [1.0, 2.0])])
def test_rank_correlation_needs_an_order(columns):
    with pytest.raises(ValueError, match="a, b: expected"):
        rank_correlation(*columns)
