"""Measured gaps: the approximation gap of each family, and the amortisation gap of encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from course_lib.evaluation import mean_and_error
from course_lib.figures.images import Picture
from course_lib.figures.style import KL, NEUTRAL, Q, new_figure

__all__ = ["approximation", "encoders"]


def approximation(gaps: Mapping[str, Tensor]) -> Picture:
    """Return the mean gap of the best q of each family, with one standard error over the images.

    Args:
        gaps: for each family, (n,) gaps of the q fitted to each image separately, in nats.
    """
    figure, (axes,) = new_figure(width=5.6, height=2.8)
    estimates = [mean_and_error(gap) for gap in gaps.values()]
    axes.bar(
        list(gaps),
        [estimate.value for estimate in estimates],
        0.5,
        yerr=[estimate.error for estimate in estimates],
        capsize=4,
        color=KL,
        label="mean ± one standard error",
    )
    medians = [gap.median().item() for gap in gaps.values()]
    axes.plot(range(len(gaps)), medians, "D", color=NEUTRAL, ls="", label="median")
    axes.set(ylabel="gap of the best q,\nnats per image", ylim=(0, None))
    axes.legend(frameon=False)
    numbers = ", ".join(f"{name} {e}" for name, e in zip(gaps, estimates, strict=True))
    return Picture(figure, f"mean gap of the best q of each family, nats per image: {numbers}")


def encoders(measured: Mapping[str, Sequence[float]], best: Mapping[str, float]) -> Picture:
    """Return the held-out gap of trained encoders, a dot per seed, above the gap of the best q.

    Args:
        measured: for each family, one mean gap per seed, in nats.
        best: for each family, the mean gap of the best q of each image, in nats.
    """
    figure, (axes,) = new_figure(width=5.6, height=2.8)
    names = list(measured)
    axes.bar(names, [best[name] for name in names], 0.5, color=KL, label="best q of each image")
    for place, values in enumerate(measured.values()):
        label = "encoder, one seed" if place == 0 else None
        axes.plot([place] * len(values), values, "o", color=Q, mec=NEUTRAL, label=label)
    axes.set(ylabel="held-out gap,\nnats per image", ylim=(0, None))
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    summary = "; ".join(
        f"{name}: best q {best[name]:.2f}, encoders {', '.join(f'{v:.2f}' for v in values)}"
        for name, values in measured.items()
    )
    return Picture(figure, f"held-out gap, nats per image. {summary}")
