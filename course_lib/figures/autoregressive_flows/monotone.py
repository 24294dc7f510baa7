"""The explorable of the monotone network: more units, more bumps (slide 5, neural flows)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.figures import style
from course_lib.figures.autoregressive_flows import rings_line
from course_lib.figures.autoregressive_flows.rings_line import NODES, PLACES, STEP, UNITS
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["monotone_network"]

MonotoneMap = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
SHOWN = 3.6
DRAWN = (NODES.abs() <= SHOWN).nonzero()[:, 0][::4]  # the curves pass through every fourth node


def monotone_network(monotone: MonotoneMap | None = None) -> LiveFigure:
    """Return the figure of z = f(x), its slope and its density, against the number of units.

    The rings are cut along the vertical line at x_1; the monotone network fits p(x_2 | x_1) there.

    Args:
        monotone: your own (x, slope, offset, logits) -> (z, log f'(x)), from x of (n,) and
            parameters of (units,); None for the library's. With your own, its curves are drawn, and
            the library's are dashed.

    Returns:
        The figure, opened at one unit: the affine layer.
    """
    return _MonotoneNetwork(monotone).live


class _MonotoneNetwork:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, monotone: MonotoneMap | None) -> None:
        self.own = monotone
        figure, axes = style.new_figure(columns=3, width=8.4, height=2.9)
        self.filled = self._draw_target(axes[2])
        self.shown = [self._line(panel, style.Q, "-", 2.0) for panel in axes]
        self.dashed = [self._line(panel, style.NEUTRAL, "--", 1.5) for panel in axes]
        axes[0].set(ylabel="z = f($x_2$)", ylim=(-3.6, 3.6))
        axes[1].set(ylabel="slope f'($x_2$)", yscale="log", ylim=(1e-7, 1e2))
        axes[2].set(ylabel="density", ylim=(0, 2.2))
        self.shown[2].set_label("p, your function" if monotone else "p = N(f) f'")
        if monotone:
            self.dashed[2].set_label("p, the library's")
        figure.legend(loc="outside upper left", ncols=3, frameon=False)
        controls = (
            Slider("units", UNITS[0], UNITS[-1], 1, 1, "units K"),
            Choice("x_1", PLACES, PLACES[0], "cut at x₁"),
        )
        alt = (
            "Left: the monotone map from x2 to z. Middle: its slope, always positive, on a log"
            " scale. Right: the density that it gives, a line, over the density of the rings along"
            " a vertical cut, filled."
        )
        artists = (*self.shown, *self.dashed, self.filled)
        follows = {"units": (*self.shown, *self.dashed)}  # the target does not move
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, units: int, x_1: float) -> str:
        """Move the curves; return the smallest slope, the mass and the KL."""
        parameters = rings_line.stored(x_1, units)
        self.filled.set_verts([_polygon(rings_line.target(x_1).exp())])
        reference = shown = rings_line.monotone(NODES, *parameters)
        note = "one unit: f is a straight line, and p one Gaussian, as in an affine layer"
        note = note if units == 1 else ""
        if self.own is not None:
            try:
                shown = tuple(map(_checked, self.own(NODES, *parameters)))
                note = _judge(*shown) or "your function gives a density"
            except Exception as error:
                note = f"{explain_error(error)}; only the library's curves are shown"
        failed = self.own is not None and shown is reference
        _trace(self.shown, *shown, visible=not failed)
        _trace(self.dashed, *reference, visible=self.own is not None)
        return f"{_numbers(x_1, *shown)}\n{note}"

    def _draw_target(self, axes: Axes) -> object:
        empty = torch.zeros_like(NODES)
        return axes.fill_between(
            NODES, empty, empty, color=style.P, alpha=0.3, lw=0, label="rings, $p(x_2|x_1)$"
        )

    def _line(self, axes: Axes, colour: str, line: str, width: float) -> Line2D:
        (made,) = axes.plot([], [], color=colour, ls=line, lw=width)
        axes.set(xlabel="$x_2$", xlim=(-SHOWN, SHOWN))
        return made


def _trace(lines: list[Line2D], z: Tensor, log_slope: Tensor, visible: bool) -> None:
    density = rings_line.log_density(z, log_slope).exp()
    for line, values in zip(lines, (z, log_slope.exp(), density), strict=True):
        line.set_visible(visible)
        line.set_data(NODES[DRAWN].numpy(), values[DRAWN].numpy())


def _polygon(density: Tensor) -> Tensor:
    """Return the corners of the area under a density, (corners, 2)."""
    x, density = NODES[DRAWN], density[DRAWN]
    curve = torch.stack((x, density), 1)
    return torch.cat((curve, torch.stack((x[[-1, 0]], torch.zeros(2).double()), 1))).numpy()


def _checked(value: object) -> Tensor:
    if not isinstance(value, Tensor) or value.shape != NODES.shape:
        came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"monotone: expected two of shape {tuple(NODES.shape)}, got {came}")
    return value.detach().double()


def _numbers(x_1: float, z: Tensor, log_slope: Tensor) -> str:
    log_p = rings_line.log_density(z, log_slope)
    mass = float(log_p.exp().sum()) * STEP
    return (
        f"smallest slope {float(log_slope.exp().min()):.2g}   mass {mass:.3f}"
        f"   KL(rings, p) {rings_line.kl(x_1, log_p):.3f} nats"
    )


def _judge(z: Tensor, log_slope: Tensor) -> str:
    """Return a complaint if f is not increasing, or its slope is not that of f."""
    if not (z.diff() > 0).all():
        return "your f is not monotone: it is not increasing everywhere"
    mass = float(rings_line.log_density(z, log_slope).exp().sum()) * STEP
    if abs(mass - 1) > 0.02:
        return f"your p is not a density: it integrates to {mass:.3f}, not 1"
    return ""
