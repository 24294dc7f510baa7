"""Digits with few labels: does the unlabelled rest help the classifier?

Data: binary 8x8 digits, 1297 to train of which 50 or 100 keep their label (as many of each class,
drawn by the seed), 300 to test. Model: z = 8, one hidden layer of 128 in every net, 1500 steps of
100; the labelled examples are repeated until they are half of what is drawn from, as in the paper
(arXiv:1406.5298). Floor: the same classifier net trained on the labels alone (500
full-batch steps); ceiling: the same net with all 1297 labels.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.data import Examples, digits
from course_lib.evaluation import Estimate, mean_and_error
from course_lib.models import SemiSupervisedVAE
from course_lib.training import cosine, fit

CLAIM = "The joint VAE is like the semi-supervised VAE: unlabelled x help q(y|x) (slide 8)"
HELD_OUT = "300 test images"
SETTINGS = (
    "Chosen with test figures in sight: alpha, which --choose scores on the validation images; the "
    "share of labelled examples is the paper's."
)
VERDICT = (
    "holds, with this condition: labels are few; with more of them the unlabelled images help less"
)
EVIDENCE = (
    ("error, 50 labels and 1247 without", "<", "error, 50 labels alone"),
    ("error, 100 labels and 1197 without", "<", "error, 100 labels alone"),
    ("error, all 1297 labels", "<", "error, 100 labels and 1197 without"),
)
LABELLED, STEPS, Z, HIDDEN, K = (50, 100), 1500, 8, (128,), 100
CHOICES, CHOSEN = (1.0, 5.0, 25.0), 5.0  # alpha
FIGURES = {
    name: unit
    for count in LABELLED
    for name, unit in (
        (f"error, {count} labels and {1297 - count} without", "share of images misread"),
        (f"error, {count} labels alone", "share of images misread"),
        (f"log p(x), importance bound, {count} labels", "nats per image"),
    )
} | {"error, all 1297 labels": "share of images misread"}


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return test errors with and without the unlabelled digits, and the bound on log p(x)."""
    began = time.process_time()
    cut, figures = digits.load(), {}
    for count in LABELLED:
        keep = chosen(cut.train, count, seed)
        model = trained(cut.train, keep, CHOSEN, seed)
        alone = classifier(cut.train.x[keep], cut.train.label[keep], seed)
        rest = len(cut.train) - count
        figures[f"error, {count} labels and {rest} without"] = error(model, cut.test)
        figures[f"error, {count} labels alone"] = error(alone, cut.test)
        with torch.no_grad():
            bound = model.importance_bound(cut.test.x, K)
        figures[f"log p(x), importance bound, {count} labels"] = mean_and_error(bound)
    everything = classifier(cut.train.x, cut.train.label, seed)
    figures["error, all 1297 labels"] = error(everything, cut.test)
    return {**figures, "CPU s": time.process_time() - began}


def validation_score(alpha: float) -> float:
    """Return the error on the validation images with 50 labels, the mean over three seeds."""
    cut = digits.load()
    models = (trained(cut.train, chosen(cut.train, 50, s), alpha, s) for s in range(3))
    return sum(error(model, cut.validation).value for model in models) / 3


def trained(train: Examples, keep: Tensor, alpha: float, seed: int) -> SemiSupervisedVAE:
    """Return a model that saw the labels of the examples to keep, and the others without."""
    label = torch.full_like(train.label, -1)
    label[keep] = train.label[keep]
    again = keep.repeat(len(label) // len(keep) - 1)
    batch = {"x": torch.cat([train.x, train.x[again]]), "label": torch.cat([label, label[again]])}
    model = new(seed, alpha)
    fit(model, batch, steps=STEPS, learning_rate=cosine(2e-3, STEPS), seed=seed, progress=False)
    return model


def new(seed: int, alpha: float = CHOSEN) -> SemiSupervisedVAE:
    """Return the untrained model of this seed."""
    torch.manual_seed(seed)
    return SemiSupervisedVAE.build((1, 8, 8), 10, Z, HIDDEN, alpha=alpha)


def chosen(train: Examples, count: int, seed: int) -> Tensor:
    """Return the indices of the labelled examples, as many of each class."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(train), generator=generator)
    of_class = [order[train.label[order] == y][: count // 10] for y in range(10)]
    return torch.cat(of_class)


def classifier(x: Tensor, label: Tensor, seed: int) -> SemiSupervisedVAE:
    """Return a model whose q(y|x) has learned from these labels only."""
    model = new(seed)
    optimiser = torch.optim.Adam(model.classifier.parameters(), lr=1e-3)
    for _ in range(500):
        optimiser.zero_grad()
        cross_entropy(model.classifier(x).logits, label).backward()
        optimiser.step()
    return model


def error(model: nn.Module, test: Examples) -> Estimate:
    """Return the share of a set that q(y|x) misreads."""
    return mean_and_error((model.classify(test.x) != test.label).float())
