"""The explorable of slide 4: with more autoregressive layers, the decoder takes over from z.

The models were trained by ``tests/benchmarks/pixel_depth.py`` on thresholded 8x8 digits, two seeds
each; their results and a few of their samples are stored next to this module.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure

__all__ = ["Depth", "depth_explorable", "trained_depths"]

FILE = Path(__file__).with_name("depth.json")
CEILING = 19.5  # the twin without layers lies far above, and its marker is cut off
BLANK = 0.3


class Depth(NamedTuple):
    """The results for one number of layers, one value per seed, in nats per image.

    Attributes:
        bound: importance bound (k = 300) on -log p(x) of PixelVAE, 300 test images.
        twin: exact -log p(x) of the same net with z := 0.
        kl: KL(q(z|x), p(z)), averaged over the test images.
        information: I_q(x; z) over the 1,297 training images, at most 7.17.
        z_share: the share of a sample's variance that z alone explains.
        samples: (rows, columns, 8, 8) bits: the images of a row share z, those of a column noise.
    """

    bound: np.ndarray
    twin: np.ndarray
    kl: np.ndarray
    information: np.ndarray
    z_share: np.ndarray
    samples: np.ndarray


@functools.cache
def trained_depths() -> dict[int, Depth]:
    """Return the results by the number of autoregressive layers.

    Example:
        >>> list(trained_depths())
        [0, 1, 2, 3, 4]
    """
    stored = json.loads(FILE.read_text())
    rows, columns = stored["rows"], stored["columns"]
    depths = {}
    for layers, found in stored["depths"].items():
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(found["samples"]), np.uint8))
        depths[int(layers)] = Depth(
            *(np.array(found[key]) for key in ("bound", "twin", "kl", "information")),
            np.array(found["shares"])[:, 0],
            bits.reshape(rows, columns, 8, 8),
        )
    return depths


def depth_explorable() -> LiveFigure:
    """Return the figure with the number of autoregressive layers on a slider.

    Returns:
        The figure, opened at one layer.
    """
    return _Depths().live


class _Depths:
    """The artists of the figure and how they follow the slider."""

    def __init__(self) -> None:
        self.depths = trained_depths()
        figure, (nats, use, images) = style.new_figure(
            columns=3, width=7.8, height=3.1, width_ratios=(1.35, 1.15, 1.9)
        )
        self.here = [self._draw_likelihood(nats), self._draw_use(use)]
        self.sheet = images.imshow(self._sheet(0), cmap="gray", vmin=0, vmax=1)
        images.set_axis_off()
        images.set_title("samples: a row shares z", fontsize=10)
        deepest = max(self.depths)
        slider = Slider("layers", 0, deepest, 1, 1, "layers")
        alt = (
            "Left: -log p of PixelVAE and of its twin without z against the number of layers."
            " Middle: KL and I_q of PixelVAE. Right: samples of the chosen depth, each row with"
            " one z."
        )
        artists = (*self.here, self.sheet)
        self.live = LiveFigure(figure, [slider], self.update, artists, alt, scale=2)

    def update(self, layers: int) -> str:
        """Mark a depth and show its samples; return its numbers."""
        for line in self.here:
            line.set_xdata([layers, layers])
        self.sheet.set_data(self._sheet(layers))
        at = self.depths[layers]
        twin = "independent pixels" if layers == 0 else "twin with z := 0"
        return (
            f"-log p: PixelVAE at most {_spread(at.bound)}, {twin} {_spread(at.twin)} nats/image\n"
            f"KL {_spread(at.kl)}, I_q {_spread(at.information)} nats;"
            f" z alone explains {at.z_share.mean():.0%} of the variance of a sample"
        )

    def _draw_likelihood(self, axes: Axes) -> Line2D:
        self._series(axes, "twin", style.P, "s", "z := 0, exact")
        self._series(axes, "bound", style.ELBO, "o", "PixelVAE, bound")
        low = min(at.bound.min() for at in self.depths.values())
        axes.set(ylim=(low - 0.3, CEILING), ylabel="-log p(x), nats per image")
        axes.annotate(
            f"{self.depths[0].twin.mean():.1f}", (0, CEILING), (0.25, CEILING - 0.25),
            fontsize=9, color=style.P, va="top", arrowprops={"arrowstyle": "->", "color": style.P},
        )  # fmt: skip
        return self._finish(axes)

    def _draw_use(self, axes: Axes) -> Line2D:
        self._series(axes, "kl", style.KL, "D", "KL(q(z|x), p(z))")
        self._series(axes, "information", style.Q, "v", "$I_q(x; z)$")
        low = min(at.information.min() for at in self.depths.values())
        high = max(at.kl.max() for at in self.depths.values())
        axes.set(ylim=(low - 0.3, high + 0.3), ylabel="nats per image")
        return self._finish(axes)

    def _series(self, axes: Axes, name: str, colour: str, marker: str, label: str) -> None:
        layers = list(self.depths)
        values = [getattr(at, name) for at in self.depths.values()]
        axes.plot(layers, [v.mean() for v in values], color=colour, label=label, zorder=3)
        for place, value in zip(layers, values, strict=True):
            axes.plot([place] * len(value), value, marker, ms=4, color=colour, ls="", zorder=3)

    def _finish(self, axes: Axes) -> Line2D:
        axes.set(xlabel="autoregressive layers", xticks=list(self.depths))
        axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(-0.05, 1.0))
        return axes.axvline(1, color=style.NEUTRAL, ls=":", lw=1.5, zorder=2)

    def _sheet(self, layers: int) -> np.ndarray:
        samples = self.depths[layers].samples
        rows, columns, h, w = samples.shape
        framed = np.full((rows, columns, h + 1, w + 1), BLANK)
        framed[..., :h, :w] = samples
        return framed.swapaxes(1, 2).reshape(rows * (h + 1), -1)[:-1, :-1]


def _spread(values: np.ndarray) -> str:
    """Return the mean over seeds ± the half range."""
    return f"{values.mean():.2f} ± {np.ptp(values) / 2:.2f}"
