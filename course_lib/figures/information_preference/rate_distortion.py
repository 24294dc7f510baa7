"""The explorable of slide 18: beta on the rate-distortion curve, with its tangent."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.information_preference.trained import trained
from course_lib.figures.live import LiveFigure

__all__ = ["rate_distortion"]

GAP = 1  # pixels between two images
REACH = 2.5  # nats of rate: how far the tangent extends to each side
WIDEST, LOWEST, HIGHEST = 11.0, 5.0, 26.0  # nats: the window of the curve


def rate_distortion() -> LiveFigure:
    """Return the figure in which beta moves along the curve of trained beta-VAEs.

    Every model was trained beforehand. The tangent belongs to the training images, whose objective
    was minimised; the dashed curve is for validation images.

    Returns:
        The figure, opened at beta = 1, the ELBO.
    """
    return _RateDistortion().live


class _RateDistortion:
    """The artists of the figure and how they follow the control."""

    def __init__(self) -> None:
        self.grid = trained()
        self.log_betas = self.grid["log_betas"].tolist()
        figure, (left, right) = style.new_figure(
            columns=2, width=8.4, height=3.4, width_ratios=(1.15, 1)
        )
        self._draw_curves(left)
        self.sheets = [_sheet(self.grid["images"], made) for made in self.grid["pictures"]]
        self.image = right.imshow(self.sheets[0], cmap="gray", vmin=0, vmax=255)
        right.set(xticks=[], yticks=[], title="images above, their reconstructions below")
        right.title.set_fontsize(10)
        controls = (Slider("log_beta", -0.6, 1.0, 0.2, 0.0, "log10 of β"),)
        alt = (
            "Left: distortion against rate for trained models, a falling convex curve, with a dot"
            " at one beta and its tangent of slope minus beta; a dotted line of slope -1 touches"
            " the curve at beta = 1. Right: images and reconstructions."
        )
        artists = (self.tangent, *self.dots, self.image)
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, log_beta: float) -> str:
        """Move the dots and the tangent; return rate, distortion and information."""
        place = int(np.argmin(np.abs(np.array(self.log_betas) - log_beta)))
        beta = 10 ** self.log_betas[place]
        r, d = (float(self.grid[f"train_{name}"][place]) for name in ("rate", "distortion"))
        held = [
            float(self.grid[f"held_out_{name}"][place])
            for name in ("rate", "distortion", "information")
        ]
        rates = np.linspace(r - REACH, r + REACH, 3)
        self.tangent.set_data(rates, d - beta * (rates - r))
        self.dots[0].set_data([r], [d])
        self.dots[1].set_data(held[:1], held[1:2])
        self.image.set_data(self.sheets[place])
        return (
            f"β = {beta:.2f}: R {r:.2f}, D {d:.2f} on training images; R {held[0]:.2f},"
            f" D {held[1]:.2f} on held-out images\n"
            f"held out: I_q {held[2]:.2f} of at most log {len_held()} = {np.log(len_held()):.2f},"
            f" R + D = -ELBO {held[0] + held[1]:.2f} nats per image"
        )

    def _draw_curves(self, axes: Axes) -> None:
        looks = (("train", "training images", "o-"), ("held_out", "held-out images", "s--"))
        for (part, label, look), colour in zip(looks, (style.P, style.Q), strict=True):
            curve = (self.grid[f"{part}_{name}"] for name in ("rate", "distortion"))
            axes.plot(*curve, look, color=colour, ms=3.5, lw=1.3, label=label)
        one = self.log_betas.index(0.0)
        least = float(self.grid["train_rate"][one] + self.grid["train_distortion"][one])
        axes.plot([0, least], [least, 0], ":", color=style.ELBO, lw=1.3, label="R + D of β = 1")
        (self.tangent,) = axes.plot([], [], color=style.NEUTRAL, lw=1.5, label="slope -β")
        self.dots = [
            axes.plot([], [], marker, color=colour, ms=9, mec="black")[0]
            for marker, colour in (("o", style.P), ("s", style.Q))
        ]
        axes.set(xlim=(-0.7, WIDEST), ylim=(LOWEST, HIGHEST))
        axes.set(xlabel="rate R, nats per image", ylabel="distortion D, nats per image")
        axes.legend(frameon=False, fontsize=9, loc="upper right")


def len_held() -> int:
    """Return the number of validation images behind the held-out numbers."""
    return int(trained()["held_out_images"])


def _sheet(images: NDArray[np.uint8], made: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images above their reconstructions as one picture of two pairs of rows."""
    n, height, width = images.shape
    rows = [images[: n // 2], made[: n // 2], images[n // 2 :], made[n // 2 :]]
    sheet = np.full((4 * (height + GAP), n // 2 * (width + GAP)), 90, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            y, x = i * (height + GAP), j * (width + GAP)
            sheet[y : y + height, x : x + width] = image
    return sheet[:-GAP, :-GAP]
