import math

import pytest
import torch

from course_lib.data import toys
from course_lib.data.toys import GaussianMixture

MAKERS = [
    toys.mixture_1d,
    toys.eight_gaussians,
    toys.two_moons,
    toys.rings,
    toys.Checkerboard,
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def density(request):
    return request.param()


def draw(density, n=20_001):
    return density.sample(n, seeded(), torch.float64)


def test_the_density_integrates_to_one(density):
    assert density.mass() == pytest.approx(1, abs=1e-10)


def test_the_quadrature_has_converged(density):
    coarse = density.entropy()
    density.step /= 2
    assert coarse == pytest.approx(density.entropy(), abs=1e-8)


def test_samples_have_the_stated_entropy(density):
    # one number that a wrong sampler, a wrong density or a wrong integral would each move
    nats = -density.log_prob(draw(density))
    spread = nats.std().item() / math.sqrt(len(nats)) + 1e-12
    assert nats.mean().item() == pytest.approx(density.entropy(), abs=4 * spread)


def test_samples_have_the_characteristic_function_of_the_density(density):
    # E exp(i w.x) at enough w determines a distribution; its odd part sees mirrored samplers
    density.step = min(density.step, 0.1)
    x, (points, volume) = draw(density), density.grid()
    p = torch.cat([density.log_prob(part) for part in points.split(8192)]).exp() * volume
    w = 1.2 * torch.randn(density.dim, 23, generator=seeded(5), dtype=torch.float64)
    expected = torch.stack([p @ (points @ w).cos(), p @ (points @ w).sin()])
    found = torch.stack([(x @ w).cos().mean(0), (x @ w).sin().mean(0)])
    # a mean of numbers in [-1, 1] has a standard error of at most 1 / sqrt(n)
    assert (found - expected).abs().max() < 4 / math.sqrt(len(x))


def test_samples_lie_where_there_is_density(density):
    x = draw(density)
    assert density.log_prob(x).isfinite().all()
    low, high = torch.tensor(density.box).T
    assert ((x >= low) & (x <= high)).all()
    assert x.abs().max() < 6


def test_a_seed_gives_the_same_points_in_every_precision(density):
    single, double = density.sample(7, seeded(3)), density.sample(7, seeded(3), torch.float64)
    assert single.shape == (7, density.dim)
    assert single.dtype == torch.float32
    assert torch.equal(single, double.float())
    assert not torch.equal(single, density.sample(7, seeded(4)))


def test_precision_and_batch_shape_follow_x(density):
    x = draw(density, 6)
    log_p = density.log_prob(x)
    assert log_p.dtype == torch.float64
    batched = density.log_prob(x.reshape(2, 3, density.dim))
    assert torch.equal(batched, log_p.reshape(2, 3))
    assert torch.equal(density.log_prob(x[0]), log_p[0])
    single = density.log_prob(x.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), log_p, atol=1e-4)


def test_a_mixture_equals_torch_distributions():
    weight, mu = torch.tensor([1.0, 2.0, 5.0]).double(), torch.randn(3, 2, generator=seeded())
    log_scale = torch.tensor([-1.0, 0.3, 0.0]).double()
    normal = torch.distributions.Normal(mu.double(), log_scale.exp().unsqueeze(1))
    oracle = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(weight), torch.distributions.Independent(normal, 1)
    )
    x = 3 * torch.randn(11, 2, generator=seeded(), dtype=torch.float64)
    ours = GaussianMixture(weight, mu, log_scale).log_prob(x)
    assert torch.allclose(ours, oracle.log_prob(x), rtol=0, atol=1e-12)


def test_the_log_density_has_a_gradient_and_is_finite_far_away():
    moons = toys.two_moons()
    x = torch.tensor([[0.3, -0.2], [40.0, -90.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(moons.log_prob, x[:1])
    (score,) = torch.autograd.grad(moons.log_prob(x).sum(), x)
    assert moons.log_prob(x).isfinite().all()
    assert score.isfinite().all()


def test_the_density_is_level_along_a_ring_and_each_ring_has_a_third():
    rings, angle = toys.rings(), torch.linspace(0, 6.3, 997, dtype=torch.float64)
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    for radius in (1, 2, 3):
        along = rings.log_prob(radius * circle)
        assert along.max() - along.min() < 2e-8
    radius = rings.sample(30_000, seeded()).norm(dim=1)
    share = torch.stack([((radius - r).abs() < 0.5).float().mean() for r in (1, 2, 3)])
    assert torch.allclose(share, torch.tensor(1 / 3), atol=0.012)


def test_symmetries_of_the_pictures():
    x = 2 * torch.randn(101, 2, generator=seeded(), dtype=torch.float64)
    moons = toys.two_moons()
    assert torch.allclose(moons.log_prob(x), moons.log_prob(-x), rtol=0, atol=1e-10)
    eighth = torch.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=torch.float64) / math.sqrt(2)
    eight = toys.eight_gaussians()
    assert torch.allclose(eight.log_prob(x), eight.log_prob(x @ eighth), rtol=0, atol=1e-10)


def test_neighbouring_squares_of_the_board_differ_in_colour():
    board = toys.Checkerboard()
    x = torch.cartesian_prod(*[torch.arange(-3.0, 4, 2)] * 2).double()
    dark = board.log_prob(x).isfinite().reshape(4, 4)
    assert dark.sum() == 8
    assert (dark[1:] != dark[:-1]).all()
    assert (dark[:, 1:] != dark[:, :-1]).all()
    assert board.log_prob(torch.tensor([[4.1, 4.1], [-5.0, -5.0]])).isneginf().all()
    assert board.entropy() == pytest.approx(math.log(32), abs=1e-12)


@pytest.mark.parametrize("n", [0, -3, 2.0, True])
def test_sample_sizes_that_are_not_positive_integers(density, n):
    with pytest.raises(ValueError, match=r"^n: expected a positive integer"):
        density.sample(n, seeded())


def test_wrong_arguments_are_named(density):
    with pytest.raises(TypeError, match=r"^generator: expected a torch.Generator, got int"):
        density.sample(3, 0)
    with pytest.raises(TypeError, match=r"^x: expected a floating-point tensor"):
        density.log_prob(torch.zeros(3, density.dim, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"^x: expected shape \(\.\.\., "):
        density.log_prob(torch.zeros(3, density.dim + 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weight", torch.ones(2)),
        ("weight", torch.tensor([1.0, 0.0, 1.0])),
        ("weight", torch.tensor([1.0, -1.0, 1.0])),
        ("mu", torch.zeros(3)),
        ("mu", torch.zeros(3, 3)),
        ("mu", torch.full((3, 2), math.nan)),
        ("log_scale", torch.zeros(3, 2)),
        ("log_scale", torch.tensor([0.0, -math.inf, 0.0])),
    ],
)
def test_a_mixture_names_the_argument_that_does_not_fit(name, value):
    right = {"weight": torch.ones(3), "mu": torch.zeros(3, 2), "log_scale": torch.zeros(3)}
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        GaussianMixture(**{**right, name: value})
