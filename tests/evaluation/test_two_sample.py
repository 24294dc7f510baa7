import math

import pytest
import torch

from course_lib.evaluation import classifier_two_sample, mmd_test, precision_and_recall
from course_lib.evaluation.two_sample import _balanced_accuracy
from course_lib.objectives.mmd import median_width, mmd2

pytestmark = pytest.mark.usefixtures("fixed_seed")


def test_the_classifier_reaches_the_best_accuracy_there_is():
    """N(0, I) against N(2, I) along one of three dimensions: Phi(1) = 0.841."""
    a, b = torch.randn(600, 3), torch.randn(600, 3)
    b[:, 1] += 2
    test = classifier_two_sample(a, b, permutations=50)
    assert test.statistic == pytest.approx(0.5 + 0.5 * math.erf(1 / math.sqrt(2)), abs=0.03)
    assert test.p_value == 1 / 51


def test_a_small_set_counts_as_much_as_a_large_one():
    """The same two Gaussians, ten of the one for each of the other: still Phi(1)."""
    accuracy = [
        classifier_two_sample(torch.randn(600, 1), torch.randn(60, 1) + 2, permutations=1).statistic
        for _ in range(4)
    ]
    assert sum(accuracy) / 4 == pytest.approx(0.841, abs=0.04)


def test_accuracy_is_the_mean_of_the_two_sets_and_a_tie_is_half_right():
    score = torch.tensor([[1.0], [1.0], [-1.0], [1.0], [0.0]])
    is_a = torch.tensor([True, True, True, True, False])[:, None]
    assert _balanced_accuracy(score, is_a).item() == (3 / 4 + 1 / 2) / 2


def test_a_difference_without_a_linear_trace_is_seen():
    a, b = torch.randn(200, 2), torch.randn(200, 2) * 0.3
    assert classifier_two_sample(a, b, permutations=20).statistic > 0.7
    assert mmd_test(a, b, permutations=20).p_value == 1 / 21


@pytest.mark.parametrize("test", [classifier_two_sample, mmd_test])
def test_the_p_value_is_uniform_where_nothing_differs(test):
    p = [
        test(torch.randn(23, 2), torch.randn(31, 2), seed=seed, permutations=39).p_value
        for seed in range(150)
    ]
    p = torch.tensor(p)
    # 150 draws: standard error 0.041 at one half and 0.024 at a tenth
    assert (p <= 0.5).double().mean() == pytest.approx(0.5, abs=0.14)
    assert (p <= 0.1).double().mean() == pytest.approx(0.1, abs=0.09)


def test_chance_is_one_half_for_sets_of_different_size():
    tests = [
        classifier_two_sample(torch.randn(90, 4), torch.randn(30, 4), seed=s, permutations=20)
        for s in range(20)
    ]
    accuracy = torch.tensor([test.statistic for test in tests])
    assert accuracy.mean() == pytest.approx(0.5, abs=0.04)
    assert torch.stack([test.null for test in tests]).mean() == pytest.approx(0.5, abs=0.02)


def test_a_point_is_not_scored_by_a_classifier_that_saw_it():
    """Noise in 300 dimensions is learnt by heart; held out it is worth nothing."""
    accuracy = classifier_two_sample(torch.randn(60, 300), torch.randn(60, 300)).statistic
    assert abs(accuracy - 0.5) < 0.2


def test_the_same_images_cannot_be_told_apart():
    images = torch.rand(40, 1, 4, 5)
    assert classifier_two_sample(images, images.clone()).p_value > 0.2


def test_the_scale_of_the_data_does_not_matter():
    a, b = torch.randn(40, 3), torch.randn(50, 3) + 0.7
    for test in (classifier_two_sample, mmd_test):
        one, other = test(a, b, permutations=5), test(1e3 * a, 1e3 * b, permutations=5)
        assert one.statistic == pytest.approx(other.statistic, rel=1e-5)


def test_the_seed_decides_and_the_global_state_stays():
    a, b = torch.randn(30, 2), torch.randn(30, 2)
    before = torch.get_rng_state()
    tests = [classifier_two_sample(a, b, seed=s) for s in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(tests[0].null, tests[1].null)
    assert not torch.equal(tests[0].null, tests[2].null)


def test_mmd_is_the_unbiased_estimate_with_the_median_width():
    a, b = torch.randn(13, 2, 3).double(), torch.randn(18, 2, 3).double() + 0.5
    expected = mmd2(a, b, kernel="gaussian", width=median_width(a, b))
    assert mmd_test(a, b).statistic == pytest.approx(expected.item(), abs=1e-12)


def test_mmd_has_mean_zero_for_permuted_labels():
    """The biased estimate would have a floor of 0.04 here."""
    null = mmd_test(torch.randn(20, 2), torch.randn(25, 2), permutations=2000).null
    assert abs(null.mean()) < 5 * null.std() / math.sqrt(2000)


def two_clusters(n):
    left, right = torch.randn(n, 2), torch.randn(n, 2)
    return left, right + 100


def test_a_sampler_that_drops_a_cluster_is_precise_and_recalls_half():
    real = torch.cat(two_clusters(100))
    result = precision_and_recall(real, two_clusters(80)[0])
    assert result.precision > 0.9
    assert 0.4 < result.recall <= 0.5


def test_a_sampler_that_invents_a_cluster_recalls_all_and_is_half_precise():
    real = two_clusters(100)[0]
    result = precision_and_recall(real, torch.cat(two_clusters(80)))
    assert 0.4 < result.precision <= 0.5
    assert result.recall > 0.9


def test_the_balls_reach_the_kth_neighbour():
    real = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    fake = torch.tensor([[-1.5], [7.5], [30.0]])
    # k = 1: radii 1, 1, 2, 4; k = 2: radii 3, 2, 3, 6
    assert precision_and_recall(real, fake, k=1).precision == pytest.approx(1 / 3)
    assert precision_and_recall(real, fake, k=2).precision == pytest.approx(2 / 3)


def test_both_report_their_null():
    text = str(mmd_test(torch.randn(9, 1), torch.randn(9, 1), permutations=9))
    assert "unbiased MMD^2" in text
    assert "for permuted labels, p = " in text


GOOD = torch.zeros(8, 2)


@pytest.mark.parametrize("test", [classifier_two_sample, mmd_test, precision_and_recall])
@pytest.mark.parametrize(
    ("a", "b", "error", "words"),
    [
        (
            GOOD.long(),
            GOOD,
            TypeError,
            "got a tensor of torch.int64",
        ),
        ([[0.0]], GOOD, TypeError, "got list"),
        (GOOD[:0], GOOD, ValueError, "n > 1"),
        (GOOD[:, 0], GOOD, ValueError, "n > 1"),
        (GOOD * math.nan, GOOD, ValueError, "finite"),
        (GOOD, torch.zeros(8, 3), ValueError, r"shape \(2,\), got \(3,\)"),
    ],
)
def test_bad_sets_are_refused(test, a, b, error, words):
    with pytest.raises(error, match=words):
        test(a, b)


@pytest.mark.parametrize("folds", [1, 9])
def test_a_fold_must_hold_points_and_leave_some(folds):
    with pytest.raises(ValueError, match="folds: expected 2 to 8"):
        classifier_two_sample(GOOD, GOOD, folds=folds)


@pytest.mark.parametrize("permutations", [0, 2.5, True])
def test_a_null_needs_permutations(permutations):
    with pytest.raises(ValueError, match="permutations: expected a positive integer"):
        mmd_test(GOOD, GOOD, permutations=permutations)


@pytest.mark.parametrize("k", [0, 8, 1.5])
def test_a_point_must_have_k_neighbours(k):
    with pytest.raises(ValueError, match="k: expected 1 to 7"):
        precision_and_recall(GOOD, GOOD, k)
