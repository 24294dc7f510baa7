"""Bounds on log p(x) as sequences grow, and measured likelihoods side by side (slide 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.evaluation import Estimate
from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, KL, NEUTRAL, P, Q, new_figure
from course_lib.measured import measured

__all__ = ["bounds_over_time", "chorale_ladder"]

LOOKS = ((ELBO, "o-"), (Q, "s--"), (P, "^-."), (KL, "v:"))
CHORALES = (
    ("independent keys", "log p, independent keys", False),
    ("VAE of single steps", "importance bound, VAE of single steps", True),
    ("RNN", "log p, RNN", False),
    ("VRNN, prior N(0, I)", "filtering bound, VRNN, prior N(0, I)", True),
    ("VRNN", "filtering bound, VRNN", True),
    ("RNN with MADE, no z", "log p, RNN with MADE, no z", False),
)


def bounds_over_time(steps: Sequence[int], gaps: Mapping[str, Sequence[Estimate]]) -> Picture:
    """Return how far each bound stays below log p(x), against the number of steps.

    Args:
        steps: the lengths T.
        gaps: for up to four bounds, bound - log p(x) at each length: a mean and its standard error,
            in nats.

    Raises:
        ValueError: if there are more than four bounds.
    """
    if len(gaps) > len(LOOKS):
        raise ValueError(f"gaps: expected at most {len(LOOKS)} bounds, got {len(gaps)}")
    figure, (axes,) = new_figure(width=7.0, height=3.2)
    for (colour, look), (name, values) in zip(LOOKS, gaps.items(), strict=False):
        mean, error = [v.value for v in values], [v.error for v in values]
        axes.errorbar(steps, mean, error, fmt=look, color=colour, ms=5, capsize=3, label=name)
    axes.axhline(0, color=NEUTRAL, ls=":", label="log p(x), exact")
    axes.set(xscale="log", xticks=steps, xlabel="steps T", ylabel="bound - log p(x), nats")
    axes.set_xticklabels(map(str, steps))
    axes.minorticks_off()
    axes.legend(frameon=False, loc="lower left")
    last = ", ".join(f"{name} {values[-1].value:.2f}" for name, values in gaps.items())
    return Picture(figure, f"bound minus log p(x) at T = {steps[-1]}, in nats: {last}")


def chorale_ladder() -> Picture:
    """Return the measured nats per step on Bach's chorales, one rung for each model.

    A square is an exact log-likelihood, a triangle a lower bound on it; lines show the spread over
    seeds.
    """
    figure, (axes,) = new_figure(width=7.4, height=3.2)
    rungs = [(name, measured("vrnn_chorales", key), bound) for name, key, bound in CHORALES]
    for bound, marker, colour, label in (
        (False, "s", P, "exact"),
        (True, ">", ELBO, "lower bound (single steps: k = 32, VRNN: filter of 32 paths)"),
    ):
        rows = [i for i, rung in enumerate(rungs) if rung[2] == bound]
        found = [rungs[i][1] for i in rows]
        means, errors = [one.mean for one in found], [one.half_range for one in found]
        axes.errorbar(
            means, rows, xerr=errors, fmt=marker, color=colour, ms=7, capsize=3, label=label
        )
    axes.set_yticks(range(len(rungs)), [name for name, *_ in rungs])
    axes.set(ylim=(len(rungs) - 0.5, -0.5), xlabel="log p(x), nats per step")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(frameon=False, loc="outside upper center", ncols=2, fontsize=9)
    said = ", ".join(f"{name} {one.mean:.2f}" for name, one, _ in rungs)
    return Picture(figure, f"nats per step on the test chorales: {said}")
