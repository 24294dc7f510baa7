import math

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Normal

from course_lib.distributions import DiagonalGaussian
from course_lib.exact.kalman import LinearGaussianChain
from course_lib.objectives import filtering_bound, sequence_elbo, sequence_importance_bound
from course_lib.objectives.padding import (
    read_sequences,
    stack_over_time,
    sum_over_time,
    valid_steps,
)
from course_lib.objectives.sequence_bounds import systematic_ancestors

pytestmark = pytest.mark.usefixtures("fixed_seed")

CHAIN = LinearGaussianChain([[0.9]], [[1.2]], [0.5], [0.3])


class TestSequences:
    x = torch.arange(24.0).view(2, 4, 3)

    @pytest.mark.parametrize("form", ["pair", "dict"])
    def test_forms_agree_and_are_cut_after_the_longest(self, form):
        length = torch.tensor([2, 3])
        batch = (self.x, length) if form == "pair" else {"x": self.x, "length": length}
        x, found = read_sequences(batch)
        assert torch.equal(x, self.x[:, :3])
        assert torch.equal(found, length)

    def test_a_tensor_alone_is_valid_to_its_end(self):
        x, length = read_sequences(self.x)
        assert torch.equal(x, self.x)
        assert length.tolist() == [4, 4]

    @pytest.mark.parametrize(
        ("batch", "error", "message"),
        [
            (x[0], ValueError, r"x: expected shape \(batch, time, dim\).*\(4, 3\)"),
            (x[:0], ValueError, "x: expected shape"),
            (x[:, :0], ValueError, "x: expected shape"),
            (x.numpy(), TypeError, "x: expected a tensor, a pair"),
            ({"x": x}, TypeError, "x: expected a tensor, a pair .* got dict"),
            ((x, x, x), TypeError, "x: expected a tensor, a pair"),
            ((x, torch.tensor([1, 5])), ValueError, r"length: expected values in 1..4, got 1..5"),
            ((x, torch.tensor([0, 3])), ValueError, r"length: expected values in 1..4, got 0..3"),
            ((x, torch.tensor([3])), ValueError, r"length: expected shape \(2,\), got \(1,\)"),
            ((x, torch.tensor([1.0, 2.0])), TypeError, "length: expected a tensor of integers"),
            ((x, torch.tensor([True, True])), TypeError, "length: expected a tensor of integers"),
            ((x, [1, 2]), TypeError, "length: expected a tensor of integers, got list"),
        ],
    )
    def test_other_forms_and_lengths_are_refused(self, batch, error, message):
        with pytest.raises(error, match=message):
            read_sequences(batch)

    def test_padding_adds_nothing_whatever_it_holds_and_has_no_gradient(self):
        terms = torch.randn(5, 2, 3, dtype=torch.float64)
        valid = valid_steps(torch.tensor([5, 2, 1]), 5)
        for rubbish in (1e30, math.inf, math.nan):
            spoilt = terms.where(valid[:, None], rubbish).requires_grad_()
            total = sum_over_time(spoilt, valid)
            for b, n in enumerate((5, 2, 1)):
                torch.testing.assert_close(total[:, b], terms[:n, :, b].sum(0))
            total.sum().backward()
            assert torch.equal(spoilt.grad, valid[:, None].double().expand(5, 2, 3))

    def test_gaussians_are_stacked_and_nothing_else(self):
        steps = [DiagonalGaussian(torch.randn(4, 3), torch.randn(4, 3)) for _ in range(5)]
        z = torch.randn(5, 4, 3)
        expected = torch.stack([q.log_prob(value) for q, value in zip(steps, z, strict=True)])
        torch.testing.assert_close(stack_over_time(steps).log_prob(z), expected)
        with pytest.raises(TypeError, match="inference: expected a DiagonalGaussian, got Normal"):
            stack_over_time([Normal(torch.zeros(3), 1.0)])


def gaussians(*shape):
    mu, log_scale = torch.randn(2, *shape, dtype=torch.float64)
    return DiagonalGaussian(mu, 0.3 * log_scale)


def test_the_bound_uses_a_closed_form_where_there_is_one():
    """A prior without a closed form, here the same one wrapped, gives the same mean."""
    prior, posterior, x = (
        gaussians(3, 1, 2, 2),
        gaussians(3, 1, 2, 2),
        torch.zeros(3, 1, 2, 4).double(),
    )
    valid = valid_steps(torch.tensor([3, 2]), 3)
    z = posterior.expand((3, 1, 2)).rsample((20_000,)).squeeze(2).transpose(0, 1)

    class Wrapped:
        log_prob = staticmethod(prior.log_prob)

    likelihood = DiagonalGaussian(x.expand(3, 20_000, 2, 4), x.expand(3, 20_000, 2, 4))
    closed = sequence_elbo(prior, likelihood, posterior, x, z, valid)
    sampled = sequence_elbo(Wrapped(), likelihood, posterior, x, z, valid)
    per_step = torch.distributions.kl_divergence(posterior, prior).squeeze(1)
    expected = torch.stack([per_step[:, 0].sum(), per_step[:2, 1].sum()])
    torch.testing.assert_close(closed.kl, expected)
    torch.testing.assert_close(sampled.kl, expected, rtol=0, atol=0.08)
    steps = torch.tensor([3.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(closed.reconstruction, -2 * math.log(2 * math.pi) * steps)
    torch.testing.assert_close(closed.total, closed.reconstruction - closed.kl)


def optimal_filter(x):
    """Propose z_t from p(z_t | z_{t-1}, x_t), the best that a filter can do for this chain."""

    def propose(t, state):
        precision = 1 / 0.5 + 1.2**2 / 0.3
        mean = (0.9 * state / 0.5 + 1.2 * x[:, t] / 0.3) / precision
        q = Normal(mean, precision**-0.5)
        z = q.sample()
        log_p = Normal(0.9 * state, math.sqrt(0.5)).log_prob(z)
        log_p = log_p + Normal(1.2 * z, math.sqrt(0.3)).log_prob(x[:, t])
        return (log_p - q.log_prob(z))[..., 0], z

    return propose


def blind_filter(x):
    """Propose z_t from the prior."""

    def propose(t, state):
        z = 0.9 * state + math.sqrt(0.5) * torch.randn_like(state)
        return Normal(1.2 * z, math.sqrt(0.3)).log_prob(x[:, t])[..., 0], z

    return propose


def run(filter_of, x, k, threshold, length=None):
    length = torch.full((len(x),), x.shape[1]) if length is None else length
    start = torch.zeros(k, len(x), 1, dtype=torch.float64)
    return filtering_bound(filter_of(x), start, valid_steps(length, x.shape[1]), threshold)


@pytest.mark.parametrize("filter_of", [optimal_filter, blind_filter])
@pytest.mark.parametrize("threshold", [0, 0.5, 2])
def test_the_estimate_of_the_evidence_is_unbiased(filter_of, threshold):
    """Resampling neither adds nor loses mass: the mean of p-hat is p(x), from the Kalman filter."""
    x = CHAIN.sample(1, 5, torch.Generator().manual_seed(1)).expand(30_000, -1, -1)
    ratio = (run(filter_of, x, 4, threshold) - CHAIN.log_prob(x[:1])).exp()
    assert (ratio.mean() - 1).abs() < 4.5 * ratio.std() / math.sqrt(len(x))
    assert ratio.std() / math.sqrt(len(x)) < 0.03


@pytest.mark.parametrize("threshold", [0, 0.5, 2])
def test_bounds_rise_with_k_and_stay_below_the_evidence(threshold):
    x = CHAIN.sample(1, 6, torch.Generator().manual_seed(2)).expand(4000, -1, -1)
    exact = CHAIN.log_prob(x[:1]).item()
    means = [run(blind_filter, x, k, threshold).mean().item() for k in (1, 3, 10, 40)]
    assert means == sorted(means)
    assert means[-1] < exact
    assert exact - means[-1] < 0.2 * (exact - means[0])


def test_giving_up_bad_paths_tightens_the_bound_of_a_long_sequence():
    x = CHAIN.sample(200, 60, torch.Generator().manual_seed(3))
    exact = CHAIN.log_prob(x).mean()
    whole, filtered = (run(blind_filter, x, 30, threshold).mean() for threshold in (0, 0.5))
    assert whole + 5 < filtered < exact


def test_without_resampling_it_is_the_importance_bound_of_whole_paths():
    x, length = CHAIN.sample(7, 5), torch.tensor([5, 4, 1, 2, 5, 3, 5])
    torch.manual_seed(1)
    bound = run(blind_filter, x, 6, 0, length)
    torch.manual_seed(1)
    weights, state = [], torch.zeros(6, 7, 1, dtype=torch.float64)
    for t in range(5):
        weight, state = blind_filter(x)(t, state)
        weights.append(weight)
    whole = sequence_importance_bound(torch.stack(weights), valid_steps(length, 5))
    torch.testing.assert_close(bound, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threshold", [0, 0.5, 2])
def test_padding_adds_exactly_nothing_to_a_filter(threshold):
    x, length = CHAIN.sample(5, 7), torch.tensor([7, 3, 1, 5, 2])

    def wrecked(t, state):
        weight, state = blind_filter(x)(t, state)
        over = t >= length
        return weight.where(~over, math.nan), state.where(~over[:, None], 1e9)

    start = torch.zeros(4, 5, 1, dtype=torch.float64)
    bounds = []
    for propose in (blind_filter(x), wrecked):
        torch.manual_seed(1)
        bounds.append(filtering_bound(propose, start, valid_steps(length, 7), threshold))
    assert torch.equal(*bounds)


def test_equal_weights_are_left_alone_and_each_example_is_judged_by_itself():
    """Example 0 never has reason to resample; what its paths remember is never exchanged."""
    seen = []

    def propose(t, state):
        seen.append(state[..., 0])
        weight = torch.zeros(4, 2)
        weight[0, 1] = 50.0
        return weight, state

    start = torch.arange(4.0)[:, None, None].expand(4, 2, 1)
    filtering_bound(propose, start, torch.ones(2, 2, dtype=torch.bool))
    assert seen[1][:, 0].tolist() == [0, 1, 2, 3]
    assert seen[1][:, 1].tolist() == [0, 0, 0, 0]


def test_ancestors_are_drawn_in_proportion_to_the_weights():
    weight = torch.tensor([0.42, 0.0, 0.31, 0.02, 0.25])
    draws = systematic_ancestors(weight.log()[:, None].expand(-1, 20_000))
    counts = nn.functional.one_hot(draws, 5).double().sum(0)
    assert torch.equal(counts.sum(1), torch.full((20_000,), 5.0).double())
    assert ((counts - 5 * weight).abs() < 1).all()
    torch.testing.assert_close(counts.mean(0), 5 * weight.double(), rtol=0, atol=0.02)


def test_ancestors_have_weight_even_where_sums_are_rounded():
    logits = 30 * torch.randn(7, 5000)
    log_weight = Categorical(logits=logits.T).logits.T
    draws = systematic_ancestors(log_weight)
    assert draws.shape == (7, 5000)
    assert log_weight.gather(0, draws).min() > -20


def test_gradients_pass_through_the_weights():
    x = CHAIN.sample(3, 4)
    scale = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)

    def propose(t, state):
        z = 0.9 * state + math.sqrt(0.5) * torch.randn_like(state)
        return Normal(scale * z, math.sqrt(0.3)).log_prob(x[:, t])[..., 0], z

    start = torch.zeros(5, 3, 1, dtype=torch.float64)
    filtering_bound(propose, start, valid_steps(torch.full((3,), 4), 4)).sum().backward()
    assert scale.grad.isfinite()
    assert scale.grad != 0
