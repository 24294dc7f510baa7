import itertools
import math

import pytest
import torch
from numpy.polynomial.hermite_e import hermegauss
from torch import nn
from torch.distributions import MultivariateNormal, kl_divergence

from course_lib.distributions import (
    AutoregressiveBernoulli,
    Brick,
    ConditionalBernoulli,
    ConditionalGaussian,
    DiagonalGaussian,
    Flow,
    GatedRecurrence,
    Planar,
    StandardGaussian,
    mlp,
)
from course_lib.exact.kalman import LinearGaussianChain
from course_lib.models import VAE, VariationalRNN
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

D, K, H = 5, 2, 6
LENGTH = torch.tensor([4, 1, 6, 3])
BUILDERS = {
    "bernoulli": lambda **o: VariationalRNN.build(D, K, H, **o),
    "gaussian": lambda **o: VariationalRNN.build(D, K, H, "gaussian", **o),
    "autoregressive": lambda **o: VariationalRNN.build(D, K, H, "autoregressive", **o),
    "standard prior": lambda **o: VariationalRNN.build(D, K, H, learned_prior=False, **o),
}


@pytest.fixture(params=BUILDERS.values(), ids=BUILDERS)
def build(request):
    return request.param


def moved(model, scale=0.4):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return model.double()


def bits(n=4, steps=6, dim=D):
    return torch.bernoulli(torch.full((n, steps, dim), 0.4)).double()


def bounds_of(model, batch, k=3):
    """All bounds, each from the same random numbers."""
    found = {}
    for name, call in (
        ("elbo", lambda: model.elbo(batch, k)),
        ("importance", lambda: model.importance_bound(batch, k)),
        ("filtering", lambda: model.filtering_bound(batch, k)),
    ):
        torch.manual_seed(1)
        found[name] = call()
    total, reconstruction, kl = found.pop("elbo")
    return {"total": total, "reconstruction": reconstruction, "kl": kl, **found}


@pytest.fixture
def without_noise(monkeypatch):
    """Every z is the mean of its Gaussian, so that a batch and its parts draw the same."""

    def zero(self, shape):
        return torch.zeros(self._extended_shape(torch.Size(shape)), dtype=self.mu.dtype)

    monkeypatch.setattr(DiagonalGaussian, "_noise", zero)


def test_pieces_of_the_bound_add_up(build):
    model = moved(build())
    bound = model.elbo((bits(), LENGTH), samples=3)
    assert torch.equal(bound.total, bound.reconstruction - bound.kl)
    assert {piece.shape for piece in bound} == {torch.Size([4])}
    assert (bound.kl > 0).all()
    assert model.importance_bound((bits(), LENGTH), 3).shape == (4,)
    assert model.filtering_bound((bits(), LENGTH), 3).shape == (4,)


def test_a_padded_batch_is_its_sequences_one_by_one(build, without_noise):
    """Padding adds exactly nothing, sums are over time (not means), and nobody sees a neighbour."""
    model, x = moved(build()), bits()
    together = bounds_of(model, {"x": x, "length": LENGTH})
    for b, n in enumerate(LENGTH.tolist()):
        alone = bounds_of(model, x[b : b + 1, :n])
        for name, value in alone.items():
            torch.testing.assert_close(together[name][b], value[0], rtol=0, atol=1e-12)


def test_padding_may_hold_anything(build):
    model, x = moved(build()), bits()
    padding = torch.arange(6) >= LENGTH[:, None]
    clean = bounds_of(model, (x, LENGTH))
    for rubbish in (1.0, 17.3, math.nan):
        spoilt = x.masked_fill(padding[..., None], rubbish)
        for name, value in bounds_of(model, (spoilt, LENGTH)).items():
            assert torch.equal(value, clean[name]), name
    model.losses((spoilt, LENGTH))["model"].backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_the_loss_is_minus_the_mean_bound(build):
    model, batch = moved(build()), {"x": bits(), "length": LENGTH}
    torch.manual_seed(1)
    losses = model.losses(batch)
    torch.manual_seed(1)
    assert list(losses) == ["model"]
    assert torch.equal(losses["model"], -model.elbo(batch).total.mean())


def test_a_step_sees_no_later_one(build):
    """Prior and state know x before t, the posterior knows x_t as well, and none knows more."""
    model, x = moved(build()), bits().requires_grad_()
    path = model.infer(x, samples=2)
    means = {"state": path.state, "posterior": path.posterior.mu}
    if path.prior.batch_shape:
        means["prior"] = path.prior.mu
    for name, mean in means.items():
        for t in range(6):
            slope = torch.autograd.grad(mean[t].sum(), x, retain_graph=True, allow_unused=True)[0]
            used = torch.zeros(6) if slope is None else slope.abs().sum((0, 2))
            last = t + 1 if name == "posterior" else t
            assert used[last:].sum() == 0, name
            assert (used[:last] > 0).all(), name


def test_later_steps_do_not_change_the_bound_of_the_beginning(build, without_noise):
    model, x = moved(build()), bits()
    beginning = bounds_of(model, x[:, :3])
    other = torch.cat((x[:, :3], 1 - x[:, 3:]), 1)
    for name, value in bounds_of(model, (other, torch.full((4,), 3))).items():
        assert torch.equal(value, beginning[name])


def test_an_example_is_scored_by_itself(build):
    model, x = moved(build()), bits().requires_grad_()
    for name, bound in bounds_of(model, (x, LENGTH)).items():
        slopes = torch.autograd.grad(bound[2], x, retain_graph=True)[0].flatten(1).abs().sum(1)
        assert slopes[2] > 0, name
        assert slopes[[0, 1, 3]].sum() == 0, name


def test_a_call_remembers_nothing_of_the_call_before(build):
    model, batch = moved(build()), (bits(), LENGTH)
    first = bounds_of(model, batch)
    model.elbo(bits(3, 9))
    for name, value in bounds_of(model, batch).items():
        assert torch.equal(value, first[name])


class AtStart(nn.Module):
    """One of the model's bricks at t = 1, where the state is zero, as a VAE calls it."""

    def __init__(self, brick, state_first=False, features=None):
        super().__init__()
        self.brick, self.state_first, self.features = brick, state_first, features
        self.event_shape = brick.event_shape
        self.check_event = brick.check_event

    def forward(self, value=None):
        if value is None:
            return self.brick(torch.zeros(H, dtype=torch.float64))
        value = value if self.features is None else self.features(value)
        return self.brick(torch.cat((value, value.new_zeros(*value.shape[:-1], H)), -1))


def test_one_step_is_a_vae(build):
    """Identity 16: with T = 1 the same parameters and the same noise give the VAE's numbers."""
    model, x = moved(build()), bits(7, 1)
    prior, likelihood = AtStart(model.prior), AtStart(model.generation)
    vae = VAE(prior, likelihood, AtStart(model.inference, features=model.features))
    for call in (lambda m, x: m.elbo(x, 3).total, lambda m, x: m.importance_bound(x, 3)):
        torch.manual_seed(1)
        ours = call(model, x)
        torch.manual_seed(1)
        torch.testing.assert_close(ours, call(vae, x[:, 0]), rtol=0, atol=1e-12)


def test_whole_paths_are_what_a_filter_without_resampling_keeps(build):
    model, batch = moved(build()), (bits(), LENGTH)
    torch.manual_seed(1)
    whole = model.importance_bound(batch, 5)
    torch.manual_seed(1)
    kept = model.filtering_bound(batch, 5, threshold=0)
    torch.testing.assert_close(whole, kept, rtol=0, atol=1e-12)


def test_the_rate_is_exact_given_the_steps_before(build):
    model, x = moved(build()), bits()
    torch.manual_seed(1)
    path = model.infer(x, samples=2)
    torch.manual_seed(1)
    rate = kl_divergence(path.posterior, path.prior).sum(0).mean(0)
    torch.testing.assert_close(model.elbo(x, samples=2).kl, rate, rtol=0, atol=1e-12)


def test_a_standard_prior_does_not_look_back():
    model = VariationalRNN.build(D, K, H, learned_prior=False)
    assert isinstance(model.prior, StandardGaussian)
    assert isinstance(VariationalRNN.build(D, K, H).prior, ConditionalGaussian)


@torch.no_grad()
def evidence(model, x):
    """log p(x) of the slide, term by term, by Gauss-Hermite quadrature over all paths of z.

    x (batch, 3, dim), one-dimensional z. A node is a noise, z = mu + scale * noise of the prior.
    """
    nodes, weights = (torch.from_numpy(part) for part in hermegauss(22))
    noise = torch.cartesian_prod(nodes, nodes, nodes)
    log_weight = torch.cartesian_prod(weights, weights, weights).log().sum(1)
    total = []
    for sequence in x:
        state = torch.zeros(len(noise), model.recurrence.hidden_size, dtype=x.dtype)
        log_p = log_weight - 1.5 * math.log(2 * math.pi)
        for t, step in enumerate(sequence):
            prior, seen = model.prior(state), step.expand(len(noise), -1)
            z = prior.mean + prior.stddev * noise[:, t, None]
            log_p = log_p + model.generation(torch.cat((z, state), -1)).log_prob(seen)
            inputs = torch.cat((model.features(seen), z), -1)
            state = nn.GRUCell.forward(model.recurrence, inputs, state)
        total.append(log_p.logsumexp(0))
    return torch.stack(total)


def tiny(likelihood, **options):
    """A model of sequences of two bits, calm enough for its quadrature and for light tails."""
    model = moved(VariationalRNN.build(2, 1, 4, likelihood, **options), 0.6).eval()
    with torch.no_grad():
        for part, size in ((model.prior, 0.3), (model.inference, 0.3), (model.generation, 0.5)):
            for parameter in part.parameters():
                parameter *= size
        model.inference.network[-1].bias[1] += 0.5  # q wider than p: weights with light tails
    return model


@pytest.mark.parametrize("likelihood", ["bernoulli", "autoregressive"])
@pytest.mark.parametrize("learned_prior", [True, False])
def test_bounds_rise_to_the_exact_evidence(likelihood, learned_prior):
    model, x = tiny(likelihood, learned_prior=learned_prior), bits(3, 3, 2)
    exact = evidence(model, x)
    with torch.no_grad():
        many = {"x": x.repeat(600, 1, 1), "length": torch.full((1800,), 3)}
        for bound in (model.importance_bound, model.filtering_bound):
            means = [bound(many, k).view(600, 3).mean().item() for k in (1, 4, 30)]
            assert means == sorted(means)
            assert means[-1] < exact.mean() + 0.01
            torch.testing.assert_close(bound(x, 20_000), exact, rtol=0, atol=0.06)
        ours, theirs = model.elbo(many).total, model.importance_bound(many, 1)
        error = ((ours.var() + theirs.var()) / 1800).sqrt()
        assert abs(ours.mean() - theirs.mean()) < 5 * error


@pytest.mark.parametrize("likelihood", ["bernoulli", "autoregressive"])
def test_probabilities_of_all_sequences_sum_to_one(likelihood):
    model = tiny(likelihood)
    one_step = list(itertools.product([0.0, 1.0], repeat=2))
    x = torch.tensor(list(itertools.product(one_step, repeat=3)), dtype=torch.float64)
    assert evidence(model, x).exp().sum().item() == pytest.approx(1, abs=1e-6)


class Linear(Brick):
    """N(slope * context, scale^2), or with a context of three numbers N(a z + b, exp(c)^2)."""

    def __init__(self, slope=None, variance=None):
        super().__init__(1)
        self.slope = (
            None if slope is None else nn.Parameter(torch.tensor(slope, dtype=torch.float64))
        )
        self.log_scale = None if variance is None else 0.5 * math.log(variance)

    def forward(self, context):
        if self.slope is None:
            gain, offset, log_scale, state = context.split(1, -1)
            return DiagonalGaussian(gain * state + offset, log_scale)
        mu = self.slope * context[..., :1]
        return DiagonalGaussian(mu, torch.full_like(mu, self.log_scale))


class Remember(nn.Module):
    """h_t = z_t: all that a Markov chain needs."""

    hidden_size = 1

    def forward(self, step, state):
        return step[..., -1:]


class Views(nn.Module):
    """For every step the numbers of q(z_t | z_{t-1}, ...): gain, offset and log_scale."""

    def __init__(self, chain, smoothing):
        super().__init__()
        self.chain, self.smoothing = chain, smoothing

    def forward(self, x):
        sequence = x.transpose(0, 1)
        if not self.smoothing:  # the posterior of a chain that ends at t
            views = [self.chain.posterior(sequence[:, t : t + 1]) for t in range(len(x))]
            view = [torch.cat(part, dim) for part, dim in zip(zip(*views), (0, 1, 0))]  # noqa: B905
        else:
            view = self.chain.posterior(sequence)
        gain, offset, covariance = view
        shape = (*x.shape[:2], 1)
        parts = gain.expand(shape), offset.transpose(0, 1), 0.5 * covariance.log().expand(shape)
        return torch.cat(parts, -1)


CHAIN = LinearGaussianChain([[0.9]], [[1.2]], [0.5], [0.3])


def kalman_model(smoothing):
    return VariationalRNN(
        Linear(0.9, 0.5), Linear(1.2, 0.3), Remember(), Linear(), Views(CHAIN, smoothing)
    )


def test_a_posterior_that_sees_all_of_x_closes_the_gap_of_every_path():
    model, x = kalman_model(smoothing=True), CHAIN.sample(7, 10)
    for bound in (
        model.importance_bound(x, 1),
        model.importance_bound(x, 5),
        model.filtering_bound(x, 5, threshold=0),
    ):
        torch.testing.assert_close(bound, CHAIN.log_prob(x), rtol=0, atol=1e-11)
    averaged = model.elbo(x, samples=20_000).total
    torch.testing.assert_close(averaged, CHAIN.log_prob(x), rtol=0, atol=0.1)


def written_out(steps):
    """p(z|x) and the filter's q(z|x) as functions of one sequence x: Gaussians over all of z."""
    eye = torch.eye(steps, dtype=torch.float64)
    below = eye.roll(1, 0).tril(-1)
    inverse_root = eye - 0.9 * below
    precision = inverse_root.T @ inverse_root / 0.5 + 1.44 / 0.3 * eye
    local = 1 / 0.5 + 1.44 / 0.3
    path = torch.linalg.inv(eye - 0.9 / 0.5 / local * below)
    q_cov, p_cov = path @ path.T / local, torch.linalg.inv(precision)

    def at(x):
        pull = 1.2 / 0.3 * x
        q = MultivariateNormal(path @ pull / local, q_cov)
        return MultivariateNormal(p_cov @ pull, p_cov), q

    return at


@torch.no_grad()
def test_a_posterior_that_sees_no_later_step_leaves_its_kl_as_a_gap():
    """Identity 1 over time: even the best filter q(z_t | z_{t-1}, x_t) pays for not looking ahead.

    A particle filter, which weighs paths by what comes later, wins most of it back.
    """
    model, x = kalman_model(smoothing=False), CHAIN.sample(5, 10)
    posterior_and_q = [written_out(10)(sequence) for sequence in x[..., 0]]
    gap = torch.stack([kl_divergence(q, posterior) for posterior, q in posterior_and_q])
    found = CHAIN.log_prob(x) - model.elbo(x, samples=40_000).total
    torch.testing.assert_close(found, gap, rtol=0, atol=0.06)
    assert (gap > 0.3).all()
    many = x.repeat(300, 1, 1)
    filtered = CHAIN.log_prob(many) - model.filtering_bound(many, 64)
    assert filtered.mean() < 0.1 * gap.mean()


@torch.no_grad()
def test_samples_follow_the_chain():
    model, many = kalman_model(smoothing=True), 30_000
    model.features = nn.Identity()  # a sample has no future to look at
    x = model.sample(many, 4)[..., 0]
    z_variance = torch.tensor([0.5 * sum(0.81**s for s in range(t + 1)) for t in range(4)])
    expected = 1.44 * z_variance + 0.3
    assert x.shape == (many, 4)
    torch.testing.assert_close(x.var(0).float(), expected, rtol=0.05, atol=0)
    neighbours = (x[:, 1:] * x[:, :-1]).mean(0).float()
    torch.testing.assert_close(neighbours, 1.44 * 0.9 * z_variance[:-1], rtol=0, atol=0.05)


@torch.no_grad()
def test_a_continuation_follows_what_came_before():
    """With the exact q, the next steps have the mean that the chain predicts from all of x."""
    model, x = kalman_model(smoothing=True), 2 * CHAIN.sample(2, 5)
    length = torch.tensor([5, 2])
    many = x.repeat_interleave(20_000, 0), length.repeat_interleave(20_000)
    views = [CHAIN.posterior(sequence[None, :n]) for sequence, n in zip(x, length, strict=True)]
    z = []
    for gain, offset, _ in views:
        mean = torch.zeros(1, dtype=torch.float64)
        for a, b in zip(gain[:, 0, 0], offset[0, :, 0], strict=True):
            mean = a * mean + b
        z.append(mean)
    torch.manual_seed(3)
    drawn = continuation_without_a_future(model, many, 3)
    assert drawn.shape == (40_000, 3, 1)
    powers = torch.tensor([0.9, 0.81, 0.729], dtype=torch.float64)
    expected = 1.2 * torch.stack(z) * powers
    found = drawn[..., 0].view(2, 20_000, 3).mean(1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)


def continuation_without_a_future(model, batch, steps):
    """Sequences of one length at a time, for this q looks ahead, into padding as well."""
    x, length = batch
    parts = [model.continuation(x[length == n][:, :n], steps) for n in (5, 2)]
    return torch.cat(parts)


def test_each_sequence_goes_on_after_its_own_end(build, without_noise, monkeypatch):
    """In a ragged batch it goes on as it would by itself, whatever the padding holds."""
    monkeypatch.setattr(torch, "bernoulli", lambda mean: (mean > 0.5).to(mean))
    model, x = moved(build(), 0.8).eval(), bits()
    spoilt = x.masked_fill((torch.arange(6) >= LENGTH[:, None])[..., None], math.nan)
    together = model.continuation((spoilt, LENGTH), 5)
    assert together.shape == (4, 5, D)
    assert not together.requires_grad
    for b, n in enumerate(LENGTH.tolist()):
        alone = model.continuation(x[b : b + 1, :n], 5)
        torch.testing.assert_close(together[b], alone[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n", "steps"), [(1, 1), (3, 7)])
def test_samples_are_observations(build, n, steps):
    model = moved(build()).eval()
    x = model.sample(n, steps)
    assert x.shape == (n, steps, D)
    assert not x.requires_grad
    assert model.elbo(x).total.shape == (n,)
    assert model.elbo(model.continuation(x, 4)).total.shape == (n,)
    if not isinstance(model.generation, ConditionalGaussian):
        assert torch.equal(x, x.square())


def test_samples_follow_the_evidence():
    model = tiny("autoregressive")
    with torch.no_grad():
        for parameter in model.features.parameters():
            parameter *= 6  # so that it matters which step was last
    one_step = list(itertools.product([0.0, 1.0], repeat=2))
    all_x = torch.tensor(list(itertools.product(one_step, repeat=3)), dtype=torch.float64)
    drawn = model.sample(20_000, 3).flatten(1)
    place = (drawn * 2 ** torch.arange(5, -1, -1)).sum(1).long()
    share = place.bincount(minlength=64) / 20_000
    exact = evidence(model, all_x).exp()
    assert ((share - exact).abs() < 5 * (exact / 20_000).sqrt() + 1e-3).all()


def test_any_brick_fits_where_the_events_do():
    prior = Flow(ConditionalGaussian(mlp(H, (8,), 2 * K), K), [Planar(K)])
    model = VariationalRNN(
        prior,
        ConditionalBernoulli(mlp(K + H, (8,), D), D),
        GatedRecurrence(D + K, H),
        ConditionalGaussian(mlp(D + H, (8,), 2 * K), K),
    )
    x = bits().float()
    assert model.elbo((x, LENGTH), 2).total.shape == (4,)
    assert model.importance_bound((x, LENGTH), 2).shape == (4,)
    assert model.filtering_bound((x, LENGTH), 2).shape == (4,)
    assert model.sample(3, 4).shape == (3, 4, D)


def test_the_parts_of_a_built_model_are_those_asked_for(build):
    model = build(dropout=0.25)
    assert isinstance(model.recurrence, GatedRecurrence)
    assert model.prior.event_shape == model.inference.event_shape == (K,)
    assert model.generation.event_shape == (D,)
    assert model.dropout.p == 0.25


def test_dropout_ends_with_training(without_noise):
    model, x = moved(VariationalRNN.build(D, K, H, dropout=0.5)), bits()
    assert not torch.equal(model.infer(x).state, model.infer(x).state)
    path = model.infer(x)
    outputs = [model._generate(path.z, path.state).logits for _ in range(2)]
    assert not torch.equal(*outputs)
    model.eval()
    assert torch.equal(model.elbo(x).total, model.elbo(x).total)


def test_within_a_step_bits_may_depend_on_each_other():
    model = moved(VariationalRNN.build(D, K, H, "autoregressive"))
    step = model.generation(torch.zeros(K + H).double())
    assert isinstance(step, AutoregressiveBernoulli)


def test_it_learns_what_a_sequence_remembers():
    """Sequences that repeat one random bit: log 2 nats for all steps together."""
    x = torch.bernoulli(torch.full((256, 1, 1), 0.5)).expand(-1, 5, 1).contiguous()
    model = VariationalRNN.build(1, 1, 8)
    fit(model, x, steps=200, batch_size=64, learning_rate=2e-2, progress=False)
    assert model.elbo(x).total.mean() > -1.2 * math.log(2)


def test_prior_and_inference_must_agree_on_z():
    with pytest.raises(ValueError, match=r"inference: .*\(2,\).*\(3,\)"):
        VariationalRNN(
            StandardGaussian(2),
            ConditionalBernoulli(nn.Linear(2 + H, D), D),
            GatedRecurrence(D + 2, H),
            ConditionalGaussian(nn.Linear(D + H, 6), 3),
        )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        *[({"x_dim": bad}, "x_dim") for bad in (0, -1, 2.5, True, None, (2, 3))],
        *[({"z_dim": bad}, "z_dim") for bad in (0, 2.5, True, None)],
        *[({"hidden": bad}, "hidden") for bad in (0, (8,), None)],
        *[({"likelihood": bad}, "likelihood") for bad in ("poisson", None)],
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        VariationalRNN.build(**{"x_dim": D, "z_dim": K, **arguments})


@pytest.mark.parametrize("method", ["elbo", "importance_bound", "filtering_bound", "continuation"])
@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (bits(4, 6, 3), ValueError, "x: expected shape"),
        (bits()[0], ValueError, "x: expected shape"),
        (bits()[:0], ValueError, "x: expected shape"),
        (bits().float(), TypeError, "x: expected torch.float64"),
        (bits().int(), TypeError, "x: expected a floating-point"),
        (bits().numpy(), TypeError, "x: expected a tensor"),
        (bits() + 0.3, ValueError, "x: .*entries 0 and 1"),
        (bits().index_fill(1, torch.tensor(3), math.nan), ValueError, "x: .*finite"),
        ((bits(), LENGTH + 1), ValueError, r"length: expected values in 1\.\.6, got 2\.\.7"),
        ((bits(), LENGTH - 1), ValueError, r"length: expected values in 1\.\.6, got 0\.\.5"),
        ((bits(), LENGTH[:3]), ValueError, r"length: expected shape \(4,\)"),
    ],
)
def test_what_is_no_batch_of_sequences_is_refused(method, batch, error, message):
    model = VariationalRNN.build(D, K, H).double()
    with pytest.raises(error, match=message):
        getattr(model, method)(batch, *(() if method == "elbo" else (3,)))


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_numbers_that_are_no_counts_are_refused(bad):
    model, x = VariationalRNN.build(D, K, H).double(), bits()
    for name, call in (
        ("samples", lambda: model.elbo(x, samples=bad)),
        ("samples", lambda: model.infer(x, samples=bad)),
        ("k", lambda: model.importance_bound(x, bad)),
        ("k", lambda: model.filtering_bound(x, bad)),
        ("n", lambda: model.sample(bad, 3)),
        ("steps", lambda: model.sample(3, bad)),
        ("steps", lambda: model.continuation(x, bad)),
    ):
        with pytest.raises(ValueError, match=f"{name}: expected a positive integer"):
            call()


def test_everything_follows_the_module_to_another_device(build, monkeypatch):
    """The device "meta" holds no data and refuses to mix: a stray CPU tensor would be an error."""
    model = build().to("meta")
    x = torch.empty(6, 4, D, device="meta")
    valid = torch.ones(6, 4, dtype=torch.bool, device="meta")
    monkeypatch.setattr(model, "_read", lambda batch: (x, valid))
    for result in (*model.elbo(x, samples=2), model.importance_bound(x, 3)):
        assert result.device.type == "meta"


def test_weights_are_all_of_the_state(build):
    first, second = moved(build()), build().double()
    second.load_state_dict(first.state_dict())
    batch = (bits(), LENGTH)
    for name, value in bounds_of(first, batch).items():
        assert torch.equal(value, bounds_of(second, batch)[name])


def test_every_parameter_learns(build):
    model = moved(build())
    model.losses(bits(64))["model"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
