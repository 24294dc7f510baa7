"""The explorable of lecture 0: choose three bricks and a comparison, and see the model's name."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from course_lib.figures import style
from course_lib.figures.controls import Choice
from course_lib.figures.live import LiveFigure
from course_lib.models.combine import (
    COMPARISONS,
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    WITHOUT_GRADIENT,
)

__all__ = ["SYSTEMS", "System", "grid_of_bricks"]

Cell = tuple[str, str, str, str]


class System(NamedTuple):
    """A cell of the grid that has a name in the lecture.

    Attributes:
        name: its name in the lecture.
        slides: the slides that show it.
        lecture: the number of the notebook that treats it.
        code: the line that builds it for 8x8 images and a z of 8 dimensions.
    """

    name: str
    slides: str
    lecture: int
    code: str


SYSTEMS: dict[Cell, System] = {
    ("standard", "independent", "gaussian", "kl"): System(
        "VAE", "slide 3", 1, "VAE.build((1, 8, 8), 8)"
    ),
    ("standard", "independent", "planar", "kl"): System(
        "VAE with a flow posterior",
        "slides 6, 7",
        1,
        'FlowPosteriorVAE.build((1, 8, 8), 8, flow="planar")',
    ),
    ("standard", "independent", "iaf", "kl"): System(
        "VAE with a flow posterior",
        "slides 6, 7",
        1,
        'FlowPosteriorVAE.build((1, 8, 8), 8, flow="iaf")',
    ),
    ("autoregressive", "independent", "gaussian", "kl"): System(
        "VAE with an autoregressive prior",
        "slides 4, 5",
        3,
        'combine((1, 8, 8), 8, prior="autoregressive")',
    ),
    ("standard", "pixelcnn", "gaussian", "kl"): System(
        "PixelVAE", "slide 4", 3, "PixelVAE.build((1, 8, 8), 8)"
    ),
    ("autoregressive", "pixelcnn", "gaussian", "kl"): System(
        "PixelVAE with an autoregressive prior",
        "slide 4",
        3,
        'PixelVAE.build((1, 8, 8), 8, prior="autoregressive")',
    ),
    ("standard", "independent", "gaussian", "jsd_x"): System(
        "VAE + GAN", "slide 12", 7, "VAEGAN.build((1, 8, 8), 8)"
    ),
    ("standard", "independent", "gaussian", "jsd_z"): System(
        "adversarial autoencoder", "slide 15", 7, "AdversarialAutoencoder.build((1, 8, 8), 8)"
    ),
    ("standard", "independent", "gaussian", "mmd"): System(
        "InfoVAE", "slides 15, 17", 8, "InfoVAE.build((1, 8, 8), 8)"
    ),
    ("standard", "independent", "gaussian", "beta"): System(
        "beta-VAE", "slide 18", 8, "BetaVAE.build((1, 8, 8), 8, beta=4.0)"
    ),
}

COLUMNS = {
    "prior": ("prior p(z)", PRIORS, ("N(0, I)", "autoregressive")),
    "likelihood": ("likelihood p(x|z)", LIKELIHOODS, ("independent pixels", "PixelCNN")),
    "posterior": ("posterior q(z|x)", POSTERIORS, ("Gaussian", "planar flow", "IAF")),
    "comparison": (
        "comparison",
        COMPARISONS,
        ("KL: the ELBO", "beta KL", "KL and JSD in x", "KL and JSD in z", "MMD in z"),
    ),
}
WIDTH, HEIGHT = 0.9, 0.7  # of a box, in units of the grid
LINE = 84  # characters of code that fit on one line


def grid_of_bricks() -> LiveFigure:
    """Return the grid with a menu for each brick and for the comparison.

    Returns:
        The figure, opened at the VAE.
    """
    return _Grid().live


class _Grid:
    """The artists of the figure and how they follow the menus."""

    def __init__(self) -> None:
        figure, (axes,) = style.new_figure(width=7.6, height=3.6)
        axes.set(xlim=(-0.55, 3.55), ylim=(6.7, -1.0))
        axes.set_axis_off()
        frames = {
            name: self._column(axes, place, title, labels)
            for place, (name, (title, _, labels)) in enumerate(COLUMNS.items())
        }
        self.frames = frames
        self.title = axes.text(-0.45, 5.35, "", fontsize=13, weight="bold", va="center")
        self.code = axes.text(-0.45, 5.8, "", fontsize=10, family="monospace", va="top")
        shared: tuple[Text, ...] = (self.title, self.code)
        controls = [
            Choice(name, tuple(names), next(iter(names)), title, labels)
            for name, (title, names, labels) in COLUMNS.items()
        ]
        alt = (
            "Four columns of boxes: what the prior, the likelihood and the posterior may be, and"
            " how the joint distributions may be compared. The chosen box of each column is"
            " framed. Below: what the combination is called, and the code that builds it."
        )
        follows = {name: (frame, *shared) for name, frame in frames.items()}
        dynamic = (*frames.values(), *shared)
        self.live = LiveFigure(figure, controls, self.update, dynamic, alt, 2, follows)

    def update(self, prior: str, likelihood: str, posterior: str, comparison: str) -> str:
        """Frame the chosen boxes; return the choice in words and what it is called."""
        cell = (prior, likelihood, posterior, comparison)
        for choice, (name, (_, names, _)) in zip(cell, COLUMNS.items(), strict=True):
            self.frames[name].set_y(list(names).index(choice) - HEIGHT / 2)
        title, code = _title_and_code(cell)
        self.title.set_text(title)
        self.code.set_text(code)
        return (
            f"p(z): {PRIORS[prior]}; p(x|z): {LIKELIHOODS[likelihood]};"
            f" q(z|x): {POSTERIORS[posterior]}; comparison: {COMPARISONS[comparison]}\n"
            f"{title}. {' '.join(code.split())}"
        )

    def _column(self, axes: Axes, place: int, title: str, labels: tuple[str, ...]) -> Rectangle:
        axes.text(place, -0.75, title, fontsize=11, weight="bold", ha="center", va="center")
        for row, label in enumerate(labels):
            corner = (place - WIDTH / 2, row - HEIGHT / 2)
            box = Rectangle(corner, WIDTH, HEIGHT, facecolor="#eeeeee", edgecolor="none")
            axes.add_patch(box)
            axes.text(place, row, label, fontsize=10, ha="center", va="center")
        frame = Rectangle((place - WIDTH / 2, -HEIGHT / 2), WIDTH, HEIGHT)
        frame.set(facecolor="none", edgecolor=style.Q, linewidth=2.5)
        axes.add_patch(frame)
        return frame


def _title_and_code(cell: Cell) -> tuple[str, str]:
    """Return the name of a cell and the line that builds it, for 8x8 images."""
    if (cell[1], cell[3]) == WITHOUT_GRADIENT:
        return "not trainable: no gradient through pixels drawn one by one", ""
    if cell in SYSTEMS:
        system = SYSTEMS[cell]
        return f"{system.name}: {system.slides}, lecture {system.lecture}", system.code
    chosen = ", ".join(
        f'{name}="{choice}"'
        for choice, (name, (_, names, _)) in zip(cell, COLUMNS.items(), strict=True)
        if choice != next(iter(names))
    )
    code = textwrap.fill(f"combine((1, 8, 8), 8, {chosen})", LINE, subsequent_indent=8 * " ")
    return "no name in the lecture, but it can be built", code
