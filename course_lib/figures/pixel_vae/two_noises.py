"""The explorable of slide 4: what z decides in a sample, and what is left to the pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.evaluation import VarianceShares, variance_shares
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure

__all__ = ["Sampler", "two_noises"]

Sampler = Callable[[Tensor, Tensor], Tensor]
SAME_Z, SAME_NOISE = "same z, new pixel noise", "new z, same pixel noise"
ROWS, COLUMNS = 2, 8
CHOICES = 12
PARTS = ("z alone", "noise alone", "both\ntogether")
COLOURS = (style.P, style.DATA, style.NEUTRAL)


def two_noises(samplers: Mapping[str, Sampler], z: Tensor, noise: Tensor) -> LiveFigure:
    """Return the figure in which one source of randomness is held fixed and the other is redrawn.

    A sample is a function of two independent sources: z, and one uniform number for every pixel.
    The bars are the shares of its variance that each of them explains.

    Args:
        samplers: for each model, (z, noise) -> images, (n, z_dim) and (n, 1, h, w) -> (n, 1, h, w),
            a deterministic function of the two; one of them may be your own model.
        z: (m, z_dim) draws of the prior, m at least 16.
        noise: (m, 1, h, w) numbers in [0, 1), the noise of the pixels.

    Returns:
        The figure, opened at the last model with z held.

    Raises:
        ValueError: if there is no model, there are fewer than 16 draws, or images have a wrong
            shape.
    """
    return _TwoNoises(samplers, z, noise).live


class _TwoNoises:
    """All samples, drawn once, and the artists that show a few of them."""

    def __init__(self, samplers: Mapping[str, Sampler], z: Tensor, noise: Tensor) -> None:
        _check(samplers, z, noise)
        self.samples = {name: _all_pairs(draw, z, noise) for name, draw in samplers.items()}
        self.shares = {name: variance_shares(x) for name, x in self.samples.items()}
        figure, (images, mean, bars) = style.new_figure(
            columns=3, width=8.0, height=2.0, width_ratios=(4.6, 1.1, 1.5)
        )
        self._draw_images(images, mean)
        self._draw_bars(bars)
        names = tuple(samplers)
        controls = (
            Choice("held", (SAME_Z, SAME_NOISE), SAME_Z, "held"),
            Slider("draw", 1, CHOICES, 1, 1, "which one is held"),
            Choice("model", names, names[-1], "model"),
        )
        alt = (
            "Left: 16 samples that share their z, or that share the noise of their pixels. Middle:"
            " their average. Right: bars of the shares of variance that z alone, the noise alone"
            " and both together explain."
        )
        artists = (self.sheet, self.mean, *self.bars, *self.texts)
        pictures = (self.sheet, self.mean)  # the bars are over all samples of a model
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2,
            follows={"held": pictures, "draw": pictures},
        )  # fmt: skip

    def update(self, held: str, draw: int, model: str) -> str:
        """Show the samples of one state; return the shares of variance."""
        pairs = self.samples[model]
        chosen = pairs[draw - 1] if held == SAME_Z else pairs[:, draw - 1]
        self.sheet.set_data(_sheet(chosen[: ROWS * COLUMNS]))
        self.mean.set_data(_sheet(chosen.mean(0, keepdim=True), 1, 1))
        shares = self.shares[model]
        for bar, text, share in zip(self.bars, self.texts, shares, strict=True):
            bar.set_width(max(share, 0.0))
            text.set_text(f"{max(share, 0.0):.0%}")
            text.set_x(max(share, 0.0) + 0.03)
        return f"{held}, number {draw}; {model}\n{_said(shares)}"

    def _draw_images(self, images: Axes, mean: Axes) -> None:
        event = next(iter(self.samples.values())).shape[-2:]
        blank = torch.zeros(ROWS * COLUMNS, *event)
        options = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        self.sheet = images.imshow(_sheet(blank), **options)
        self.mean = mean.imshow(_sheet(blank[:1], 1, 1), **options)
        images.set_title("16 samples", fontsize=10)
        mean.set_title("average", fontsize=10)
        for axes in (images, mean):
            axes.set_axis_off()

    def _draw_bars(self, axes: Axes) -> None:
        places = range(len(PARTS))
        self.bars = list(axes.barh(places, [1.0] * len(PARTS), 0.6, color=COLOURS, zorder=3))
        self.texts = [axes.text(0.0, place, "", va="center", in_layout=False) for place in places]
        axes.set(xlim=(0, 1.3), xticks=(0, 0.5, 1), xlabel="share of variance")
        axes.set_yticks(places, PARTS)
        axes.invert_yaxis()


def _check(samplers: Mapping[str, Sampler], z: Tensor, noise: Tensor) -> None:
    if not samplers:
        raise ValueError("samplers: expected at least one model, got none")
    fits = z.dim() == 2 and noise.dim() == 4 and len(z) == len(noise) and noise.shape[1] == 1
    if not fits or len(z) < ROWS * COLUMNS:
        raise ValueError(
            f"z, noise: expected shapes (m, z_dim) and (m, 1, h, w) with m >= {ROWS * COLUMNS},"
            f" got {tuple(z.shape)} and {tuple(noise.shape)}"
        )


@torch.no_grad()
def _all_pairs(draw: Sampler, z: Tensor, noise: Tensor) -> Tensor:
    """Return the image of every z with every noise: (m, m, h, w)."""
    m = len(z)
    images = draw(z.repeat_interleave(m, 0), noise.repeat(m, 1, 1, 1))
    if images.shape != (m * m, *noise.shape[1:]):
        raise ValueError(
            f"samplers: expected images of shape {(m * m, *noise.shape[1:])},"
            f" got {tuple(images.shape)}"
        )
    return images.reshape(m, m, *noise.shape[2:])


def _sheet(images: Tensor, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Return (rows * columns, h, w) images side by side, a grey line between them."""
    h, w = images.shape[-2:]
    framed = torch.full((rows, columns, h + 1, w + 1), 0.3)
    framed[..., :h, :w] = images.reshape(rows, columns, h, w)
    return framed.transpose(1, 2).reshape(rows * (h + 1), -1)[:-1, :-1].numpy()


def _said(shares: VarianceShares) -> str:
    z, noise, both = (max(share, 0.0) for share in shares)
    return f"variance: z alone {z:.0%}, pixel noise alone {noise:.0%}, both together {both:.0%}"
