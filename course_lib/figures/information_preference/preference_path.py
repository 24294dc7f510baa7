"""The explorable of slide 16: from an ignored z to an informative one, with the same ELBO."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from torch import Tensor

from course_lib.exact import tables
from course_lib.exact.matching import MatchingWorld
from course_lib.exact.preference import K, valley
from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["preference_path"]

SHARES = [i / 40 for i in range(41)]
LOWEST, HIGHEST = -3.95, -1.9  # nats: the window of the ELBO
UNIFORM = torch.full((K,), 1 / K, dtype=torch.float64)
CODE = torch.eye(K, dtype=torch.float64)  # the encoder at t = 1: each x has its own z
Numbers = tuple[float, float, float]
ValleyFunction = Callable[[Tensor, Tensor, Tensor], tuple[Any, ...]]
InformationFunction = Callable[[Tensor], Any]


def preference_path(
    valley: ValleyFunction | None = None, mutual_information: InformationFunction | None = None
) -> LiveFigure:
    """Return the figure in which the use of z is varied, under a flexible and a limited decoder.

    Args:
        valley: your own (p_data, q_z_given_x, share) -> (encoder, prior, decoder); None for the
            library's.
        mutual_information: your own joint table -> I(x; z); None for the library's. With your own,
            tables and dots are made by your functions, and the library's curves are dashed.

    Returns:
        The figure, opened where the encoder uses z less than the limited decoder does.
    """
    return _PreferencePath(valley, mutual_information).live


class _PreferencePath:
    """The artists of the figure and how they follow the controls."""

    def __init__(
        self, own_valley: ValleyFunction | None, own_information: InformationFunction | None
    ) -> None:
        self.own_valley, self.own_information = own_valley, own_information
        self.look = "-" if own_valley is None and own_information is None else "--"
        self.path = [valley(UNIFORM, CODE, share) for share in SHARES]
        self.curves = functools.cache(self._limited_elbo)
        figure, axes = style.new_figure(
            columns=4, width=8.8, height=3.2, width_ratios=(1, 1, 1.35, 1.35)
        )
        self.tables = [
            _heatmap(axes[0], "encoder's joint", "Oranges"),
            _heatmap(axes[1], "limited decoder's", "Blues"),
        ]
        axes[0].set_ylabel("z")
        self._draw_elbo(axes[2])
        self._draw_information(axes[3])
        controls = (
            Slider("share", 0.0, 1.0, 0.05, 0.2, "share t of the code", page_step=0.1),
            Slider("limit", 0.0, 0.9, 0.05, 0.6, "limited decoder's c", page_step=0.1),
        )
        alt = (
            "Left: the joint of x and z by the encoder, and by a decoder whose use of z is"
            " fixed. Middle: the ELBO against the encoder's share, a flat line for the flexible"
            " decoder and a curve with one peak for the limited one. Right: the information in z."
        )
        flexible, limited, information = self.dots
        follows: dict[str, list[Artist]] = {
            "share": [self.tables[0], flexible, limited, information],
            "limit": [self.tables[1], self.limited, limited],
        }
        artists = (*self.tables, self.limited, *self.dots)
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, share: float, limit: float) -> str:
        """Move the tables, the curve and the dots; return the ELBOs and the information."""
        encoder, decoder = valley(UNIFORM, CODE, share), valley(UNIFORM, CODE, limit)
        self.limited.set_ydata(self.curves(limit))
        numbers = _numbers(encoder, decoder, tables.mutual_information)
        shown, joints, complaint = self._own(share, limit, encoder, decoder, numbers)
        for image, table in zip(self.tables, joints, strict=True):
            image.set_data(table.numpy())
        for dot, value in zip(self.dots, shown, strict=True):
            dot.set_data([share], [value])
        best = "which is its best" if share == limit else f"whose best is at t = {limit:g}"
        return (
            f"t = {share:g}: ELBO {numbers[0]:.4f} with the flexible decoder, {numbers[1]:.4f} with"
            f" the limited one, {best}\n"
            f"information {numbers[2]:.3f} of log {K} = {math.log(K):.3f} nats" + complaint
        )

    def _limited_elbo(self, limit: float) -> list[float]:
        """Return the ELBO along the path with the decoder of one of its points."""
        decoder = valley(UNIFORM, CODE, limit)
        return [_elbo(encoder, decoder) for encoder in self.path]

    def _own(
        self,
        share: float,
        limit: float,
        encoder: MatchingWorld,
        decoder: MatchingWorld,
        numbers: Numbers,
    ) -> tuple[Numbers, tuple[Tensor, Tensor], str]:
        """Return numbers and joints by the reader's functions, and a complaint about them."""
        joints = encoder.q_zx, decoder.p_zx
        if self.own_valley is None and self.own_information is None:
            return numbers, joints, ""
        try:
            its, mine = self._made(limit, decoder), self._made(share, encoder)
            shown = _numbers(mine, its, self.own_information or tables.mutual_information)
        except Exception as error:
            return numbers, joints, f"\n{explain_error(error)}; the figure is the library's"
        far = max(abs(a - b) for a, b in zip(shown, numbers, strict=True)) > 1e-6
        told = "\nyour numbers differ from the library's (dashed)" if far else ""
        return shown, (mine.q_zx, its.p_zx), told

    def _made(self, share: float, world: MatchingWorld) -> MatchingWorld:
        """Return the point of the path by the reader's function, if there is one."""
        if self.own_valley is None:
            return world
        given = UNIFORM.clone(), CODE.clone(), torch.tensor(share, dtype=torch.float64)
        encoder, prior, decoder = self.own_valley(*given)
        return MatchingWorld(UNIFORM, encoder, prior, decoder)

    def _draw_elbo(self, axes: Axes) -> None:
        flat = [_elbo(world, world) for world in self.path]
        axes.plot(SHARES, flat, self.look, color=style.ELBO, label="flexible decoder")
        (self.limited,) = axes.plot(SHARES, flat, ":", color=style.P, lw=2, label="limited")
        self.dots = [
            axes.plot([], [], marker, color=colour, ms=8, clip_on=False)[0]
            for marker, colour in (("o", style.ELBO), ("s", style.P))
        ]
        axes.set(xlim=(0, 1), ylim=(LOWEST, HIGHEST), xlabel="share t", ylabel="ELBO, nats")
        axes.figure.legend(loc="outside upper right", ncols=3, frameon=False, fontsize=9)

    def _draw_information(self, axes: Axes) -> None:
        known = [float(tables.mutual_information(world.q_zx)) for world in self.path]
        axes.plot(SHARES, known, self.look, color=style.Q)
        axes.axhline(math.log(K), color=style.NEUTRAL, ls=":", lw=1)
        axes.text(0.03, math.log(K) - 0.03, f"log {K}", va="top", fontsize=9)
        self.dots += axes.plot([], [], "o", color=style.Q, ms=8, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 2.2), xlabel="share t", ylabel="I(x; z), nats")


def _elbo(encoder: MatchingWorld, decoder: MatchingWorld) -> float:
    """Return the average ELBO of one point's encoder with another point's prior and decoder."""
    return float((encoder.p_data * tables.elbo(decoder.p_zx, encoder.q_z_given_x)).sum())


def _numbers(
    encoder: MatchingWorld, decoder: MatchingWorld, information: InformationFunction
) -> Numbers:
    """Return the ELBO with the flexible and with the limited decoder, and the information."""
    known = float(information(encoder.q_zx.clone()))
    return _elbo(encoder, encoder), _elbo(encoder, decoder), known


def _heatmap(axes: Axes, title: str, cmap: str) -> AxesImage:
    image = axes.imshow(torch.zeros(K, K).numpy(), cmap=cmap, vmin=0, vmax=1 / K, aspect="auto")
    axes.set_title(title, fontsize=10)
    axes.set(xlabel="x", xticks=range(K), yticks=range(K))
    axes.figure.colorbar(
        image, ax=axes, location="bottom", shrink=0.9, ticks=(0, 1 / K), label="probability"
    )
    return image
