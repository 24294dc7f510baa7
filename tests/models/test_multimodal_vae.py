import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence

from course_lib.distributions import (
    Brick,
    ConditionalGaussian,
    DiagonalGaussian,
    InferenceNets,
    ProductOfExperts,
    StandardGaussian,
    subsets,
)
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.models import VAE, MultimodalVAE
from course_lib.models.multimodal_vae import jmvae_objective, mvae_objective
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPES = {"grey": (1, 2, 3), "colour": (4,), "sound": (5,)}
KINDS = {"grey": "bernoulli", "colour": "gaussian", "sound": "bernoulli"}


@pytest.fixture(params=["nets", "product"])
def inference(request):
    return request.param


def build(inference="nets", names=("grey", "colour", "sound"), **options):
    shapes = {m: SHAPES[m] for m in names}
    model = MultimodalVAE.build(shapes, 2, (8,), KINDS, inference=inference, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.2 * torch.randn_like(parameter))
    return model


def only(x, *names):
    return {m: x[m] for m in names}


def with_noise(function, *arguments, seed=1, **options):
    torch.manual_seed(seed)
    return function(*arguments, **options)


# Two linear-Gaussian views of one z. The columns of each W are orthogonal, so every posterior is
# diagonal and the experts p(z|x_m) / p(z) are themselves Gaussian: all bounds can be tight.
WEIGHTS = {
    "x1": torch.tensor([[1.0, 0.0], [0.0, -0.7], [0.5, 0.0]]).double(),
    "x2": torch.tensor([[1.2, 0.0], [0.0, 0.4]]).double(),
}
NOISE = 0.8


class View(Brick):
    """p(x_m|z) = N(W z, s^2 I)."""

    def __init__(self, weight):
        super().__init__(len(weight))
        self.register_buffer("weight", weight)

    def forward(self, z):
        mu = z @ self.weight.T
        return DiagonalGaussian(mu, torch.full_like(mu, math.log(NOISE)))


class Expert(Brick):
    """p(z|x_m) / p(z), a Gaussian: precision diag(W'W) / s^2."""

    def __init__(self, weight):
        super().__init__(2)
        self.register_buffer("weight", weight)

    def forward(self, x):
        precision = self.weight.square().sum(0) / NOISE**2
        mu = x @ self.weight / NOISE**2 / precision
        return DiagonalGaussian(mu, (-0.5 * precision.log()).expand_as(mu))


class ExactNet(Brick):
    """p(z | the named views), from the exact world."""

    def __init__(self, names):
        super().__init__(2)
        self.names, self.world = names, world(*names)

    def forward(self, x):
        posterior = self.world.posterior(torch.cat([x[m] for m in self.names], 1))
        return DiagonalGaussian(posterior.mean, 0.5 * posterior.variance.log())


def world(*names):
    weight = torch.cat([WEIGHTS[m] for m in names])
    return LinearGaussian(weight, torch.zeros(len(weight)), NOISE)


def exact_model(inference):
    if inference == "product":
        posterior = ProductOfExperts({m: Expert(w) for m, w in WEIGHTS.items()})
    else:
        posterior = InferenceNets({names: ExactNet(names) for names in subsets(("x1", "x2"))})
    likelihoods = {m: View(w) for m, w in WEIGHTS.items()}
    return MultimodalVAE(StandardGaussian(2), likelihoods, posterior).double()


def exact_views(n=5):
    return {m: torch.randn(n, len(w)).double() for m, w in WEIGHTS.items()}


class TestWhereEveryBoundIsTight:
    @pytest.mark.parametrize("names", [("x1",), ("x2",), ("x1", "x2")])
    def test_every_set_of_modalities_has_its_exact_evidence(self, inference, names):
        model, x = exact_model(inference), only(exact_views(), *names)
        truth = world(*names).log_prob(torch.cat(list(x.values()), 1))
        torch.testing.assert_close(model.importance_bound(x, 1), truth, rtol=0, atol=1e-10)

    def test_the_elbo_is_the_evidence_in_expectation(self, inference):
        model, x = exact_model(inference), exact_views()
        truth = world("x1", "x2").log_prob(torch.cat([x["x1"], x["x2"]], 1))
        draws = torch.stack([model.elbo(x, samples=50).total for _ in range(40)])
        assert ((draws.mean(0) - truth).abs() < 5 * draws.std(0) / math.sqrt(40)).all()

    @pytest.mark.parametrize(("given", "rest"), [("x1", "x2"), ("x2", "x1")])
    def test_conditionals_are_joint_over_marginal(self, inference, given, rest):
        model, x = exact_model(inference), exact_views()
        joint = world("x1", "x2").log_prob(torch.cat([x["x1"], x["x2"]], 1))
        truth = joint - world(given).log_prob(x[given])
        for method in (model.conditional_bound, model.conditional_estimate):
            torch.testing.assert_close(method(x, [given], 1), truth, rtol=0, atol=1e-10)

    def test_the_experts_are_what_bayes_divides(self):
        """T5.1: the product, prior once, is the posterior of both views together."""
        x = exact_views()
        q = exact_model("product").posterior(x)
        truth = world("x1", "x2").posterior(torch.cat([x["x1"], x["x2"]], 1))
        torch.testing.assert_close(q.mean, truth.mean, rtol=0, atol=1e-12)
        torch.testing.assert_close(q.variance, truth.variance, rtol=0, atol=1e-12)

    def test_the_gap_is_the_kl_to_the_posterior(self):
        """ELBO(x1,x2) + KL(q12, p(z|x1,x2)) = log p(x1,x2) for a q that is not the posterior."""
        model, x = exact_model("nets"), exact_views()
        exact = world("x1", "x2")
        both = torch.cat([x["x1"], x["x2"]], 1)
        q = DiagonalGaussian(torch.randn(5, 2).double(), 0.3 * torch.randn(5, 2).double())
        model.posterior.forward = lambda _: q
        draws = torch.stack([model.elbo(x, samples=100).total for _ in range(50)])
        truth = exact.elbo(both, q.mean, torch.diag_embed(q.variance))
        assert ((draws.mean(0) - truth).abs() < 5 * draws.std(0) / math.sqrt(50)).all()
        gap = kl_divergence(q, model_posterior(exact, both))
        torch.testing.assert_close(truth + gap, exact.log_prob(both), rtol=0, atol=1e-10)

    def test_draws_given_one_view_follow_the_conditional(self, inference):
        model, x = exact_model(inference), exact_views(1)
        drawn = model.sample_given(only(x, "x1"), n=20_000)["x2"][:, 0]
        joint = world("x1", "x2")
        covariance = joint.weight @ joint.weight.T + NOISE**2 * torch.eye(5).double()
        slope = covariance[3:, :3] @ torch.linalg.inv(covariance[:3, :3])
        mean, spread = slope @ x["x1"][0], covariance[3:, 3:] - slope @ covariance[:3, 3:]
        error = (spread.diagonal() / len(drawn)).sqrt()
        assert ((drawn.mean(0) - mean).abs() < 5 * error).all()
        torch.testing.assert_close(torch.cov(drawn.T), spread, rtol=0.05, atol=0.03)


def model_posterior(exact, x):
    posterior = exact.posterior(x)
    return DiagonalGaussian(posterior.mean, 0.5 * posterior.variance.log())


def test_one_modality_is_a_vae():
    vae = VAE.build(SHAPES["grey"], 2, (8,))
    model = MultimodalVAE.build({"grey": SHAPES["grey"]}, 2, (8,))
    weights = [*vae.likelihood.parameters(), *vae.posterior.parameters()]
    own = [*model.likelihood.parameters(), *model.posterior.parameters()]
    with torch.no_grad():
        for source, target in zip(weights, own, strict=True):
            target.copy_(source)
    x = torch.bernoulli(torch.rand(5, 1, 2, 3))
    for method in ("elbo", "losses"):
        one = with_noise(getattr(vae, method), x)
        other = with_noise(getattr(model, method), {"grey": x})
        for left, right in zip(_values(one), _values(other), strict=True):
            torch.testing.assert_close(left, right)


def _values(result):
    return result.values() if isinstance(result, dict) else result


@pytest.mark.parametrize("names", subsets(tuple(SHAPES)))
def test_pieces_of_the_bound_add_up_for_every_set(inference, names):
    model = build(inference)
    x = only(model.sample(7), *names)
    bound = model.elbo(x, samples=3)
    assert torch.equal(bound.total, bound.reconstruction - bound.kl)
    assert torch.equal(bound.kl, kl_divergence(model.posterior(x), model.prior()))
    assert model.importance_bound(x, 4).shape == (7,)


def test_bounds_of_a_set_ignore_what_was_not_observed(inference):
    model = build(inference)
    x, other = model.sample(5), model.sample(5)
    one = with_noise(model.elbo, only(x, "grey"))
    assert torch.equal(
        one.total, with_noise(model.elbo, only({**other, **only(x, "grey")}, "grey")).total
    )
    joint = with_noise(model.elbo, x)
    assert not torch.allclose(joint.kl, one.kl)


def test_the_tie_is_the_kl_from_the_joint_net_to_the_others():
    model = build(names=("grey", "colour"))
    x = model.sample(5)
    bound = with_noise(model.elbo, x).total
    joint = model.posterior(x)
    for direction in ("forward", "reverse"):
        parts = [model.posterior(only(x, m)) for m in x]
        pairs = [(joint, q) if direction == "forward" else (q, joint) for q in parts]
        tie = sum(kl_divergence(*pair) for pair in pairs)
        tied = with_noise(jmvae_objective, model, x, alpha=0.3, direction=direction)
        torch.testing.assert_close(tied, bound - 0.3 * tie)


def test_with_three_modalities_every_smaller_set_is_tied():
    model = build()
    x = model.sample(5)
    bound, joint = with_noise(model.elbo, x).total, model.posterior(x)
    smaller = [names for names in subsets(tuple(x)) if len(names) < 3]
    tie = sum(kl_divergence(joint, model.posterior(only(x, *names))) for names in smaller)
    torch.testing.assert_close(with_noise(jmvae_objective, model, x), bound - tie)


def gradients(model, bound):
    model.zero_grad()
    bound.mean().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("hold", [True, False])
def test_whether_the_tie_moves_the_joint_net_is_a_choice(direction, hold):
    model = build(names=("grey", "colour"))
    x = model.sample(5)
    plain = gradients(model, with_noise(model.elbo, x).total)
    options = {"direction": direction, "detach_joint": hold}
    tied = gradients(model, with_noise(jmvae_objective, model, x, alpha=3.0, **options))
    assert set(plain) < set(tied)
    joint = [name for name in plain if "grey+colour" in name]
    assert joint
    for name, slope in plain.items():
        moved = not torch.allclose(slope, tied[name], rtol=1e-5, atol=1e-7)
        assert moved == (name in joint and not hold), name
    assert all(tied[name].any() for name in set(tied) - set(plain))


class Free(Brick):
    """A q(z|x_m) that is the same for every x: mean and log_scale are its parameters."""

    def __init__(self, mu, log_scale):
        super().__init__(1)
        self.mu = nn.Parameter(torch.tensor([mu], dtype=torch.float64))
        self.log_scale = nn.Parameter(torch.tensor([log_scale], dtype=torch.float64))

    def forward(self, x):
        n = len(next(iter(x.values())))
        return DiagonalGaussian(self.mu.expand(n, 1), self.log_scale.expand(n, 1))


class Two(Brick):
    """A q(z|x1,x2) that x2 alone decides: N(x2, 0.5^2)."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x):
        return DiagonalGaussian(x["x2"], torch.full_like(x["x2"], math.log(0.5)))


@pytest.mark.parametrize(
    ("direction", "mean", "variance"),
    # forward: the moments of the average over x2 = +-2, 0.25 + 4; reverse: either one's variance
    [("forward", 0.0, 4.25), ("reverse", 0.0, 0.25)],
)
def test_what_the_tie_is_best_at(direction, mean, variance):
    """The forward tie's optimum is the average over x2: as unsure as x1 leaves things."""
    net = Free(mean, 0.5 * math.log(variance))
    nets = InferenceNets({("x1",): net, ("x1", "x2"): Two()})
    likelihoods = {m: ConditionalGaussian(nn.Linear(1, 2), 1) for m in ("x1", "x2")}
    model = MultimodalVAE(StandardGaussian(1), likelihoods, nets).double()
    x = {"x1": torch.zeros(2, 1).double(), "x2": torch.tensor([[2.0], [-2.0]]).double()}
    jmvae_objective(model, x, direction=direction).mean().backward()
    assert net.mu.grad.abs() < 1e-12
    assert net.log_scale.grad.abs() < 1e-12


def test_subset_bound_is_the_sum_of_the_bounds_of_all_sets(inference):
    model = build(inference)
    x = model.sample(5)
    torch.manual_seed(1)
    apart = sum(model.elbo(only(x, *names)).total for names in subsets(tuple(x)))
    torch.testing.assert_close(with_noise(mvae_objective, model, x), apart)


def test_a_modality_that_a_batch_lacks_is_in_no_set():
    model = build("product")
    x = only(model.sample(5), "grey", "sound")
    torch.manual_seed(1)
    apart = sum(model.elbo(only(x, *names)).total for names in subsets(("grey", "sound")))
    torch.testing.assert_close(with_noise(mvae_objective, model, x), apart)
    model.losses(x)["model"].backward()
    silent = {n for n, p in model.named_parameters() if p.grad is None}
    assert silent == {n for n, _ in model.named_parameters() if "colour" in n}


def test_the_loss_is_minus_the_mean_objective(inference):
    model = build(inference)
    x = model.sample(7)
    objective = {"nets": jmvae_objective, "product": mvae_objective}[inference]
    loss = with_noise(model.losses, x)
    assert list(loss) == ["model"]
    torch.testing.assert_close(loss["model"], -with_noise(objective, model, x).mean())
    other = build(inference, objective=partial(jmvae_objective, alpha=0.0))
    torch.testing.assert_close(
        with_noise(other.losses, x)["model"], -with_noise(other.elbo, x).total.mean()
    )


def test_every_parameter_learns(inference):
    model = build(inference)
    model.losses(model.sample(64))["model"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_an_example_is_scored_by_itself(inference):
    model = build(inference)
    x = {m: v.requires_grad_() for m, v in model.sample(5).items()}
    scores = [
        *model.elbo(x, samples=2),
        model.conditional_bound(x, ["grey"], 3),
        model.objective(model, x),
    ]
    for score in scores:
        slopes = torch.autograd.grad(score[1], list(x.values()), retain_graph=True)
        for slope in slopes:
            assert slope[1].any()
            assert not slope[[0, 2, 3, 4]].any()


def test_the_conditional_bound_rises_with_k_and_stays_below(inference):
    """Against log E_{q(z|x1)} p(x2|z) by quadrature over a 2-D latent space."""
    model = build(inference, names=("grey", "colour")).double()
    x = model.sample(4)
    axis = torch.linspace(-7, 7, 201, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)[:, None]
    log_joint = model.likelihood(z).log_prob(only(x, "colour"))
    log_joint = log_joint + model.posterior(only(x, "grey")).log_prob(z)
    truth = log_joint.logsumexp(0) + 2 * (axis[1] - axis[0]).log()
    with torch.no_grad():
        few = model.conditional_bound(
            {m: v.repeat_interleave(2000, 0) for m, v in x.items()}, ["grey"], 1
        )
        many = model.conditional_bound(x, ["grey"], 20_000)
    few = few.unflatten(0, (4, 2000))
    assert (few.mean(1) < truth + 5 * few.std(1) / math.sqrt(2000)).all()
    torch.testing.assert_close(many, truth, rtol=0, atol=0.1)


@pytest.mark.parametrize("n", [1, 4])
def test_samples_are_batches_of_every_modality(inference, n):
    model = build(inference)
    x = model.sample(n)
    assert {m: tuple(v.shape) for m, v in x.items()} == {m: (n, *s) for m, s in SHAPES.items()}
    assert model.elbo(x).total.shape == (n,)
    assert {m: v.shape for m, v in model.reconstruct(x).items()} == {
        m: v.shape for m, v in x.items()
    }


def test_what_is_drawn_is_what_was_asked_for(inference):
    model = build(inference)
    x = model.sample(5)
    drawn = model.sample_given(only(x, "grey"), n=3)
    assert {m: tuple(v.shape) for m, v in drawn.items()} == {
        "colour": (3, 5, 4),
        "sound": (3, 5, 5),
    }
    again = model.sample_given(only(x, "grey", "sound"), ["grey"])
    assert {m: tuple(v.shape) for m, v in again.items()} == {"grey": (1, 5, 1, 2, 3)}


def test_modalities_drawn_together_share_one_z():
    views = {m: View(1e3 * torch.eye(2)) for m in ("a", "b", "c")}
    nets = ProductOfExperts({m: ConditionalGaussian(nn.Linear(2, 4), 2) for m in views})
    model = MultimodalVAE(StandardGaussian(2), views, nets)
    drawn = model.sample_given({"a": torch.zeros(5, 2)}, n=3)
    assert ((drawn["b"] - drawn["c"]).abs() < 10).all()
    assert drawn["b"].std() > 100


def test_training_learns_which_views_belong_together(inference):
    """Two bits that always agree: given one, the model draws the other."""
    bit = torch.bernoulli(torch.full((400, 1), 0.5))
    x = {"x1": bit.expand(-1, 3).contiguous(), "x2": bit.expand(-1, 2).contiguous()}
    model = MultimodalVAE.build({"x1": 3, "x2": 2}, 1, (16,), inference=inference)
    fit(model, x, steps=300, learning_rate=1e-2, progress=False)
    drawn = model.sample_given({"x1": x["x1"][:50]}, n=20)["x2"]
    assert (drawn == x["x2"][:50]).float().mean() > 0.85


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"shapes": {}}, "shapes"),
        ({"shapes": {"a.b": 3}}, "shapes"),
        ({"shapes": {"x1": 0}}, "x_shape|shapes"),
        ({"shapes": {"x1": (3, -1)}}, "x_shape|shapes"),
        ({"z_dim": 0}, "z_dim"),
        ({"hidden": ()}, "hidden"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"likelihood": {"x1": "bernoulli"}}, "likelihood"),
        ({"inference": "mixture"}, "inference"),
    ],
)
def test_unknown_sizes_and_names_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^({name}).*: expected"):
        MultimodalVAE.build(
            **{"shapes": {"x1": 3, "x2": 4}, "z_dim": 2, "hidden": (8,), **arguments}
        )


@pytest.mark.parametrize(
    "method", ["elbo", "importance_bound", "losses", "sample_given", "reconstruct"]
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: {}, "got none"),
        (lambda x: {**x, "smell": x["grey"]}, "smell"),
        (lambda x: {**x, "grey": x["grey"][:3]}, "one length"),
        (lambda x: {**x, "grey": x["grey"] / 0}, "finite"),
    ],
)
def test_what_is_no_batch_of_modalities_is_refused(inference, method, change, message):
    model = build(inference)
    arguments = (3,) if method == "importance_bound" else ()
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(change(model.sample(5)), *arguments)


def test_the_tie_needs_every_modality():
    model = build()
    x = only(model.sample(5), "grey", "sound")
    with pytest.raises(ValueError, match="x: expected all of grey, colour, sound, got grey, sound"):
        model.losses(x)


@pytest.mark.parametrize("alpha", [-0.1, math.nan, math.inf])
def test_a_weight_that_is_none_is_refused(alpha):
    model = build()
    with pytest.raises(ValueError, match="alpha: expected a finite number"):
        jmvae_objective(model, model.sample(5), alpha=alpha)


def test_unknown_directions_and_names_are_refused(inference):
    model = build(inference)
    x = model.sample(5)
    with pytest.raises(ValueError, match="direction: expected forward or reverse"):
        jmvae_objective(model, x, direction="backward")
    for given in ([], ["smell"], ["grey", "smell"], list(SHAPES)):
        with pytest.raises(ValueError, match="given: expected some but not all"):
            model.conditional_bound(x, given, 3)
        with pytest.raises(ValueError, match="given: expected some but not all"):
            model.conditional_estimate(x, given, 3)
    for names in ([], ["smell"]):
        with pytest.raises(ValueError, match="names: expected some of"):
            model.sample_given(only(x, "grey"), names)
    with pytest.raises(ValueError, match="n: expected a positive integer"):
        model.sample_given(only(x, "grey"), n=0)


def test_prior_and_posterior_must_agree_on_z():
    experts = ProductOfExperts({"x1": ConditionalGaussian(nn.Linear(3, 6), 3)})
    with pytest.raises(ValueError, match=r"posterior: .*\(2,\).*\(3,\)"):
        MultimodalVAE(StandardGaussian(2), {"x1": View(torch.ones(3, 2))}, experts)


def test_everything_follows_the_module_to_another_device(inference, monkeypatch):
    """The device "meta" holds no data and refuses to mix: a stray CPU tensor would be an error."""
    model = build(inference).to("meta")
    monkeypatch.setattr(model.likelihood, "check_event", lambda value, name: None)
    x = {m: torch.empty(5, *s, device="meta") for m, s in SHAPES.items()}
    results = [
        *model.elbo(x, samples=2),
        model.importance_bound(x, 3),
        model.conditional_bound(x, ["grey"], 3),
        model.losses(x)["model"],
        *model.sample(4).values(),
        *model.sample_given(only(x, "grey")).values(),
    ]
    assert {result.device.type for result in results} == {"meta"}


def test_weights_are_all_of_the_state(inference):
    first, second = build(inference), build(inference)
    second.load_state_dict(first.state_dict())
    x = first.sample(5)
    assert torch.equal(with_noise(first.elbo, x).total, with_noise(second.elbo, x).total)
