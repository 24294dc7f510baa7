"""The explorable of slides 13 to 15: two joints as tables, and one KL as two stacked bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from torch import Tensor

from course_lib.exact.matching import (
    N_X,
    N_Z,
    JointTerms,
    MatchingWorld,
    joint_terms,
    matching_world,
)
from course_lib.figures import style
from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["joint_tables"]

TOP = 2.0  # nats: where a bar is cut
RATIO = 2.0  # nats: where the colours of the log ratio end
DARKEST = 0.15  # probability: where the colours of the joints end
Split = tuple[float, ...]
SplitFunction = Callable[[Tensor, Tensor], tuple[Any, ...]]


def joint_tables(split_joint_kl: SplitFunction | None = None) -> LiveFigure:
    """Return the figure in which encoder, decoder and data are moved and both splits are read off.

    Args:
        split_joint_kl: your own (q_zx, p_zx) -> (KL(q(x), p(x)), E KL(q(z|x), p(z|x)),
            KL(q(z), p(z)), E KL(q(x|z), p(x|z))), two (n_z, n_x) tables to four numbers in nats;
            None for the library's. With your own, the bars show your numbers and the dashed lines
            the library's.

    Returns:
        The figure, opened where encoder and decoder disagree.
    """
    return _JointTables(split_joint_kl).live


class _JointTables:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, split_joint_kl: SplitFunction | None) -> None:
        self.own = split_joint_kl
        figure, axes = style.new_figure(
            columns=4, width=8.6, height=3.2, width_ratios=(1, 1, 1, 1.9)
        )
        self.tables = [
            _heatmap(axes[0], "q(z, x)", "Oranges", 0.0, DARKEST, "probability"),
            _heatmap(axes[1], "p(z, x)", "Blues", 0.0, DARKEST, "probability"),
            _heatmap(axes[2], "log q/p", "PuOr_r", -RATIO, RATIO, "nats"),
        ]
        axes[0].set_ylabel("z")
        self._draw_bars(axes[3])
        controls = (
            Slider("encoder", 0.0, 12.0, 0.5, 2.0, "encoder sharpness", page_step=2.0),
            Slider("decoder", 0.0, 12.0, 0.5, 8.0, "decoder sharpness", page_step=2.0),
            Slider("tilt", -2.0, 2.0, 0.25, 1.0, "tilt of the data", page_step=0.5),
        )
        artists = (
            *self.tables,
            *self.lower,
            *self.upper,
            *self.numbers,
            *self.breaks,
            *self.dashed,
        )
        alt = (
            "Three tables, z down and x across: the joint of data and encoder, the joint of prior"
            " and decoder, and the log of their ratio. Right: the KL of the two joints as two"
            " stacked bars of equal height, split with x first and with z first."
        )
        follows = self._follows()
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def _follows(self) -> dict[str, list[Artist]]:
        """Return what each control moves: p(x) has no encoder in it, and q(z) no decoder."""
        q, p, ratio = self.tables
        common = [ratio, *self.upper, *self.dashed, self.numbers[1], self.numbers[3]]
        of_x, of_z = [self.lower[0], self.numbers[0]], [self.lower[1], self.numbers[2]]
        return {
            "encoder": [q, *of_z, *self.breaks, *common],
            "decoder": [p, *of_x, *self.breaks, *common],
            "tilt": [q, *of_x, *of_z, *common],
        }

    def update(self, encoder: float, decoder: float, tilt: float) -> str:
        """Move the tables and the bars; return both splits in numbers."""
        world = matching_world(encoder, decoder, tilt)
        terms = joint_terms(world)
        ratio = world.q_zx.log() - world.p_zx.log()
        for image, table in zip(self.tables, (world.q_zx, world.p_zx, ratio), strict=True):
            image.set_data(table.numpy())
        reference = terms.x_marginal, terms.z_given_x, terms.z_marginal, terms.x_given_z
        shown, complaint = self._own_split(world, reference)
        self._move_bars(shown, reference)
        return _readout(terms) + complaint

    def _own_split(self, world: MatchingWorld, reference: Split) -> tuple[Split, str]:
        """Return the reader's four numbers, if there are any, and a complaint about them."""
        if self.own is None:
            return reference, ""
        try:
            mine = tuple(float(part) for part in self.own(world.q_zx.clone(), world.p_zx.clone()))
            if len(mine) != len(reference):
                return reference, f"\nyour function returned {len(mine)} numbers, not 4"
        except Exception as error:
            return reference, f"\n{explain_error(error)}; the bars are the library's"
        far = max(abs(a - b) for a, b in zip(mine, reference, strict=True)) > 1e-6
        return mine, "\nyour numbers differ from the library's (dashed)" if far else ""

    def _draw_bars(self, axes: Axes) -> None:
        names = ["x first\n(slide 14)", "z first\n(slide 15)"]
        self.lower: BarContainer = axes.bar(names, [1, 1], 0.45, color=style.P, label="marginals")
        self.upper: BarContainer = axes.bar(
            names, [1, 1], 0.45, [1, 1], color=style.KL, hatch="//", label="conditionals"
        )
        self.numbers = [
            axes.text(i + 0.26, 0.0, "", va="center", fontsize=9, in_layout=False)
            for i in (0, 0, 1, 1)
        ]
        self.breaks = [  # a gap near the top: the bar goes on
            axes.plot([i - 0.3, i + 0.3], [0.9 * TOP, 0.95 * TOP], color="white", lw=5)[0]
            for i in (0, 1)
        ]
        self.dashed = [
            axes.plot([i - 0.3, i + 0.3], [0, 0], color=style.NEUTRAL, ls="--", lw=1.5)[0]
            for i in (0, 0, 1, 1)
        ]
        axes.set(ylim=(0, TOP), xlim=(-0.4, 1.75), xlabel="split", ylabel="nats")
        axes.set_title("KL(q(z,x), p(z,x))", fontsize=10)
        axes.figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=9)

    def _move_bars(self, shown: Split, reference: Split) -> None:
        for i in (0, 1):
            marginal, conditional = shown[2 * i : 2 * i + 2]
            low = min(max(marginal, 0.0), TOP)
            high = max(min(marginal + conditional, TOP), low)
            self.lower[i].set_height(low)
            self.upper[i].set_y(low)
            self.upper[i].set_height(high - low)
            middles = (low / 2, (low + high) / 2)
            for text, value, height in zip(
                self.numbers[2 * i : 2 * i + 2], shown[2 * i : 2 * i + 2], middles, strict=True
            ):
                text.set_text(_number(value))
                text.set_y(min(max(height, 0.05), TOP - 0.05))
            self.breaks[i].set_visible(marginal + conditional > TOP)
            library = reference[2 * i], reference[2 * i] + reference[2 * i + 1]
            for line, height in zip(self.dashed[2 * i : 2 * i + 2], library, strict=True):
                line.set_ydata([height, height])
                line.set_visible(self.own is not None and height <= TOP)


def _heatmap(axes: Axes, title: str, cmap: str, low: float, high: float, unit: str) -> AxesImage:
    image = axes.imshow(
        torch.zeros(N_Z, N_X).numpy(), cmap=cmap, vmin=low, vmax=high, aspect="auto"
    )
    axes.set_title(title, fontsize=10)
    axes.set(xlabel="x", xticks=range(N_X), yticks=range(N_Z))
    axes.figure.colorbar(
        image, ax=axes, location="bottom", shrink=0.9, ticks=(low, high), label=unit
    )
    return image


def _number(value: float) -> str:
    """Return three decimals, without the sign that rounding may leave on a zero."""
    return f"{value if abs(value) >= 5e-4 else 0.0:.3f}"


def _readout(terms: JointTerms) -> str:
    """Return both splits and the ELBO; the residual is the largest difference of the three."""
    x, z_given_x, z, x_given_z, joint = map(
        _number,
        (terms.x_marginal, terms.z_given_x, terms.z_marginal, terms.x_given_z, terms.joint_kl),
    )
    return (
        f"x first {x} + {z_given_x} = {joint} = {z} + {x_given_z} z first\n"
        f"= -ELBO - H(p_data) = {-terms.elbo:.3f} - {terms.entropy:.3f}"
        f"   (residual {terms.residual:.0e})"
    )
