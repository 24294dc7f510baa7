import math

import pytest
import torch

from course_lib.distributions import (
    AffineAutoregressive,
    Brick,
    DiagonalGaussian,
    Inverse,
    Planar,
    StandardGaussian,
)
from course_lib.evaluation import fit_posterior, gap_terms, quadrature_world
from course_lib.evaluation.gap import GapTerms
from course_lib.evaluation.refitting import PerExample, UnitTriangular
from course_lib.exact.grid import Grid
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.models import VAE

pytestmark = pytest.mark.usefixtures("fixed_seed")

WORLD = LinearGaussian.random(x_dim=6, z_dim=3, noise_scale=0.7, seed=0)


class Decoder(Brick):
    def forward(self, context=None):
        mean = context @ WORLD.weight.T + WORLD.bias
        return DiagonalGaussian(mean, torch.full_like(mean, math.log(0.7)))


class Encoder(Brick):
    """The best mean-field q, with its mean moved by ``shift``."""

    def __init__(self, shift):
        super().__init__(3)
        self.shift = shift

    def forward(self, context=None):
        mean, variance = WORLD.best_mean_field(context)
        return DiagonalGaussian(mean + self.shift, variance.log() / 2)


def linear_model(shift):
    return VAE(StandardGaussian(3).double(), Decoder(6), Encoder(shift))


@pytest.fixture(scope="module")
def x():
    return WORLD.sample(7, torch.Generator().manual_seed(0))


def test_a_shifted_encoder_has_the_known_gap_and_refitting_leaves_the_family_s(x):
    split = gap_terms(linear_model(0.3), x, WORLD.log_prob(x), steps=300, samples=4000)
    mean, variance = WORLD.best_mean_field(x)
    total = WORLD.gap(x, mean + 0.3, torch.diag_embed(variance))
    torch.testing.assert_close(split.total, total, atol=0.15, rtol=0)
    family = torch.full((7,), WORLD.mean_field_gap()).double()
    torch.testing.assert_close(split.approximation, family, atol=0.03, rtol=0)
    torch.testing.assert_close(split.amortisation, total - family, atol=0.15, rtol=0)


def test_the_best_encoder_leaves_nothing_to_refitting(x):
    split = gap_terms(linear_model(0.0), x, WORLD.log_prob(x), steps=300, samples=4000)
    torch.testing.assert_close(split.amortisation, torch.zeros(7).double(), atol=0.03, rtol=0)


@pytest.mark.parametrize("family", ["full Gaussian", "planar", "IAF"])
def test_a_richer_family_closes_the_mean_field_gap(x, family):
    split = gap_terms(linear_model(0.3), x, WORLD.log_prob(x), family, steps=300, samples=2000)
    assert split.approximation.mean() < WORLD.mean_field_gap() / 4
    assert split.approximation.mean() > -0.01


def test_the_parts_of_a_model_of_two_latents_are_exact_by_quadrature():
    model = VAE.build((1, 3, 5), 2, (8,))
    x = torch.bernoulli(torch.full((5, 1, 3, 5), 0.4))
    log_prob = quadrature_world(model, Grid(-7.0, 7.0, 71, dim=2)).log_prob(x)
    split = gap_terms(model, x, log_prob, "full Gaussian", steps=200)
    assert (split.total > split.approximation).all()
    assert (split.approximation > -0.01).all()


def test_refitting_moves_only_q(x):
    model = VAE.build((1, 3, 5), 2, (8,))
    before = {name: p.clone() for name, p in model.state_dict().items()}
    state = torch.get_rng_state()
    q, _ = fit_posterior(model, torch.ones(3, 1, 3, 5), "IAF", steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], p) for name, p in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    z, log_q = q.rsample_and_log_prob((4,))
    assert z.shape == (4, 3, 2)
    assert not z.requires_grad
    torch.testing.assert_close(q.log_prob(z), log_q, atol=1e-4, rtol=0)


def test_the_report_has_means_and_medians():
    gaps, best = (torch.tensor([1.0, 2.0, 9.0]), torch.tensor([0.5, 1.0, 1.5])), StandardGaussian(3)
    report = str(GapTerms(*gaps, best(), torch.tensor([True, True, True])))
    assert report == (
        "total 4.000 (median 2.000), approximation 1.000 (median 1.000),"
        " amortisation 3.000 (median 1.000)"
    )
    unfinished = str(GapTerms(*gaps, best(), torch.tensor([True, False, True])))
    assert unfinished == report + "; 1 of 3 fits NOT CONVERGED"


def test_a_fit_that_needs_more_steps_gets_them(x):
    far = linear_model(3.0)  # 100 steps of at most 0.02 cover one unit: one round is not enough
    split = gap_terms(far, x, WORLD.log_prob(x), steps=100, samples=500)
    assert split.converged.all()
    assert split.approximation.max() < WORLD.mean_field_gap() + 0.1


def test_a_fit_that_did_not_converge_says_so_and_for_which_x(x):
    model = linear_model(0.0)
    inner = model.posterior.forward
    mean, _ = WORLD.best_mean_field(x)

    def forward(context):
        q = inner(context)
        moved = torch.zeros_like(q.mean)
        moved[3] = 30.0
        return DiagonalGaussian(q.mean + moved, q.stddev.log())

    model.posterior.forward = forward
    found = fit_posterior(model, x, steps=100, rounds=2)
    assert found.converged.tolist() == [True, True, True, False, True, True, True]
    torch.testing.assert_close(found.q.mean[[0, 6]], mean[[0, 6]], atol=0.1, rtol=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Planar(3),
        lambda: UnitTriangular(3),
        lambda: Inverse(AffineAutoregressive(3, (5,), order=torch.tensor([2, 0, 1]))),
    ],
)
def test_each_example_passes_its_own_map(make):
    maps = [make().double() for _ in range(4)]
    with torch.no_grad():
        for map_ in maps:
            for p in map_.parameters():
                p.add_(0.3 * torch.randn_like(p))
    together, z = PerExample(maps), torch.randn(5, 4, 3).double()
    x, log_det = together(z)
    for i, map_ in enumerate(maps):
        torch.testing.assert_close(x[:, i], map_(z[:, i])[0])
        torch.testing.assert_close(log_det[:, i], map_(z[:, i])[1])
    back, opposite = together.inverse(x)
    torch.testing.assert_close(back, z, atol=1e-9, rtol=0)
    torch.testing.assert_close(opposite, -log_det, atol=1e-9, rtol=0)
    torch.testing.assert_close(together(z[0])[0], x[0])


def test_a_triangular_map_has_ones_on_its_diagonal():
    map_ = UnitTriangular(4)
    torch.nn.init.normal_(map_.lower)
    jacobian = torch.autograd.functional.jacobian(lambda z: map_(z)[0], torch.randn(4))
    assert torch.equal(jacobian.diagonal(), torch.ones(4))
    assert torch.equal(jacobian, jacobian.tril())
    z = torch.randn(5, 4)
    torch.testing.assert_close(map_.inverse(map_(z)[0])[0], z, atol=1e-4, rtol=0)


def test_bad_input_is_refused(x):
    model = linear_model(0.0)
    with pytest.raises(ValueError, match="family: expected one of Gaussian, full Gaussian"):
        fit_posterior(model, x, "mixture")
    with pytest.raises(ValueError, match="x: expected at least one example"):
        fit_posterior(model, x[:0])
    with pytest.raises(ValueError, match=r"log_prob: expected shape \(7,\)"):
        gap_terms(model, x, WORLD.log_prob(x)[:3])
    for name in ("steps", "samples"):
        with pytest.raises(ValueError, match=f"{name}: expected a positive integer"):
            fit_posterior(model, x, **{name: 0})
