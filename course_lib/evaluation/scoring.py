"""One line of a leaderboard: what each number of a model is, and what it is compared with."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.arguments import as_count
from course_lib.evaluation.held_out import Estimate, evaluate, mean_and_error
from course_lib.evaluation.information import information_terms
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.evaluation.two_sample import classifier_two_sample
from course_lib.randomness import fork_seed, seed_for

__all__ = [
    "EXACT",
    "Cost",
    "Score",
    "rank_correlation",
    "relative_costs",
    "sample_accuracy",
    "score",
]

EXACT = "exact"
DRAWS = 4  # sets of samples, each as large as the test set: their accuracies are averaged
SAMPLES = 20  # of the ELBO
AT_ONCE = 25  # images scored at once: a PixelCNN keeps a map for each of their k samples


class Cost(NamedTuple):
    """CPU time of a training step and of a batch of samples, as multiples of a base model's."""

    step: float
    sampling: float


@dataclass(frozen=True)
class Score:
    """The held-out numbers of one model, in nats per example, each with what it is.

    Attributes:
        bound: what ``nats`` is: ``"exact"``, or the name of the bound, as in
            ``"importance bound, k = 300"``; then log p(x) is higher and ``nats`` too large.
        nats: -log p(x), or an upper bound on it.
        gap: L_k - L, a lower bound on the gap of the ELBO; None without a latent.
        information: I_q(x; z); None without a latent.
        accuracy: with which a classifier tells samples from test examples; 0.5 is chance.
        floor: the same with training examples in the samples' place.
    """

    bound: str
    nats: Estimate
    gap: Estimate | None
    information: Estimate | None
    accuracy: float
    floor: float

    def __str__(self) -> str:
        relation = "=" if self.bound == EXACT else "at most"
        said = [f"-log p(x) {relation} {self.nats} ({self.bound})"]
        if self.gap is not None and self.information is not None:
            said.append(f"gap at least {self.gap}, I_q {self.information} nats")
        return "\n".join([*said, f"C2ST {self.accuracy:.3f} (floor {self.floor:.3f})"])


@in_evaluation_mode
@torch.no_grad()
def score(model: Any, test: Tensor, train: Tensor, *, k: int = 300, seed: int = 0) -> Score:
    """Return what a leaderboard says of a model (slide 19).

    A model with ``log_prob`` is scored by its exact likelihood, any other by the importance bound
    of ``evaluate``, and ``Score.bound`` says which. The samples are compared with the test
    examples by ``classifier_two_sample``.

    Args:
        model: anything with ``sample``, and with ``log_prob`` or what ``evaluate`` needs.
        test: (n, *event) held-out examples.
        train: (m, *event) the examples it was trained on, m at least n: they give the floor.
        k: samples of the importance bound.
        seed: decides all noise; the global random state is left as it was.

    Raises:
        ValueError: if ``test`` is empty or ``train`` is smaller than ``test``.
    """
    if not 0 < len(test) <= len(train):
        raise ValueError(
            f"train: expected at least as many examples as test has, one or more,"
            f" got {len(train)} and {len(test)}"
        )
    with fork_seed(seed_for("samples of a score", seed), test.device):
        samples = model.sample(DRAWS * len(test))
    accuracies = sample_accuracy(test, samples, seed), sample_accuracy(test, train, seed)
    if hasattr(model, "log_prob"):
        exact = torch.cat([model.log_prob(batch) for batch in test.split(AT_ONCE)])
        return Score(EXACT, mean_and_error(-exact), None, None, *accuracies)
    found = evaluate(model, test, k=k, samples=SAMPLES, batch_size=AT_ONCE, seed=seed)
    information = information_terms(model, test, samples=SAMPLES // 5, seed=seed).information
    nats, gap = mean_and_error(-found.importance_bound), mean_and_error(found.gap)
    return Score(f"importance bound, k = {k}", nats, gap, information, *accuracies)


def sample_accuracy(test: Tensor, others: Tensor, seed: int = 0) -> float:
    """Return the accuracy of telling test examples from others, a mean over sets of equal size.

    Args:
        test: (n, *event) held-out examples.
        others: (m, *event) samples or training examples, m at least n; up to four sets of n are
            used.
        seed: decides the folds.
    """
    n = len(test)
    sets = others[: DRAWS * n].split(n)
    whole = [part for part in sets if len(part) == n]
    found = [classifier_two_sample(test, s, seed=seed, permutations=1).statistic for s in whole]
    return sum(found) / len(found)


def relative_costs(
    models: Mapping[str, nn.Module], x: Tensor, *, base: str, rounds: int = 15
) -> dict[str, Cost]:
    """Return what a training step and sampling cost, as multiples of a base model's CPU time.

    The models take turns, and their shortest times are compared: what else the machine does only
    ever adds to a time. A step is the loss and its gradient for each player's turn.

    Args:
        models: by name; copies are timed, so that they stay as they are.
        x: (batch, *event) a batch of training examples; as many are sampled.
        base: the name of the model whose costs are 1.
        rounds: how often each is timed.

    Raises:
        ValueError: if no model has the name ``base``, or ``rounds`` is not a positive integer.
    """
    if base not in models:
        raise ValueError(f"base: expected one of {', '.join(models)}, got {base!r}")
    copies = {name: copy.deepcopy(model) for name, model in models.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    with fork_seed(0, x.device):
        for _ in range(as_count(rounds, "rounds")):
            for name, model in copies.items():
                times[name].append((_timed(_step, model, x), _timed(_draw, model, len(x))))
    least = {name: torch.tensor(found).min(0).values for name, found in times.items()}
    return {name: Cost(*(found / least[base]).tolist()) for name, found in least.items()}


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Spearman's rank correlation: 1 if both columns order the rows alike, -1 if reversed.

    Equal values share the mean of their ranks.

    Args:
        a: one number per row, two rows or more.
        b: another number per row.

    Raises:
        ValueError: if the columns differ in length, or all values of one are equal.

    Example:
        >>> rank_correlation([1.0, 2.0, 30.0], [0.1, 0.2, 0.3])
        1.0
    """
    if len(a) != len(b) or min(len(set(a)), len(set(b))) < 2:
        raise ValueError(
            f"a, b: expected as many rows in both, not all equal, got {len(a)} and {len(b)} rows"
        )
    ranks = torch.stack([_ranks(torch.tensor(column, dtype=torch.double)) for column in (a, b)])
    return round(float(torch.corrcoef(ranks)[0, 1]), 12)


def _ranks(values: Tensor) -> Tensor:
    """Return how many values are smaller, and half of how many others are equal: (n,)."""
    below, equal = values < values[:, None], values == values[:, None]
    return below.double().sum(1) + (equal.double().sum(1) - 1) / 2


def _timed(function: Any, *arguments: Any) -> float:
    function(*arguments)  # the model before it has left nothing of this one in the caches
    began = time.process_time()
    function(*arguments)
    return time.process_time() - began


def _step(model: Any, x: Tensor) -> None:
    model.train()
    model.zero_grad()
    if hasattr(model, "turns") and len(model.players()) > 1:
        for player in model.turns():
            weights = model.players()[player]
            model.loss(x, player).backward(inputs=[p for p in weights if p.requires_grad])
    else:
        model.losses(x)["model"].backward()


def _draw(model: Any, n: int) -> None:
    model.eval()
    model.sample(n)
