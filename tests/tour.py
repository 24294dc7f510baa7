"""The pictures of the README's tour: where on the web site each is taken, and in which state."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from notebook_runs import ROOT

FOLDER = Path(".github", "tour")
TAKEN = FOLDER / "taken.json"  # what each picture showed when it was taken
MOST_BYTES = 60_000


@dataclass(frozen=True)
class Picture:
    """One picture of the tour.

    Attributes:
        name: the file's name, without its suffix.
        notebook: the notebook whose page shows it.
        code: a line of the cell that makes it.
        state: for a live figure, the values of controls that do not stand as at the start.
        alt: what a reader who cannot see it must know.
    """

    name: str
    notebook: str
    code: str
    alt: str
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where the picture lies in the course."""
        return FOLDER / f"{self.name}.png"

    @property
    def page(self) -> str:
        """The page of the web site."""
        return str(Path(self.notebook).with_suffix(".html"))

    def cell(self) -> nbformat.NotebookNode:
        """The one cell that makes it."""
        (found,) = (
            cell
            for cell in nbformat.read(ROOT / self.notebook, 4).cells
            if cell.cell_type == "code" and self.code in cell.source.splitlines()
        )
        return found

    def live(self) -> Any:
        """The live figure, made anew, or None if the cell shows something else."""
        topic = re.search(r"from course_lib\.figures import (\w+) as figures", self._code())
        called = re.fullmatch(r"figures\.(\w+)\(\)", self.code)
        if not topic or not called:
            return None
        return getattr(importlib.import_module(f"course_lib.figures.{topic[1]}"), called[1])()

    def shows(self) -> str:
        """A hash of what stands on the picture: the cell, and the figure's words and controls."""
        live = self.live()
        said = [self.cell().source, self.alt]
        if live is not None:
            controls = [[c.name, c.label, *map(c.text, c.grid())] for c in live.controls]
            readout = re.sub(r"\d+e-\d+", "rounding", live.show(**self.state))
            said += [live.alt, json.dumps([controls, self.state]), readout]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    def _code(self) -> str:
        cells = nbformat.read(ROOT / self.notebook, 4).cells
        return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


TOUR = (
    Picture(
        "map",
        "lectures/00_map.ipynb",
        "figures.grid_of_bricks()",
        "Four columns of boxes, one chosen in each: N(0, I), PixelCNN, Gaussian and KL make a"
        " PixelVAE.",
        {"likelihood": "pixelcnn"},
    ),
    Picture(
        "gap",
        "lectures/01_elbo_gap.ipynb",
        "figures.explorable()",
        "A posterior with two peaks, a Gaussian q over one of them, and the bar log p(x) = ELBO"
        " + KL.",
        {"mu": 1.0, "log_scale": -1.0},
    ),
    Picture(
        "joints",
        "lectures/07_joint_matching.ipynb",
        "figures.joint_tables()",
        "Two joint tables of x and z and their log ratio; the KL as two bars of equal height.",
    ),
    Picture(
        "lambda",
        "lectures/06_flow_gan.ipynb",
        "figures.two_objectives()",
        "The Gaussian that is best for a mix of KL and JSD, and the path from one to the other.",
        {"place": 0.5},
    ),
    Picture(
        "check",
        "lectures/00_map.ipynb",
        "    check.gaussian_log_prob(gaussian_log_prob)",
        "A wrong answer and the message of its check: what is wrong, got, expected and why.",
    ),
)
