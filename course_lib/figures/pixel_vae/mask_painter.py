"""The explorable of slide 4: the receptive field of a PixelCNN's pixel, for any masks."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from torch import Tensor

from course_lib.exact.receptive_field import (
    Count,
    MaskedKernel,
    Network,
    Shift,
    count_seen,
    earlier,
    masked_kernel,
    one_stack,
    seen_pixels,
    shift_down,
    shift_right,
    two_stacks,
)
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["mask_painter"]

SHAPE = (9, 9)
START = (6, 4)  # row and column: one stack of 3x3 kernels hides six pixels from it
DEEPEST = 8
FIRST_A, ALL_B, ALL_A = "A, then B", "B everywhere", "A everywhere"
ONE, TWO = "one masked stack", "two stacks"
SEEN, LATER = to_rgb(style.P), (0.93, 0.93, 0.93)
BLIND, ILLEGAL, CHOSEN = to_rgb(style.DATA), to_rgb(style.Q), (1.0, 1.0, 1.0)


def mask_painter(
    own_kernel: MaskedKernel | None = None,
    own_down: Shift | None = None,
    own_right: Shift | None = None,
) -> LiveFigure:
    """Return the figure in which a reader picks masks and a pixel, and sees its receptive field.

    Args:
        own_kernel: your own masked_kernel(kind, size) -> (size, size); None for the library's. With
            your own, its receptive field is painted, and the library's is dashed.
        own_down: your own shift_down(x), (height, width) -> (height, width), of the two stacks.
        own_right: your own shift_right(x), likewise.

    Returns:
        The figure, opened at a pixel with a blind spot.
    """
    return _MaskPainter(own_kernel, own_down, own_right).live


class _MaskPainter:
    """The artists of the figure and how they follow the controls."""

    def __init__(
        self, own_kernel: MaskedKernel | None, own_down: Shift | None, own_right: Shift | None
    ) -> None:
        self.own = any(own is not None for own in (own_kernel, own_down, own_right))
        self.kernel = own_kernel or masked_kernel
        self.shifts = (own_down or shift_down, own_right or shift_right)
        figure, (axes, beside) = style.new_figure(
            columns=2, width=6.4, height=3.6, width_ratios=(1.3, 1)
        )
        self._draw(axes)
        self._draw_legend(beside)
        controls = (
            Choice("kinds", (FIRST_A, ALL_B, ALL_A), FIRST_A, "mask"),
            Choice("size", (3, 5, 7), 3, "kernel size"),
            Choice("stack", (ONE, TWO), ONE, "network"),
            Slider("layers", 1, DEEPEST, 1, DEEPEST, "layers", page_step=DEEPEST - 1),
            Slider("row", 0, SHAPE[0] - 1, 1, START[0], "row of the pixel", page_step=3),
            Slider("column", 0, SHAPE[1] - 1, 1, START[1], "its column", page_step=4),
        )
        artists = (self.image, self.blind, self.illegal, self.chosen, self.outline)
        alt = (
            "A 9x9 image. The chosen pixel is marked with a star. Blue: earlier pixels that it"
            " sees. Orange with a ring: earlier pixels that it cannot see, the blind spot."
            " Vermilion with a cross: pixels that it sees and must not. Grey: pixels to come."
        )
        field = (self.image, self.blind, self.outline)
        follows = {"kinds": (*field, self.illegal), "size": field, "stack": field, "layers": field}
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, kinds: str, size: int, stack: str, layers: int, row: int, column: int) -> str:
        """Paint the receptive field; return the counts."""
        letters = _letters(kinds, layers)
        library = shown = seen_pixels(_network(letters, size, stack), SHAPE, row, column)
        note = _about(letters, size, stack)
        if self.own:
            try:
                network = _network(letters, size, stack, self.kernel, self.shifts)
                shown = seen_pixels(network, SHAPE, row, column)
            except Exception as error:
                note = f"{explain_error(error)}; the library's field is shown"
        self.outline.set_data(*_outline(library) if self.own else ([], []))
        self._paint(shown, row, column)
        return f"{_said(count_seen(shown, row, column))}\n{note}"

    def _draw(self, axes: Axes) -> None:
        rows, columns = SHAPE
        axes.set_axisbelow(True)  # so that no ticks are redrawn
        self.image = axes.imshow(np.zeros((*SHAPE, 3)), vmin=0, vmax=1, zorder=1)
        axes.hlines(np.arange(rows - 1) + 0.5, -0.5, columns - 0.5, color="white", lw=1, zorder=2)
        axes.vlines(np.arange(columns - 1) + 0.5, -0.5, rows - 0.5, color="white", lw=1, zorder=2)
        self.blind, self.illegal = _marks(axes, "o", 9), _marks(axes, "x", 9)
        self.chosen = _marks(axes, "*", 14)
        (self.outline,) = axes.plot([], [], color="black", lw=2, ls="--", zorder=4)
        axes.set(xticks=range(columns), yticks=range(rows), xlabel="column", ylabel="row")
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)

    def _draw_legend(self, axes: Axes) -> None:
        entries: dict[str, tuple[Line2D, ...]] = {
            "the pixel": _entry(CHOSEN, "*"),
            "earlier and seen": _entry(SEEN, ""),
            "earlier, not seen:\nthe blind spot": _entry(BLIND, "o"),
            "not earlier, but seen:\nillegal": _entry(ILLEGAL, "x"),
            "not earlier, not seen": _entry(LATER, ""),
        }
        if self.own:
            entries["the library's field"] = (Line2D([], [], color="black", lw=2, ls="--"),)
        axes.legend(
            list(entries.values()), list(entries), handler_map={tuple: HandlerTuple(ndivide=1)},
            loc="center left", frameon=False, labelspacing=1.0,
        )  # fmt: skip
        axes.set_axis_off()

    def _paint(self, seen: Tensor, row: int, column: int) -> None:
        before = earlier(SHAPE, row, column)
        colours = torch.empty(*SHAPE, 3)
        for where, colour in (
            (before & seen, SEEN),
            (before & ~seen, BLIND),
            (~before & seen, ILLEGAL),
            (~before & ~seen, LATER),
        ):
            colours[where] = torch.tensor(colour)
        if not seen[row, column]:
            colours[row, column] = torch.tensor(CHOSEN)
        self.image.set_data(colours.numpy())
        for marks, where in ((self.blind, before & ~seen), (self.illegal, ~before & seen)):
            rows, columns = where.nonzero(as_tuple=True)
            marks.set_data(columns.numpy(), rows.numpy())
        self.chosen.set_data([column], [row])


def _letters(kinds: str, layers: int) -> str:
    first, later = {FIRST_A: "AB", ALL_B: "BB", ALL_A: "AA"}[kinds]
    return first + later * (layers - 1)


def _network(
    letters: str,
    size: int,
    stack: str,
    kernel: MaskedKernel = masked_kernel,
    shifts: tuple[Shift, Shift] = (shift_down, shift_right),
) -> Network:
    return one_stack(letters, size, kernel) if stack == ONE else two_stacks(letters, size, *shifts)


def _marks(axes: Axes, marker: str, size: int) -> Line2D:
    style_of = {"ls": "", "marker": marker, "ms": size, "color": "black", "mfc": "none"}
    (marks,) = axes.plot([], [], mew=1.6, zorder=5, **style_of)
    return marks


def _entry(colour: tuple[float, ...], marker: str) -> tuple[Line2D, Line2D]:
    """Return a coloured square and its marker, for the legend."""
    square = Line2D([], [], ls="", marker="s", ms=15, mfc=colour, mec=style.NEUTRAL, mew=0.8)
    mark = Line2D([], [], ls="", marker=marker, ms=8, color="black", mfc="none", mew=1.4)
    return square, mark


def _outline(seen: Tensor) -> tuple[list[float], list[float]]:
    """Return the outline of the pixels that are seen, as line segments with gaps between them."""
    cells = np.pad(seen.numpy(), 1)
    x: list[float] = []
    y: list[float] = []
    for r, c in zip(*np.nonzero(cells[1:] != cells[:-1]), strict=True):
        x += [c - 1.5, c - 0.5, np.nan]
        y += [r - 0.5, r - 0.5, np.nan]
    for r, c in zip(*np.nonzero(cells[:, 1:] != cells[:, :-1]), strict=True):
        x += [c - 0.5, c - 0.5, np.nan]
        y += [r - 1.5, r - 0.5, np.nan]
    return x, y


def _said(count: Count) -> str:
    verdict = "sees exactly what it may"
    if count.illegal:
        verdict = "not a density: a pixel sees itself or later pixels"
    elif count.seen < count.legal:
        verdict = f"a valid density, with a blind spot of {count.legal - count.seen}"
    return f"{count.seen} of {count.legal} earlier pixels, {count.illegal} other pixels: {verdict}"


def _about(letters: str, size: int, stack: str) -> str:
    layers = f"{len(letters)} layer{'s'[: len(letters) - 1]} of {size}x{size}"
    return f"{stack}, {layers}, masks {letters}"
