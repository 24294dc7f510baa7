"""Check of the bound of the semi-supervised VAE, with the label observed or summed out."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["semi_supervised_bound"]

UNSEEN = "U(x) = sum_y q(y|x) [L(x, y) - log q(y|x)]   (slide 8)"
SEEN = "an observed label: the bound is L(x, y) at that y   (slide 8)"


def right(label_logits: Tensor, elbo_per_label: Tensor, label: Tensor) -> Tensor:
    """Return L(x, y) where the label is observed and U(x) where it is -1, (batch,)."""
    log_q = label_logits.log_softmax(1)
    unseen = (log_q.exp() * (elbo_per_label - log_q)).sum(1)
    seen = elbo_per_label.gather(1, label.clamp(min=0)[:, None])[:, 0]
    return torch.where(label < 0, unseen, seen)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on an undecided, the best and a confident q(y|x), with and without labels."""
    logits, elbo = inputs.normal(7, 3, scale=2), inputs.normal(7, 3, scale=3) - 40
    unseen = torch.full((7,), -1)
    label, some = inputs.integers(3, 7), torch.arange(7) % 2 == 0
    sure = 2000.0 * torch.eye(3, dtype=torch.float64)[label]
    return [
        Case((0 * logits, elbo, unseen), where="for an undecided q(y|x)"),
        Case((elbo, elbo.clone(), unseen), elbo.logsumexp(1), "for the best q(y|x)"),
        Case((logits, elbo, unseen), where="if no label is seen"),
        Case((logits, elbo, label), where="if all labels are seen"),
        Case((logits, elbo, torch.where(some, label, unseen)), where="if some labels are seen"),
        _mixed(inputs, 97, 2),
        _mixed(inputs, 5, 10),
        Case((sure, elbo, unseen), where="for a confident q(y|x)"),
        Case((logits - 500, elbo, unseen), where="for logits near -500"),
    ]


def _mixed(inputs: RandomInputs, batch: int, classes: int) -> Case:
    logits, elbo = inputs.normal(batch, classes), inputs.normal(batch, classes, scale=3) - 40
    return Case((logits, elbo, inputs.integers(classes + 1, batch) - 1))


semi_supervised_bound = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("label_logits", "elbo_per_label", "label"),
    gradients=("label_logits", "elbo_per_label"),
    why=UNSEEN + ";\n" + SEEN,
    hint="log_softmax over the classes first; torch.where on label < 0 at the end",
    passed="the exact sum over y, or the bound at an observed y.",
)
