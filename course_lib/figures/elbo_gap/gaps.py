"""Measured gaps of families of posteriors, one dot per seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.figures.images import Picture
from course_lib.figures.style import KL, NEUTRAL, new_figure

__all__ = ["gaps"]


def gaps(measured: Mapping[str, Sequence[float]], ylabel: str) -> Picture:
    """Return one dot a seed for each family of posteriors, with the mean as a bar.

    Args:
        measured: for each family, one mean gap a seed, in nats.
        ylabel: what was measured, with its unit.
    """
    figure, (axes,) = new_figure(width=5.0, height=2.6)
    names = list(measured)
    means = [sum(values) / len(values) for values in measured.values()]
    axes.bar(names, means, color=KL, alpha=0.5, width=0.5, label="mean")
    for place, values in enumerate(measured.values()):
        axes.plot(
            [place] * len(values), values, "o", color=NEUTRAL, label="one seed" * (place == 0)
        )
    axes.set(ylabel=ylabel, ylim=(0, None))
    axes.legend(frameon=False)
    summary = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(names, means, strict=True))
    return Picture(figure, f"{ylabel}: {summary}")
