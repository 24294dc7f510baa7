import math

import pytest
import torch

from course_lib.objectives import median_width, mmd2
from course_lib.objectives.mmd import KERNELS

pytestmark = pytest.mark.usefixtures("fixed_seed")


@pytest.fixture(params=KERNELS)
def kernel(request):
    return request.param


def repeated(kernel, n, m, shift, runs=400, dim=3):
    """Many independent estimates: their mean and its standard error."""
    draws = torch.stack(
        [
            mmd2(torch.randn(n, dim).double(), shift + torch.randn(m, dim).double(), kernel)
            for _ in range(runs)
        ]
    )
    return draws, draws.mean().item(), draws.std().item() / math.sqrt(runs)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 5), (7, 4)])
def test_the_mean_is_zero_where_the_two_agree_however_few_the_points(kernel, n, m):
    draws, mean, error = repeated(kernel, n, m, 0.0, runs=2000)
    assert abs(mean) < 4 * error
    assert error < 0.01  # far less than what comparing each point with itself would add: 1/n
    assert (draws < 0).any()


def test_the_mean_is_the_distance_between_two_gaussians():
    r"""Closed form for the Gaussian kernel: the mean of k over a difference N(m, 2I)."""
    dim, shift = 3, 1.0
    width = 2 * dim

    def mean_kernel(square):
        spread = 2 + width
        return (width / spread) ** (dim / 2) * math.exp(-square / (2 * spread))

    expected = 2 * mean_kernel(0.0) - 2 * mean_kernel(dim * shift**2)
    _, mean, error = repeated("gaussian", 20, 30, shift)
    assert mean == pytest.approx(expected, abs=4 * error)
    assert error < 0.1 * expected


def test_it_is_what_its_sums_say():
    x, y, width = torch.randn(3, 2).double(), torch.randn(4, 2).double(), 1.3

    def k(a, b):
        return 1 / (1 + ((a - b) ** 2).sum() / width**2)

    def within(s):
        pairs = [(a, b) for a in range(len(s)) for b in range(len(s)) if a != b]
        return sum(k(s[a], s[b]) for a, b in pairs) / len(pairs)

    across = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    got = mmd2(x, y, width=width)
    torch.testing.assert_close(got, within(x) + within(y) - 2 * across, rtol=1e-12, atol=1e-12)


def test_two_samples_may_be_swapped_and_reordered(kernel):
    x, y = torch.randn(5, 3).double(), torch.randn(7, 3).double()
    torch.testing.assert_close(mmd2(x, y, kernel), mmd2(y, x, kernel))
    torch.testing.assert_close(mmd2(x, y, kernel), mmd2(x[torch.randperm(5)], y, kernel))
    torch.testing.assert_close(mmd2(x, y, kernel), mmd2(x + 5, y + 5, kernel))


def test_the_default_width_grows_with_the_dimension(kernel):
    """In many dimensions a width of one sees no two points as alike, and so no difference."""
    x, y = torch.randn(200, 64), 1.3 * torch.randn(200, 64)
    assert mmd2(x, y, kernel) > 0.003
    assert mmd2(x, y, kernel) == mmd2(x, y, kernel, width=math.sqrt(128))
    assert mmd2(x, y, "gaussian", width=1.0).abs() < 1e-6


def test_the_median_is_that_of_all_pairs_of_different_points():
    x, y = torch.randn(4, 2), torch.randn(5, 2)
    both = torch.cat([x, y])
    pairs = [(both[i] - both[j]).norm() for i in range(9) for j in range(i)]
    assert median_width(x, y) == pytest.approx(torch.stack(pairs).median().item())
    assert median_width(10 * x, 10 * y) == pytest.approx(10 * median_width(x, y))


def test_its_slope_moves_one_sample_to_the_other(kernel):
    y = torch.randn(50, 2).double()
    x = (torch.randn(40, 2).double() + 1).requires_grad_()
    (slope,) = torch.autograd.grad(mmd2(x, y, kernel), x)
    assert torch.isfinite(slope).all()
    assert mmd2(x - slope, y, kernel) < mmd2(x, y, kernel)
    assert (slope.mean(0) > 0).all()


def test_two_equal_points_have_a_slope(kernel):
    x = torch.zeros(3, 2, requires_grad=True)
    mmd2(x, torch.ones(3, 2), kernel).backward()
    assert torch.isfinite(x.grad).all()


def test_events_of_any_shape_count_as_vectors(kernel):
    x, y = torch.randn(5, 2, 3), torch.randn(4, 2, 3)
    assert mmd2(x, y, kernel) == mmd2(x.flatten(1), y.flatten(1), kernel)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (torch.zeros(1, 2), torch.zeros(3, 2), {}, "x: .*at least two points"),
        (torch.zeros(3, 2), torch.zeros(1, 2), {}, "y: .*at least two points"),
        (torch.zeros(3), torch.zeros(3), {}, "x: .*event"),
        (torch.zeros(3, 2), torch.zeros(3, 4), {}, "y: expected events of the shape"),
        (torch.zeros(3, 2), torch.zeros(3, 2), {"kernel": "cosine"}, "kernel: expected one of"),
        *[
            (torch.zeros(3, 2), torch.zeros(3, 2), {"width": w}, "width: expected a positive")
            for w in (0.0, -1.0, math.nan, math.inf)
        ],
    ],
)
def test_what_cannot_be_compared_is_refused(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        mmd2(x, y, **options)


def by_broadcasting(x, y, width):
    """The same estimate, every squared distance written out as a sum of squares."""

    def mean(a, b):
        return 1 / (1 + (a[:, None] - b).square().sum(-1) / width**2)

    n, m = len(x), len(y)
    within_x, within_y = (mean(x, x).sum() - n) / (n * n - n), (mean(y, y).sum() - m) / (m * m - m)
    return within_x + within_y - 2 * mean(x, y).mean()


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_value_and_slope_are_those_of_squares_written_out_where_points_coincide_too(shift):
    """Far from the origin, where an expanded square has no digits left, as well."""
    x = (shift + torch.randn(5, 3, dtype=torch.float64)).repeat(2, 1).requires_grad_()
    y = torch.cat((x.detach()[:4], shift + torch.randn(6, 3, dtype=torch.float64)))
    got, wanted = mmd2(x, y, width=1.5), by_broadcasting(x, y, 1.5)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)
    slopes = [torch.autograd.grad(value, x)[0] for value in (got, wanted)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-12)
