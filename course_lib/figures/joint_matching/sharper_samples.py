"""The explorable of slide 12: what the weight of a critic in x-space gains and costs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from course_lib.figures import style
from course_lib.figures.controls import Choice
from course_lib.figures.joint_matching.trained import trained
from course_lib.figures.live import LiveFigure

__all__ = ["sharper_samples"]

COLUMNS, GAP = 8, 1
CURVES = (("precision", style.P, "o-"), ("recall", style.Q, "s--"), ("c2st", style.NEUTRAL, "^:"))


def sharper_samples() -> LiveFigure:
    """Return the figure in which the weight of the JSD in x-space is varied, on trained models.

    Returns:
        The figure, opened at the plain VAE, weight 0.
    """
    return _SharperSamples().live


class _SharperSamples:
    """The artists of the figure and how they follow the control."""

    def __init__(self) -> None:
        self.grid = trained()
        self.weights = self.grid["x_weights"].tolist()
        figure, (left, middle, right) = style.new_figure(
            columns=3, width=8.4, height=3.2, width_ratios=(1.7, 1.2, 1.2)
        )
        sheets = [_sheet(images) for images in self.grid["x_images"]]
        self.sheets = dict(zip(self.weights, sheets, strict=True))
        self.image = left.imshow(sheets[0], cmap="gray", vmin=0, vmax=1.0)
        left.set(xticks=[], yticks=[], title="samples")
        self._draw_curves(middle, right)
        controls = (Choice("weight", self.weights, 0.0, "weight λ of the JSD"),)
        alt = (
            "Left: samples of the model. Middle: precision, recall and the accuracy of a classifier"
            " against the weight. Right: the importance bound against the weight."
        )
        self.live = LiveFigure(
            figure, controls, self.update, (self.image, *self.markers), alt, scale=1
        )

    def update(self, weight: float) -> str:
        """Show one model's samples and mark its numbers; return them."""
        self.image.set_data(self.sheets[weight])
        place = self.weights.index(weight)
        for marker in self.markers:
            marker.set_xdata([place, place])
        numbers = {name: float(self.grid[f"x_{name}"][place]) for name, *_ in CURVES}
        return (
            f"λ = {weight:g}: precision {numbers['precision']:.2f}, recall {numbers['recall']:.2f},"
            f" C2ST {numbers['c2st']:.2f} (0.5 is best)\n"
            f"importance bound {self.grid['x_bound'][place]:.2f} nats per image (k = 100)"
        )

    def _draw_curves(self, middle: Axes, right: Axes) -> None:
        places = range(len(self.weights))
        for name, colour, look in CURVES:
            label = "C2ST accuracy" if name == "c2st" else name
            middle.plot(places, self.grid[f"x_{name}"], look, color=colour, label=label)
        middle.set(ylim=(0.4, 1.02), ylabel="share")
        middle.figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
        right.plot(places, self.grid["x_bound"], "o-", color=style.ELBO)
        right.set(ylabel="importance bound, nats")
        for axes in (middle, right):
            axes.set(xlabel="λ", xticks=places, xticklabels=[f"{w:g}" for w in self.weights])
        self.markers = [axes.axvline(0, color=style.DATA, lw=1.5) for axes in (middle, right)]


def _sheet(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the images as one picture, eight in a row, with grey lines between them."""
    n, height, width = images.shape
    rows = n // COLUMNS
    sheet = np.full((rows * (height + GAP), COLUMNS * (width + GAP)), 0.35, np.float32)
    for i, image in enumerate(images[: rows * COLUMNS]):
        y, x = i // COLUMNS * (height + GAP), i % COLUMNS * (width + GAP)
        sheet[y : y + height, x : x + width] = image
    return sheet[:-GAP, :-GAP]
