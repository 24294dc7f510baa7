"""The importance bound as it rises with the number of samples (slide 6)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, KL, NEUTRAL, P, new_figure

__all__ = ["bound_in_k"]

QUARTER = 0.25


def bound_in_k(bounds: Mapping[int, Tensor], log_prob: float) -> Picture:
    """Return the importance bound against k, and next to it the gap that remains (slide 6).

    Args:
        bounds: for each k, (repeats,) independent estimates of L_k, in nats.
        log_prob: log p(x), in nats.
    """
    figure, (left, right) = new_figure(columns=2, width=8.0, height=2.8)
    k = list(bounds)
    mean = [bounds[n].mean().item() for n in k]
    error = [2 * bounds[n].std().item() / len(bounds[n]) ** 0.5 for n in k]
    left.axhline(log_prob, color=P, label="log p(x)")
    left.errorbar(k, mean, error, color=ELBO, marker="o", capsize=3, label="$L_k$ ± 2 s.e.")
    left.set(xscale="log", xlabel="k, samples inside the logarithm", ylabel="nats")
    left.legend(frameon=False, loc="lower right")
    missed = [log_prob - m for m in mean]
    seen = [i for i, gap in enumerate(missed) if gap > 0]  # noise may lift a mean above log p(x)
    right.errorbar(
        [k[i] for i in seen],
        [missed[i] for i in seen],
        [error[i] for i in seen],
        color=KL,
        marker="s",
        capsize=3,
    )
    right.axhline(QUARTER, color=NEUTRAL, ls="--", lw=1)
    right.text(k[0], QUARTER, "a quarter of a nat", va="bottom", fontsize=9)
    right.set(xscale="log", yscale="log", xlabel="k", ylabel="log p(x) − $L_k$, nats")
    numbers = ", ".join(f"k = {n}: {gap:.2f}" for n, gap in zip(k, missed, strict=True))
    return Picture(figure, f"the importance bound rises towards log p(x); gap at {numbers} nats")
