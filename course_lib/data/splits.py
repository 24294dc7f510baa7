"""Train, validation and test sets, and the one rule by which every data set is split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.arguments import as_count, as_floats

__all__ = ["Examples", "Splits", "split"]


@dataclass(frozen=True, eq=False)
class Examples:
    """Draws from p_data(x), each with the class that it was drawn for.

    Attributes:
        x: (n, *event) floating-point examples.
        label: (n,) int64 classes, or None if the set has none.

    Raises:
        TypeError: if ``x`` or ``label`` is not a tensor of that kind.
        ValueError: if there is no example, or not one label for each.

    Example:
        >>> examples = Examples(torch.zeros(3, 1, 8, 8), torch.tensor([7, 0, 7]))
        >>> len(examples), len(examples.to("cpu"))
        (3, 3)
    """

    x: Tensor
    label: Tensor | None = None

    def __post_init__(self) -> None:
        as_floats(self.x, "x")
        if self.x.dim() == 0 or len(self.x) == 0:
            raise ValueError(f"x: expected at least one example, got shape {tuple(self.x.shape)}")
        if self.label is None:
            return
        if not isinstance(self.label, Tensor) or self.label.dtype != torch.int64:
            raise TypeError(f"label: expected a tensor of torch.int64, got {_kind(self.label)}")
        if self.label.shape != self.x.shape[:1]:
            raise ValueError(
                f"label: expected shape ({len(self.x)},), one for each x,"
                f" got {tuple(self.label.shape)}"
            )

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: str | torch.device) -> Examples:
        """Return the same examples on ``device``."""
        return Examples(self.x.to(device), None if self.label is None else self.label.to(device))


@dataclass(frozen=True, eq=False)
class Splits:
    """One data set in its three parts.

    Attributes:
        train: for fitting.
        validation: for choosing settings and when to stop.
        test: for the reported numbers, used once.
    """

    train: Examples
    validation: Examples
    test: Examples

    def to(self, device: str | torch.device) -> Splits:
        """Return the same three parts on ``device``."""
        return Splits(self.train.to(device), self.validation.to(device), self.test.to(device))


def split(x: Tensor, label: Tensor | None, *, validation: int, test: int) -> Splits:
    """Split a data set in three by the course's fixed rule.

    The rule is ``RandomState(0).permutation(n)``: its last ``test`` entries are the test set, the
    ``validation`` entries before them the validation set, all others the training set. It has no
    seed to choose: a held-out number means the same thing in every notebook.

    Args:
        x: (n, *event) all examples.
        label: (n,) their classes, or None.
        validation: the size of the validation set.
        test: the size of the test set.

    Returns:
        The three parts, disjoint and together the whole set.

    Raises:
        TypeError: if ``x`` or ``label`` is not a tensor of the right kind.
        ValueError: if ``x`` is empty, labels and examples differ in number, a size is not a
            positive integer, or the sizes leave nothing to train on.

    Example:
        >>> parts = split(torch.arange(10.0), None, validation=2, test=3)
        >>> [len(part) for part in (parts.train, parts.validation, parts.test)]
        [5, 2, 3]
        >>> torch.cat([parts.train.x, parts.validation.x, parts.test.x]).sum().item()
        45.0
    """
    whole = Examples(x, label)
    for name, size in (("validation", validation), ("test", test)):
        as_count(size, name)
    n = len(whole)
    if validation + test >= n:
        raise ValueError(
            f"validation, test: expected sizes that leave some of the {n} examples to train on,"
            f" got {validation} + {test}"
        )
    # numpy promises that this old generator's stream never changes; the newer ones may.
    order = torch.from_numpy(np.random.RandomState(0).permutation(n))
    train, held_out, last = order.split([n - validation - test, validation, test])
    return Splits(_take(whole, train), _take(whole, held_out), _take(whole, last))


def _take(examples: Examples, index: Tensor) -> Examples:
    index = index.to(examples.x.device)
    return Examples(examples.x[index], None if examples.label is None else examples.label[index])


def _kind(value: object) -> str:
    return f"a tensor of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
