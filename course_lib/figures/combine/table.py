"""The explorable of lecture 9: the course's models in one table, sorted by a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from course_lib.evaluation import EXACT, Row
from course_lib.figures import style
from course_lib.figures.combine.recipe import COURSE
from course_lib.figures.controls import Choice
from course_lib.figures.live import LiveFigure
from course_lib.measured import Measured, figures, measured, with_spread

__all__ = ["COLUMNS", "leaderboard", "values"]

CLAIM = "leaderboard"
NAMES = (*COURSE, "PixelCNN")
NEWEST = 8  # how many of the reader's rows fit
TICKS = ((1, 3, 10, 30), (1, 10, 100, 1000))  # the ticks of a short and of a long axis of ratios
LONG = 50  # an axis is long if its highest number is this many times its lowest


class Column(NamedTuple):
    """One column of the table.

    Attributes:
        title: the heading above it.
        lowest_first: whether the smallest number comes first.
        log: whether its axis is logarithmic.
        words: its description, in the line below the figure.
    """

    title: str
    lowest_first: bool
    log: bool
    words: str


COLUMNS: dict[str, Column] = {
    "-log p(x)": Column("-log p(x)\nnats", True, False, "nats per image, at most"),
    "gap": Column("gap of the\nELBO, nats", True, False, "nats per image, at least"),
    "I_q": Column("I_q(x; z)\nnats", False, False, "nats"),
    "C2ST": Column("C2ST\naccuracy", True, False, "accuracy"),
    "step": Column("step\nx VAE", True, True, "times the VAE's"),
    "sampling": Column("sampling\nx VAE", True, True, "times the VAE's"),
}


class Entry(NamedTuple):
    """One number of the table.

    Attributes:
        value: the mean over the seeds.
        half_range: half of its range over the seeds; None for a single run.
        relation: the sign before it: "≤" and "≥" for bounds, "=" for an exact likelihood.
    """

    value: float
    half_range: float | None
    relation: str = ""

    def __str__(self) -> str:
        if self.half_range is None:
            return f"{self.relation}{self.value:.2f}"
        return f"{self.relation}{with_spread(self.value, self.half_range)}"

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the range over the seeds, taken as symmetric about the mean."""
        half = self.half_range or 0.0
        return self.value - half, self.value + half


Line = dict[str, Entry]


def values(own: Sequence[Row] = ()) -> dict[str, Line]:
    """Return the table: for every model its entries by column, without those it lacks.

    Args:
        own: the reader's rows; only the newest are shown.
    """
    known = set(figures(CLAIM))
    table: dict[str, Line] = {}
    for name in NAMES:
        found = {key: f"{name}, {key}" for key in COLUMNS if f"{name}, {key}" in known}
        table[name] = {key: _entry(measured(CLAIM, figure)) for key, figure in found.items()}
    return table | {row.name: _line(row) for row in own[-NEWEST:]}


def leaderboard(own: Sequence[Row] = ()) -> LiveFigure:
    """Return the table as dots, one row for each model, with a menu that sorts it.

    Args:
        own: the reader's rows, drawn in another colour.

    Returns:
        The figure, sorted by -log p(x).
    """
    return _Table(values(own), len(own[-NEWEST:])).live


def _entry(found: Measured) -> Entry:
    relations = {"at most": "≤", "at least": "≥", "exact": "="}
    return Entry(found.mean, found.half_range, relations.get(found.units.split(", ")[-1], ""))


def _line(row: Row) -> Line:
    found, cost = row.score, row.cost
    relation = {"-log p(x)": "=" if found.bound == EXACT else "≤", "gap": "≥"}
    numbers = {
        "-log p(x)": found.nats.value,
        "gap": None if found.gap is None else found.gap.value,
        "I_q": None if found.information is None else found.information.value,
        "C2ST": found.accuracy,
        "step": cost.step,
        "sampling": cost.sampling,
    }
    return {
        key: Entry(number, None, relation.get(key, ""))
        for key, number in numbers.items()
        if number is not None
    }


class _Table:
    """The artists of the figure and how they follow the menu."""

    def __init__(self, table: dict[str, Line], own: int) -> None:
        self.table, n = table, len(table)
        self.own = set(list(table)[n - own :]) if own else set()
        height = 1.25 + 0.27 * n
        figure, (words, *axes) = style.new_figure(
            columns=7, width=9.4, height=height, width_ratios=(3.3, *[1.0] * 6)
        )
        words.set(xlim=(0, 1), ylim=(n - 0.4, -0.6))
        words.set_axis_off()
        self.texts = [words.text(1.0, i, "", ha="right", va="center", fontsize=9) for i in range(n)]
        self.columns = {key: self._column(one, key) for one, key in zip(axes, COLUMNS, strict=True)}
        floor = measured(CLAIM, "floor: C2ST, train for samples").mean
        axes[3].axvline(floor, color=style.NEUTRAL, linestyle=":", linewidth=1.2)
        axes[3].set_xlim(left=min(floor - 0.02, axes[3].get_xlim()[0]))
        dynamic = (*self.texts, *(artist for three in self.columns.values() for artist in three))
        alt = (
            "A table of models, one row each, and six columns of dots: negative log-likelihood,"
            " gap of the ELBO, information in z, accuracy of a classifier that tells samples from"
            " test images (its floor dotted), time of a step and of sampling. Bars are half the"
            " range of three seeds. The rows are sorted by one column."
        )
        menu = Choice("sort", tuple(COLUMNS), "-log p(x)", "sort by")
        self.live = LiveFigure(figure, [menu], self.update, dynamic, alt, 2)

    def update(self, sort: str) -> str:
        """Put the rows in the order of a column; return that order in words."""
        order = self._order(sort)
        said = [f"{name} {self.table[name].get(sort, 'none')}" for name in order]
        for text, name in zip(self.texts, order, strict=True):
            text.set_text(f"{name}   {self.table[name].get(sort, 'none')}")
            text.set_color(style.Q if name in self.own else "black")
        for key in COLUMNS:
            self._move(key, order)
        column = COLUMNS[sort]
        way = "lowest first" if column.lowest_first else "highest first"
        return f"by {sort}, {way} ({column.words}): {'; '.join(said)}"

    def _move(self, key: str, order: list[str]) -> None:
        """Put the dots and bars of one column into the rows of this order."""
        bars, course, own = self.columns[key]
        have = [
            (i, name, self.table[name][key])
            for i, name in enumerate(order)
            if key in self.table[name]
        ]
        bars.set_segments(
            [[(x, i) for x in entry.ends] for i, name, entry in have if name not in self.own]
        )
        for dots, mine in ((course, False), (own, True)):
            here = [(entry.value, i) for i, name, entry in have if (name in self.own) == mine]
            dots.set_data([x for x, _ in here], [y for _, y in here])

    def _order(self, sort: str) -> list[str]:
        sign = 1 if COLUMNS[sort].lowest_first else -1
        have = [name for name in self.table if sort in self.table[name]]
        have.sort(key=lambda name: sign * self.table[name][sort].value)
        return have + [name for name in self.table if sort not in self.table[name]]

    def _column(self, axes: Axes, key: str) -> tuple[LineCollection, Line2D, Line2D]:
        column, table = COLUMNS[key], self.table.values()
        ends = [end for line in table if key in line for end in line[key].ends]
        low, high = min(ends), max(ends)
        if column.log:
            axes.set(xscale="log", xlim=(low / 1.5, high * 1.5))
            ticks = TICKS[high > LONG * low]
            axes.set_xticks([t for t in ticks if low / 1.5 < t < high * 1.5])
            axes.xaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
        else:
            margin = 0.08 * (high - low) or 1.0
            axes.set_xlim(low - margin, high + margin)
            axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.set_ylim(len(self.table) - 0.4, -0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color="#dddddd")
        axes.set_title(column.title, fontsize=9)
        bars = LineCollection([], colors=style.P, linewidths=2)
        axes.add_collection(bars, autolim=False)
        (course,) = axes.plot([], [], "o", color=style.P, markersize=5)
        (own,) = axes.plot([], [], "D", color=style.Q, markersize=6)
        return bars, course, own
