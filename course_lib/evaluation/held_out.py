"""The ELBO and the importance bound on held-out examples, with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.progress import say_if_unfinished
from course_lib.randomness import fork_seed

__all__ = ["Estimate", "Evaluation", "bits_per_dim", "evaluate", "mean_and_error"]


@dataclass(frozen=True)
class Estimate:
    """A mean over examples and its standard error, printed as ``mean +- error``."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.error:.2f}"


def mean_and_error(values: Tensor) -> Estimate:
    """Return the mean over examples and its standard error.

    Args:
        values: (n,) one number per example; for n = 1 the error is NaN.

    Raises:
        ValueError: if there are no values.
    """
    if values.dim() != 1 or len(values) == 0:
        raise ValueError(f"values: expected shape (n,) with n > 0, got {tuple(values.shape)}")
    values = values.double()
    error = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Estimate(values.mean().item(), error)


@dataclass(frozen=True)
class Evaluation:
    """Per-example held-out numbers in nats, so that two models can be compared pairwise.

    Attributes:
        elbo: (n,) estimates of L(x).
        kl: (n,) estimates of KL(q(z|x), p(z)), the rate.
        importance_bound: (n,) estimates of L_k(x), a lower bound on log p(x).
        k: how many samples the importance bound uses.
    """

    elbo: Tensor
    kl: Tensor
    importance_bound: Tensor
    k: int

    @property
    def gap(self) -> Tensor:
        """L_k - L, (n,): a lower bound on the gap log p(x) - L(x), in expectation."""
        return self.importance_bound - self.elbo

    def __str__(self) -> str:
        return (
            f"ELBO {mean_and_error(self.elbo)}, importance bound (k = {self.k})"
            f" {mean_and_error(self.importance_bound)}, gap at least {mean_and_error(self.gap)},"
            f" KL {mean_and_error(self.kl)} nats per example ({len(self.elbo)} examples)"
        )


@in_evaluation_mode
@torch.no_grad()
def evaluate(
    model: LatentVariableModel,
    x: Tensor,
    *,
    k: int = 300,
    samples: int = 20,
    batch_size: int = 100,
    seed: int = 0,
) -> Evaluation:
    """Return the ELBO and the importance bound for each held-out example.

    The same seed gives every model the same noise, which reduces the variance of paired
    differences. The global random state is left as it was. If training was stopped before its last
    step, a line above the numbers says so.

    Args:
        model: anything with ``elbo`` and ``importance_bound``; a ``SemiSupervisedVAE`` is scored
            by U(x), as if no label were known.
        x: (n, *event) held-out observations, on the model's device.
        k: samples of the importance bound.
        samples: samples of the ELBO.
        batch_size: how many examples are scored at once.
        seed: decides the noise.

    Raises:
        TypeError: if ``x`` is not a tensor but, say, a dictionary of observations and labels.
        ValueError: if ``x`` is empty.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected one tensor of observations, got {type(x).__name__}")
    if len(x) == 0:
        raise ValueError("x: expected at least one example, got none")
    say_if_unfinished(model)
    bounds, importance = [], []
    with fork_seed(seed, x.device):
        for batch in x.split(batch_size):
            bounds.append(model.elbo(batch, samples=samples))
            importance.append(model.importance_bound(batch, k))
    total, _, kl = (torch.cat(parts) for parts in zip(*bounds, strict=True))
    return Evaluation(total, kl, torch.cat(importance), k)


def bits_per_dim(log_prob: Tensor, dims: int) -> Tensor:
    r"""Return -log p / (dims log 2).

    Args:
        log_prob: (n,) log-probabilities or bounds on them, in nats.
        dims: entries of one example, e.g. 64 for an 8x8 image.

    Returns:
        (n,) bits per dimension; an upper bound where ``log_prob`` is a lower bound.

    Example:
        >>> bits_per_dim(torch.tensor([-64 * math.log(2)]), 64)
        tensor([1.])
    """
    return -log_prob / (dims * math.log(2))
