"""Two-sample tests: a classifier, a kernel, and precision and recall on manifolds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from course_lib.arguments import as_count, as_floats

__all__ = [
    "PrecisionAndRecall",
    "TwoSample",
    "classifier_two_sample",
    "mmd_test",
    "precision_and_recall",
]

RIDGE = 0.1  # weight of the squared norm; the kernel is one on its diagonal


@dataclass(frozen=True)
class TwoSample:
    """A statistic and its values under permuted labels.

    Attributes:
        name: what the statistic is.
        statistic: its value.
        null: (permutations,) its values under random permutations of the labels.
    """

    name: str
    statistic: float
    null: Tensor

    @property
    def p_value(self) -> float:
        """The probability of a value at least as large if both sets have one distribution."""
        return (1 + int((self.null >= self.statistic).sum())) / (1 + len(self.null))

    def __str__(self) -> str:
        return (
            f"{self.name} {self.statistic:.4f}, {self.null.mean():.4f} ± {self.null.std():.4f}"
            f" for permuted labels, p = {self.p_value:.3f}"
        )


class PrecisionAndRecall(NamedTuple):
    """The share of the samples that look real, and the share of the real data covered."""

    precision: float
    recall: float


@torch.no_grad()
def classifier_two_sample(
    a: Tensor, b: Tensor, *, seed: int = 0, folds: int = 5, permutations: int = 200
) -> TwoSample:
    r"""Return the held-out accuracy with which a classifier tells ``a`` from ``b`` (slides 10, 19).

    Accuracy is the mean over the two sets, so that 0.5 is chance whatever their sizes. The
    classifier is kernel ridge regression on the labels, with a Gaussian kernel as wide as the
    median distance: its held-out scores are linear in the labels, so that refitting it for a
    permutation costs only one matrix product. Labels are permuted within the folds.

    Args:
        a: (n, *event) one set, e.g. held-out data.
        b: (m, *event) the other, e.g. samples.
        seed: determines the folds and permutations.
        folds: parts, each scored by a classifier that has not seen it.
        permutations: how many relabelled fits form the null distribution.

    Raises:
        TypeError, ValueError: if a set is not a finite floating-point batch, the events differ, a
            count is not positive, or a set is smaller than ``folds``.

    Example:
        >>> a = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
        >>> classifier_two_sample(a, a + 9).statistic
        1.0

    Paper: Lopez-Paz, Oquab (2017), Revisiting classifier two-sample tests, arXiv:1610.06545.
    """
    a, b = _flat_pair(a, b, "a", "b")
    if folds < 2 or folds > min(len(a), len(b)):
        raise ValueError(f"folds: expected 2 to {min(len(a), len(b))}, got {folds}")
    generator = Generator().manual_seed(seed)
    fold = torch.cat([_folds(len(part), folds, generator) for part in (a, b)])
    is_a = torch.arange(len(fold)) < len(a)
    labels = [is_a, *(_permute_within(is_a, fold, generator) for _ in _count(permutations))]
    labels, fold = torch.stack(labels, 1).to(a.device), fold.to(a.device)
    kernel = gaussian_gram(torch.cat([a, b]))
    target = torch.where(labels, 1 / len(a), -1 / len(b)).to(kernel) * len(labels)
    score = torch.empty_like(target)
    for held in (fold == i for i in range(folds)):
        ridge = RIDGE * torch.eye(int((~held).sum()), dtype=kernel.dtype, device=kernel.device)
        weights = torch.linalg.solve(kernel[~held][:, ~held] + ridge, target[~held])
        score[held] = kernel[held][:, ~held] @ weights
    accuracy = _balanced_accuracy(score, labels)
    return TwoSample("held-out accuracy", float(accuracy[0]), accuracy[1:].cpu())


@torch.no_grad()
def mmd_test(a: Tensor, b: Tensor, *, seed: int = 0, permutations: int = 200) -> TwoSample:
    r"""Return the unbiased estimate of the squared maximum mean discrepancy (slide 15).

    .. math:: \frac{\sum_{i \ne j} k(a_i, a_j)}{n(n-1)} + \frac{\sum_{i \ne j} k(b_i, b_j)}{m(m-1)}
              - \frac{2 \sum_{ij} k(a_i, b_j)}{nm}

    with a Gaussian kernel as wide as the median distance. It can be negative: its mean is zero
    when the distributions are equal.

    Args:
        a: (n, *event) one set, n > 1.
        b: (m, *event) the other, m > 1.
        seed: decides the permutations.
        permutations: how many relabelled values form the null distribution.

    Raises:
        TypeError, ValueError: as ``classifier_two_sample``.

    Example:
        >>> a = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
        >>> mmd_test(a, a + 1).p_value < 0.01
        True

    Paper: Gretton et al. (2012), A kernel two-sample test, JMLR 13.
    """
    a, b = _flat_pair(a, b, "a", "b")
    generator = Generator().manual_seed(seed)
    is_a = torch.arange(len(a) + len(b)) < len(a)
    one_fold = torch.zeros(len(is_a), dtype=torch.int64)
    labels = [is_a, *(_permute_within(is_a, one_fold, generator) for _ in _count(permutations))]
    kernel = gaussian_gram(torch.cat([a, b])).fill_diagonal_(0)
    in_a = torch.stack(labels, 1).to(kernel)
    in_b, n, m = 1 - in_a, len(a), len(b)
    from_a = kernel @ in_a
    within_a, across = (in_a * from_a).sum(0), (in_b * from_a).sum(0)
    within_b = kernel.sum() - within_a - 2 * across
    value = within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * across / (n * m)
    return TwoSample("unbiased MMD^2", float(value[0]), value[1:].cpu())


@torch.no_grad()
def precision_and_recall(real: Tensor, fake: Tensor, k: int = 3) -> PrecisionAndRecall:
    """Return how many samples lie on the data's manifold, and how much of it they cover (slide 19).

    A set's manifold is the union of the balls around its points that reach their k-th neighbours
    in the set. Precision is the share of ``fake`` within the manifold of ``real``; recall the
    share of ``real`` within that of ``fake``.

    Args:
        real: (n, *event) held-out data, n > k.
        fake: (m, *event) samples, m > k.
        k: the neighbour that a ball reaches.

    Raises:
        TypeError, ValueError: as ``classifier_two_sample``, or if a set has k points or fewer.

    Example:
        >>> real = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_and_recall(real, real[:10])  # all real, not all of it
        PrecisionAndRecall(precision=1.0, recall=0.9)

    Paper: Kynkaanniemi, Karras, Laine, Lehtinen, Aila (2019), arXiv:1904.06991.
    """
    real, fake = _flat_pair(real, fake, "real", "fake")
    if isinstance(k, bool) or not isinstance(k, int) or not 0 < k < min(len(real), len(fake)):
        raise ValueError(f"k: expected 1 to {min(len(real), len(fake)) - 1}, got {k!r}")
    return PrecisionAndRecall(_share_inside(fake, real, k), _share_inside(real, fake, k))


def gaussian_gram(points: Tensor) -> Tensor:
    r"""Return exp(-|x - y|^2 / 2 s^2) for all pairs, s the median distance: (n, d) -> (n, n)."""
    square = torch.cdist(points, points).square()
    median = square[~torch.eye(len(points), dtype=torch.bool, device=points.device)].median()
    square_width = torch.where(median > 0, median, torch.ones_like(median))
    return torch.exp(-square / (2 * square_width))


def _share_inside(points: Tensor, centres: Tensor, k: int) -> float:
    radius = torch.cdist(centres, centres).kthvalue(k + 1).values  # the first is the point itself
    return float((torch.cdist(points, centres) <= radius).any(1).double().mean())


def _balanced_accuracy(score: Tensor, is_a: Tensor) -> Tensor:
    """Return the mean accuracy of the two classes, a tie half right: (n, fits) -> (fits,)."""
    right = torch.where(is_a, score, -score).sign().add(1).div(2)
    return sum((right * part).sum(0) / part.sum(0) for part in (is_a, ~is_a)) / 2


def _folds(n: int, folds: int, generator: Generator) -> Tensor:
    return (torch.arange(n) % folds)[torch.randperm(n, generator=generator)]


def _permute_within(is_a: Tensor, fold: Tensor, generator: Generator) -> Tensor:
    shuffled = torch.randperm(len(fold), generator=generator)
    by_fold = shuffled[fold[shuffled].argsort(stable=True)]
    permuted = torch.empty_like(is_a)
    permuted[fold.argsort(stable=True)] = is_a[by_fold]
    return permuted


def _count(permutations: int) -> range:
    return range(as_count(permutations, "permutations"))


def _flat_pair(a: Tensor, b: Tensor, name_a: str, name_b: str) -> tuple[Tensor, Tensor]:
    """Return both sets as (n, d) float64, so that no distance is lost to rounding."""
    for name, value in ((name_a, a), (name_b, b)):
        as_floats(value, name)
        if value.dim() < 2 or len(value) < 2:
            raise ValueError(
                f"{name}: expected (n, *event) with n > 1, got shape {tuple(value.shape)}"
            )
        if not torch.isfinite(value).all():
            raise ValueError(f"{name}: expected finite values, got NaN or infinity")
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"{name_b}: expected events of {name_a}'s shape {tuple(a.shape[1:])},"
            f" got {tuple(b.shape[1:])}"
        )
    return a.flatten(1).double(), b.flatten(1).double()
