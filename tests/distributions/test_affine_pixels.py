import itertools
import math

import pytest
import torch
from flow_helpers import jacobians, log_abs_det, plane, randomise

from course_lib.distributions import AffinePixels, Flow, Reshape, StandardGaussian

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPES = [(1, 2, 3), (2, 2, 2), (3, 1, 2), (1, 4, 1)]


def layer(shape, scale=0.3, features=8, **sizes):
    return randomise(AffinePixels(shape, features, 2, **sizes), scale).double()


def points(n, shape):
    return torch.randn(n, math.prod(shape), dtype=torch.float64)


def density(maf):
    shape = maf.event_shape
    return Flow(StandardGaussian(shape.numel()), [maf, Reshape(shape)]).double()()


@pytest.mark.parametrize("shape", SHAPES)
def test_mean_and_scale_depend_on_all_entries_before_and_on_none_from_their_own_on(shape):
    maf, x = layer(shape, 0.7, 24), points(8, shape)
    for kind in (0, 1):
        slopes = jacobians(lambda x, kind=kind: maf.conditioner(x)[kind], x).abs().amax(0)
        slopes = slopes[maf.sequence][:, maf.sequence]
        assert slopes.triu().max() == 0
        assert slopes[*torch.tril_indices(*slopes.shape, -1)].min() > 0


def test_places_come_row_by_row_and_the_channels_of_a_place_one_after_the_other():
    places = itertools.product(range(2), range(3), range(2))  # row, column, channel
    assert AffinePixels((2, 2, 3), 4).sequence.tolist() == [6 * c + 3 * h + w for h, w, c in places]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_equals_the_autograd_jacobian(direction, shape):
    maf, z = layer(shape), points(3, shape)
    _, log_det = getattr(maf, direction)(z)
    assert log_det.abs().mean() > 0.05
    exact = log_abs_det(lambda one: getattr(maf, direction)(one)[0], z)
    torch.testing.assert_close(log_det, exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_round_trips_return_and_log_dets_are_opposite(shape):
    maf, z = layer(shape), points(11, shape)
    x, log_det = maf(z)
    back, opposite = maf.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-12)
    torch.testing.assert_close(opposite, -log_det, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 2, 1), (2, 1, 1)])
def test_the_density_of_a_map_of_two_numbers_integrates_to_one(shape):
    p = density(layer(shape, 0.4))
    grid, area = plane(15.0, 201)
    with torch.no_grad():
        mass = p.log_prob(grid.unflatten(-1, shape))
    assert mass.exp().sum().item() * area == pytest.approx(1, abs=1e-6)
    assert mass.std() > 0.1


def test_the_first_number_is_a_gaussian_and_the_second_one_given_the_first():
    maf = layer((1, 1, 2), 0.6)
    x = points(9, (1, 1, 2))
    mu, log_scale = maf.conditioner(x)
    parts = torch.distributions.Normal(mu, log_scale.exp()).log_prob(x)
    assert mu[:, 0].std() == 0
    assert mu[:, 1].std() > 0.01
    torch.testing.assert_close(density(maf).log_prob(x.view(9, 1, 1, 2)), parts.sum(-1))


def test_samples_have_the_density_that_was_computed_on_the_way():
    p = density(layer((2, 2, 2), 0.5))
    x, log_prob = p.rsample_and_log_prob((6, 3))
    assert x.shape == (6, 3, 2, 2, 2)
    torch.testing.assert_close(p.log_prob(x), log_prob)
    assert p.sample((4,)).shape == (4, 2, 2, 2)


def test_samples_have_mean_and_scale_of_the_conditionals():
    """White noise comes back from the samples: mean zero, variance one, no correlation."""
    maf = layer((1, 2, 2), 0.5)
    z = maf.inverse(density(maf).sample((4_000,)).flatten(1))[0]
    moments = torch.cat([z.mean(0), (z.T.cov() - torch.eye(4)).flatten()])
    assert moments.abs().max() < 5 * math.sqrt(2 / 4_000)


def test_it_starts_at_the_identity_and_every_weight_learns_from_both_directions():
    maf, z = AffinePixels((2, 2, 2), 8, 2), torch.randn(7, 8)
    x, log_det = maf(z)
    torch.testing.assert_close(x, z)
    assert log_det.abs().max() == 0
    randomise(maf)
    for direction in (maf.forward, maf.inverse):
        maf.zero_grad()
        value, log_det = direction(z)
        (value.square().sum() + log_det.sum()).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in maf.parameters())


def test_points_far_out_have_a_finite_density():
    p = density(layer((2, 2, 2), 2.0, bound=3.0))
    x = (1e4 * points(5, (2, 2, 2))).view(5, 2, 2, 2)
    assert p.log_prob(x).isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4,), 8), r"event_shape: expected \(channels, height, width\), got \(4,\)"),
        (((9, 2, 2), 8), "features: expected at least one for each of 9 channels, got 8"),
        (((1, 2, 2), 8, -1), "layers: expected an integer of at least 0"),
    ],
)
def test_wrong_sizes_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        AffinePixels(*arguments)
