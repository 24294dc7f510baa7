import pytest
import torch

from course_lib.evaluation import variance_shares

pytestmark = pytest.mark.usefixtures("fixed_seed")


def outcomes(a, b, both, m=300, n=200, entries=3):
    """a z + b u + both z u for standard normal z and u: the variances are a^2, b^2 and both^2."""
    z, u = torch.randn(m, 1, entries), torch.randn(1, n, entries)
    return a * z + b * u + both * z * u


def test_shares_add_up_to_one_and_are_those_of_a_known_mixture():
    shares = variance_shares(outcomes(2.0, 1.0, 1.0))
    assert sum(shares) == pytest.approx(1, abs=1e-12)
    assert shares == pytest.approx((4 / 6, 1 / 6, 1 / 6), abs=0.06)


def test_a_single_source_has_all_of_it():
    assert variance_shares(outcomes(1.0, 0.0, 0.0)) == pytest.approx((1, 0, 0), abs=1e-9)
    assert variance_shares(outcomes(0.0, 1.0, 0.0)) == pytest.approx((0, 1, 0), abs=1e-9)


def test_rows_and_columns_change_places_with_the_axes():
    x = outcomes(2.0, 1.0, 0.5)
    rows, columns, both = variance_shares(x)
    assert variance_shares(x.transpose(0, 1)) == pytest.approx((columns, rows, both))


def test_the_estimates_are_unbiased_in_a_small_sample():
    """Pure noise has no share of rows or columns, however few there are."""
    many = torch.tensor([variance_shares(torch.randn(4, 3, 50)) for _ in range(300)])
    assert many.mean(0) == pytest.approx((0, 0, 1), abs=0.01)


def test_an_offset_changes_nothing_and_a_scale_neither():
    x = outcomes(1.0, 1.0, 1.0, m=20, n=20)
    assert variance_shares(10 * x + 1000) == pytest.approx(variance_shares(x), abs=1e-4)


@pytest.mark.parametrize("x", [torch.ones(3), torch.randn(1, 5), torch.randn(5, 1, 2)])
def test_too_few_are_refused(x):
    with pytest.raises(ValueError, match="two rows and columns or more"):
        variance_shares(x)


def test_outcomes_that_do_not_differ_are_refused():
    with pytest.raises(ValueError, match="got the same everywhere"):
        variance_shares(torch.ones(3, 4))
