"""What a trained q(z|x1) covers of the joint posteriors it was tied to (slide 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from course_lib.distributions import DiagonalGaussian
from course_lib.figures import style
from course_lib.figures.images import Picture

__all__ = ["learned_tie"]


def learned_tie(posteriors: Mapping[str, tuple[DiagonalGaussian, DiagonalGaussian]]) -> Picture:
    """Return the densities of trained posteriors along the axis on which the answers differ most.

    Only the axes of z are compared: no Gaussian with independent dimensions can follow dependence
    between dimensions across the answers.

    Args:
        posteriors: for each model's name, q(z|x1,x2) for one x1 with several equally likely x2,
            batch shape (answers,), and q(z|x1), batch shape (1,).

    Returns:
        One panel for each model: the mixture of the joint posteriors, filled, and q(z|x1).
    """
    figure, panels = style.new_figure(columns=len(posteriors), width=8.0, height=2.8)
    alts = []
    for panel, (name, (joint, one)) in zip(panels, posteriors.items(), strict=True):
        i = int(joint.mu.var(0, correction=0).argmax())
        means, widths = joint.mu[:, i], joint.log_scale[:, i].exp()
        mean, width = one.mu[:, i], one.log_scale[:, i].exp()
        low = float(torch.cat([means - 3 * widths, mean - 3 * width]).min())
        high = float(torch.cat([means + 3 * widths, mean + 3 * width]).max())
        z = torch.linspace(low, high, 401)
        each = _density(z, means, widths) / len(means)
        panel.fill_between(z, each.sum(0), color=style.P, alpha=0.25, lw=0, label="mixture")
        for k, answer in enumerate(each):
            label = "_" if k else "q(z|x1,x2), each x2"
            panel.plot(z, answer, color=style.P, lw=0.8, label=label)
        panel.plot(z, _density(z, mean, width)[0], color=style.Q, lw=2, label="q(z|x1)")
        panel.set(title=name, xlabel=f"dimension {i + 1} of z", ylim=(0, None))
        panel.title.set_fontsize(10)
        spread = float((means.var(correction=0) + widths.square().mean()).sqrt())
        alts.append(f"{name}: q(z|x1) has width {float(width):.2f}, the mixture {spread:.2f}")
    panels[0].set_ylabel("density")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=9)
    return Picture(figure, "; ".join(alts) + ".")


def _density(z: Tensor, mean: Tensor, width: Tensor) -> Tensor:
    standardised = (z - mean[:, None]) / width[:, None]
    return (-0.5 * standardised.square()).exp() / (width[:, None] * math.sqrt(2 * math.pi))
