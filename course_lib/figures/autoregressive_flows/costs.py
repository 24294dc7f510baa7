"""The cost of a density and of a sample against the number of dimensions (slide 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, ELBO, NEUTRAL, P, Q, new_figure

__all__ = ["costs"]

LOOKS = ((P, "o"), (Q, "s"), (ELBO, "^"), (DATA, "D"))


def costs(dims: Sequence[int], ratios: Mapping[str, Sequence[float]], ylabel: str) -> Picture:
    """Return ratios of costs against the number of dimensions, both on log scales.

    Args:
        dims: the numbers of dimensions.
        ratios: for each line, one ratio per number of dimensions.
        ylabel: the label of the ratios, which says what is divided by what.
    """
    figure, (axes,) = new_figure(height=3.0)
    axes.axhline(1, color=NEUTRAL, lw=1)
    for (name, values), (colour, marker) in zip(ratios.items(), LOOKS, strict=False):
        axes.plot(dims, values, color=colour, marker=marker, label=name)
    axes.set(xscale="log", yscale="log", xlabel="d, dimensions", ylabel=ylabel)
    axes.set_xticks(dims, [str(d) for d in dims])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    last = ", ".join(f"{name} {values[-1]:.2g}" for name, values in ratios.items())
    return Picture(figure, f"{ylabel}, at d = {dims[-1]}: {last}")
