"""One colour per concept and one way to make a figure, the same in every lecture."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["DATA", "DPI", "ELBO", "KL", "NEUTRAL", "P", "Q", "new_figure"]

# Okabe and Ito's colour-blind safe palette; each concept keeps its colour.
P, Q, ELBO, KL, DATA, NEUTRAL = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#555555"
DPI = 100


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = 7.0,
    height: float = 3.0,
    width_ratios: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure unknown to pyplot, with an opaque background, and its axes row by row.

    The background is white in dark themes too: black text on a dark page would be unreadable.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        width: inches, at 100 pixels per inch.
        height: inches.
        width_ratios: (columns,) relative widths.

    Returns:
        The figure and the rows * columns axes.

    Example:
        >>> figure, (left, right) = new_figure(columns=2)
        >>> figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
        True
    """
    figure = Figure((width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, width_ratios=width_ratios)
    axes = [one for row in grid for one in row]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=9, colors=NEUTRAL, labelcolor="black")
        one.set_prop_cycle(color=[P, Q, ELBO, KL, DATA, NEUTRAL])  # when none is given
    return figure, axes
