"""Which x each part of a VRNN sees, measured by its gradient (slide 9)."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import new_figure
from course_lib.models import VariationalRNN

__all__ = ["dependence", "who_sees_what"]


def dependence(vrnn: VariationalRNN, x: Tensor) -> dict[str, Tensor]:
    """Return how strongly prior and posterior of step t depend on x of step s.

    Args:
        vrnn: a model with a learned prior.
        x: (batch, time, dim) sequences.

    Returns:
        For ``"prior"`` and ``"posterior"``, the (time, time) mean absolute gradient of the mean of
        z_t with respect to x_s, t down and s across.
    """
    x = x.clone().requires_grad_()
    path = vrnn.infer(x)
    found = {}
    for name, part in (("prior", path.prior), ("posterior", path.posterior)):
        slopes = [
            torch.autograd.grad(step.sum(), x, retain_graph=True, materialize_grads=True)[0]
            for step in part.mean
        ]
        found[name] = torch.stack([slope.abs().mean((0, 2)) for slope in slopes])
    return found


def who_sees_what(vrnn: VariationalRNN, x: Tensor) -> Picture:
    """Return both tables of ``dependence`` as pictures; an exact zero is white and crossed.

    Args:
        vrnn: a model with a learned prior.
        x: (batch, time, dim) sequences.
    """
    tables = dependence(vrnn, x)
    figure, panels = new_figure(columns=2, width=6.4, height=3.0)
    for axes, (name, table) in zip(panels, tables.items(), strict=True):
        steps = len(table)
        zero = table == 0
        axes.imshow(table.masked_fill(zero, torch.nan).numpy(), cmap="Blues", vmin=0)
        rows, columns = zero.nonzero().T.tolist()
        axes.plot(columns, rows, "x", color="0.6", ms=5)
        marks = range(steps)
        axes.set(xticks=marks, xticklabels=range(1, steps + 1), xlabel="x of step s")
        axes.set(yticks=marks, yticklabels=range(1, steps + 1), ylabel="z of step t")
        axes.set_title(f"{name}, × is exactly zero", fontsize=10)
    first = [int((tables[name] != 0).sum()) for name in tables]
    return Picture(
        figure,
        f"which x the prior and the posterior of z_t depend on: {first[0]} and {first[1]} of"
        f" {steps**2} pairs of steps; none of them lies in the future",
    )
