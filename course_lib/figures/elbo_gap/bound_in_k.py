"""The importance bound as it rises with the number of samples (slide 6)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, P, new_figure

__all__ = ["bound_in_k"]


def bound_in_k(bounds: Mapping[int, Tensor], log_prob: float) -> Picture:
    """Return the importance bound against k, with log p(x) as the ceiling (slide 6).

    Args:
        bounds: for each k, (repeats,) independent estimates of L_k, in nats.
        log_prob: log p(x), in nats.
    """
    figure, (axes,) = new_figure(height=2.6)
    k = list(bounds)
    mean = [bounds[n].mean() for n in k]
    error = [2 * bounds[n].std() / len(bounds[n]) ** 0.5 for n in k]
    axes.axhline(log_prob, color=P, label="log p(x)")
    axes.errorbar(k, mean, error, color=ELBO, marker="o", capsize=3, label="$L_k$ ± 2 s.e.")
    axes.set(xscale="log", xlabel="k, samples that share one logarithm", ylabel="nats")
    axes.legend(frameon=False, loc="lower right")
    return Picture(figure, "the importance bound rises with k towards log p(x)")
