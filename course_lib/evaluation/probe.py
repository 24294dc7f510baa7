"""A linear probe: how well a linear classifier predicts the class from z."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Probe", "linear_probe"]


class Probe(NamedTuple):
    """Held-out accuracy, and that of always predicting the commonest training class."""

    accuracy: float
    majority: float


def linear_probe(train_z: Tensor, train_label: Tensor, test_z: Tensor, test_label: Tensor) -> Probe:
    """Return the held-out accuracy of logistic regression from z to the class (slide 4).

    z is standardised with training statistics, so that its scale does not affect the penalty.

    Args:
        train_z: (n, *event) codes that the classifier learns from.
        train_label: (n,) their classes.
        test_z: (m, *event) codes that it is scored on.
        test_label: (m,) their classes.

    Raises:
        ValueError: if codes and labels do not fit, a code is not finite, or there is one class.

    Example:
        >>> z = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
        >>> label = torch.tensor([0, 0, 1, 1])
        >>> linear_probe(z, label, z, label)
        Probe(accuracy=1.0, majority=0.5)
    """
    # takes a second or more to import, and is needed nowhere else in this package
    from sklearn.linear_model import LogisticRegression

    train_z, test_z = (
        _codes(z, label, name)
        for z, label, name in ((train_z, train_label, "train"), (test_z, test_label, "test"))
    )
    if train_z.shape[1] != test_z.shape[1]:
        raise ValueError(f"test_z: expected {train_z.shape[1]} numbers, got {test_z.shape[1]}")
    classes, counts = train_label.unique(return_counts=True)
    if len(classes) < 2:
        raise ValueError("train_label: expected two classes or more, got one")
    centre, scale = train_z.mean(0), train_z.std(0)
    scale = torch.where(scale > 0, scale, 1.0)
    train_z, test_z = ((z - centre) / scale for z in (train_z, test_z))
    classifier = LogisticRegression(max_iter=2000).fit(train_z.numpy(), train_label.cpu().numpy())
    accuracy = classifier.score(test_z.numpy(), test_label.cpu().numpy())
    commonest = classes[counts.argmax()]
    return Probe(float(accuracy), float((test_label == commonest).double().mean()))


def _codes(z: Tensor, label: Tensor, name: str) -> Tensor:
    if z.dim() < 2 or len(z) == 0 or label.shape != z.shape[:1]:
        raise ValueError(
            f"{name}_label: expected one for each of the codes {tuple(z.shape)},"
            f" got shape {tuple(label.shape)}"
        )
    if not torch.isfinite(z).all():
        raise ValueError(f"{name}_z: expected finite codes, got NaN or infinity")
    return z.detach().flatten(1).cpu().double()
