"""One pixel mapped from grey levels to the real line (slide 5)."""

from __future__ import annotations

from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, P, Q, new_figure

__all__ = ["pixel"]


def pixel(levels: Tensor, dequantised: Tensor, logits: Tensor) -> Picture:
    """Return three histograms of one pixel: its grey levels, dequantised, and as logits.

    Args:
        levels: (n,) whole grey levels, 0 to 16.
        dequantised: (n,) the same plus uniform noise.
        logits: (n,) the dequantised levels on the real line.
    """
    figure, axes = new_figure(columns=3, width=8.4, height=2.4)
    counts = levels.long().bincount(minlength=17) / len(levels)
    axes[0].bar(range(17), counts.numpy(), 0.25, color=DATA)
    axes[0].set(xlabel="grey level x", ylabel="probability", xlim=(-0.8, 17.5))
    axes[1].hist(dequantised.numpy(), 34, range=(0, 17), density=True, color=P)
    axes[1].set(xlabel="y = x + u", ylabel="density per grey level", xlim=(-0.8, 17.5))
    axes[2].hist(logits.numpy(), 40, density=True, color=Q)
    axes[2].set(xlabel="logit of y", ylabel="density")
    return Picture(
        figure,
        "one pixel as separate grey levels, as a density on [0, 17) after uniform noise, and as a"
        " density on the whole real line after the logit",
    )
