"""The explorable of slide 5: points pushed through a flow layer by layer, from either base."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import contourpy
import torch
from matplotlib.collections import LineCollection
from torch import Tensor

from course_lib.data import toys
from course_lib.figures import style
from course_lib.figures.autoregressive_flows.plane import density_image
from course_lib.figures.autoregressive_flows.stack import (
    BASES,
    Conditioner,
    Layer,
    MafLogProb,
    Stack,
    maf_log_prob,
    moons_layers,
)
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["layer_by_layer"]

WINDOW = (-4.0, 4.0, -4.0, 4.0)
PIXELS, POINTS, TEST = 90, 800, 2000
LEVELS = (0.02, 0.08)

StackedLogProb = Callable[[Tensor, Sequence[Conditioner]], Tensor]


def layer_by_layer(
    layers: Sequence[Layer] | None = None,
    density: toys.Density | None = None,
    *,
    maf_log_prob: MafLogProb | None = None,
    stacked_log_prob: StackedLogProb | None = None,
) -> LiveFigure:
    """Return the figure in which noise becomes data layer by layer, from either base.

    Args:
        layers: MAF layers over the plane, in the order in which they are applied; six trained on
            the two moons if None.
        density: what they were trained on; the two moons if None.
        maf_log_prob: your own (x, shift, log_scale) -> (n,), each (n, 2): the density of the
            autoregressive base; None for the library's.
        stacked_log_prob: your own (x, layers) -> (n,): the density of the whole stack, where each
            layer is a function x -> (shift, log_scale), from the data to the prior, which is last.

    Returns:
        The figure, opened at all layers on the Gaussian base. With your own function, its density
        is drawn, and the library's as dashed level lines.
    """
    stack = Stack(moons_layers() if layers is None else layers)
    own = (maf_log_prob, stacked_log_prob)
    return _LayerByLayer(stack, density or toys.two_moons(), *own).live


class _LayerByLayer:
    """The artists of the figure and how they follow the controls."""

    def __init__(
        self,
        stack: Stack,
        density: toys.Density,
        prior: MafLogProb | None,
        stacked: StackedLogProb | None,
    ) -> None:
        self.stack, self.prior, self.stacked = stack, prior, stacked
        self.own = prior is not None or stacked is not None
        draw = torch.Generator().manual_seed(0)
        self.noise = torch.randn(POINTS, 2, generator=draw, dtype=torch.float64)
        self.test = density.sample(TEST, draw, torch.float64)
        self.truth = float(density.log_prob(self.test).mean())
        figure, (left, right) = style.new_figure(columns=2, width=7.2, height=3.7)
        (self.points,) = left.plot([], [], ls="", marker=".", ms=2.5, color=style.Q)
        blank = torch.zeros(PIXELS, PIXELS).numpy()
        self.image = right.imshow(
            blank, cmap="Blues", origin="lower", extent=WINDOW, vmin=0, vmax=0.55
        )
        self.dashed = LineCollection([], colors=style.NEUTRAL, linestyles="--", linewidths=1.2)
        right.add_collection(self.dashed, autolim=False)
        for panel, title in ((left, f"{POINTS} samples"), (right, "density $p(x)$")):
            panel.set(xlim=WINDOW[:2], ylim=WINDOW[2:], xlabel="$x_1$", title=title)
            panel.set_aspect("equal")
        left.set(ylabel="$x_2$")
        controls = (
            Slider("depth", 0, len(stack), 1, len(stack), "layers used"),
            Choice("base", BASES, BASES[0], "base"),
        )
        alt = (
            "Left: samples after the chosen number of layers. Right: their density. The switch"
            " between the two bases changes neither."
        )
        artists = (self.points, self.image, self.dashed)
        follows = {"base": ()}  # both bases give the same density; only the text changes
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, depth: int, base: str) -> str:
        """Move points and density; return the terms of log p(x) and how far the bases differ."""
        moved = self.stack.points(self.noise, depth, base)
        self.points.set_data(moved[:, 0].numpy(), moved[:, 1].numpy())
        reference = self._image(lambda x: self.stack.log_prob(x, depth, base))
        shown, note = reference, ""
        if self.own:
            try:
                shown = self._image(lambda x: self._own(x, depth, base))
                note = self._compare(depth, base)
            except Exception as error:
                note = f"{explain_error(error)}; only the library's density is shown"
        # the square root shows a bridge that carries little mass
        self.image.set_data(shown.sqrt().numpy())
        self.dashed.set_segments(_level_lines(reference) if self.own else [])
        return f"{self._terms(depth, base)}\n{note or self._bases(depth)}"

    def _image(self, log_prob: Callable[[Tensor], Tensor]) -> Tensor:
        return density_image(lambda x: log_prob(x.double()), WINDOW, PIXELS)

    def _own(self, x: Tensor, depth: int, base: str) -> Tensor:
        if self.stacked is not None:
            value = self.stacked(x, self.stack.conditioners(depth))
        else:
            log_base, log_det = self.stack.split(x, depth, base, self.prior or maf_log_prob)
            value = log_base - log_det
        if not isinstance(value, Tensor) or value.shape != x.shape[:1]:
            came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"log-density: expected shape {tuple(x.shape[:1])}, got {came}")
        return value.detach()

    def _compare(self, depth: int, base: str) -> str:
        own = self._own(self.test, depth, base)
        gap = float((own - self.stack.log_prob(self.test, depth, base)).abs().max())
        if gap < 1e-6:
            return f"your log-density is the library's at every test point (to {gap:.0e} nats)"
        return f"your log-density differs from the library's, dashed, by up to {gap:.2g} nats"

    def _terms(self, depth: int, base: str) -> str:
        log_base, log_det = (part.mean() for part in self.stack.split(self.test, depth, base))
        name, others = "log N(z)", depth
        if base == BASES[1] and depth:
            name, others = "log p_AR(z)", depth - 1
        total = float(log_base - log_det)
        count = f"{others} layer" if others == 1 else f"{others} layers"
        return (
            f"log p(x) {total:.4f} = {name} {log_base:.4f} - log-dets of {count}"
            f" {log_det:.4f};  KL(data, p) {self.truth - total:.2f}"
        )

    def _bases(self, depth: int) -> str:
        first, second = (self.stack.log_prob(self.test, depth, base) for base in BASES)
        gap = float(((first - second).abs() / first.abs().clamp(min=1)).max())
        return f"largest relative difference between the bases over {TEST:,} test points: {gap:.1e}"


def _level_lines(image: Tensor) -> list:
    """Return the level lines of a density as arrays of points, in the units of the window."""
    left, right, low, high = WINDOW
    centres = (torch.arange(PIXELS) + 0.5) / PIXELS
    lines = contourpy.contour_generator(
        (left + (right - left) * centres).numpy(),
        (low + (high - low) * centres).numpy(),
        image.numpy(),
    )
    return [line for level in LEVELS for line in lines.lines(level)]
