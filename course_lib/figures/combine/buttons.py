"""Menus, a Train button and the leaderboard: lecture 9's training cell as widgets."""

from __future__ import annotations

import asyncio
import functools
import html
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from course_lib.data.splits import Splits
from course_lib.evaluation import Leaderboard
from course_lib.figures.combine.recipe import BUDGET, MENUS, build
from course_lib.figures.combine.session import Session
from course_lib.figures.combine.table import leaderboard

__all__ = ["Menus", "menus"]

STEPS = (BUDGET // 4, BUDGET // 2, BUDGET)
SLICE = 0.4  # seconds between two looks at the buttons
WIDE = {"style": {"description_width": "8em"}, "layout": {"width": "32em", "max_width": "100%"}}
WITHOUT_KERNEL = (
    "In a running notebook, this cell shows four menus, a budget and a Train button. The cell above"
    " trains a model in the same way."
)


def menus(splits: Splits, board: Leaderboard, checkpoint: str | Path = "checkpoints") -> Menus:
    """Return the menus of prior, likelihood, posterior, comparison and budget, with their buttons.

    Args:
        splits: the images.
        board: the leaderboard, which keeps the rows.
        checkpoint: the folder of the checkpoints, from which a stopped run resumes.
    """
    return Menus(splits, board, checkpoint)


class Menus:
    """The widgets and their callbacks. Training runs in slices, so the kernel stays responsive."""

    def __init__(self, splits: Splits, board: Leaderboard, checkpoint: str | Path) -> None:
        self.splits, self.board, self.folder = splits, board, checkpoint
        self.session: Session | None = None
        self.stopping = False
        self.task: asyncio.Task[None] | None = None
        self.menus = {name: _menu(name, words) for name, words in MENUS.items()}
        self.budget = widgets.Dropdown(
            options=[(f"{n} steps", n) for n in STEPS], value=BUDGET, description="budget", **WIDE
        )
        self.seed = widgets.BoundedIntText(value=0, min=0, max=9999, description="seed", **WIDE)
        self.train = widgets.Button(description="Train", button_style="primary")
        self.stop = widgets.Button(description="Stop", disabled=True)
        self.bar = widgets.IntProgress(value=0, max=BUDGET, layout={"width": "20em"})
        self.status = widgets.HTML()
        self.train.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self.halt())
        for menu in self.menus.values():
            menu.observe(lambda _: self.look(), names="value")
        self.say("Choose, predict, then press Train.")

    @property
    def choices(self) -> dict[str, str]:
        """The chosen key of each menu."""
        return {name: menu.value for name, menu in self.menus.items()}

    @functools.cached_property
    def widget(self) -> widgets.VBox:
        """The menus, buttons and status line, with the leaderboard below."""
        buttons = widgets.HBox([self.train, self.stop, self.bar])
        parts = [*self.menus.values(), self.budget, self.seed, buttons, self.status]
        return widgets.VBox([*parts, leaderboard(self.board.rows()).widget])

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {
            "application/vnd.jupyter.widget-view+json": view,
            "text/html": f"<p>{WITHOUT_KERNEL}</p>",
            "text/plain": WITHOUT_KERNEL,
        }

    def say(self, text: str) -> None:
        """Show one line below the buttons."""
        self.status.value = f'<div role="status">{html.escape(text)}</div>'

    def look(self) -> None:
        """Say whether the chosen combination can be built."""
        try:
            build(self.choices)
        except ValueError as error:
            self.train.disabled = True
            self.say(f"This combination cannot be trained. {error}.")
        else:
            self.train.disabled = self.busy
            if not self.busy:
                self.say("Predict, then press Train.")

    @property
    def busy(self) -> bool:
        """Whether a model is being trained."""
        return self.task is not None and not self.task.done()

    def start(self) -> None:
        """Start or resume training the chosen model; the notebook stays responsive."""
        if not self.busy:
            self.task = asyncio.ensure_future(self.run())

    def halt(self) -> None:
        """Stop training after the current slice."""
        self.stopping = True

    async def run(self) -> None:
        """Train in slices, score the model, add its row, and redraw the leaderboard."""
        self.stopping, self.train.disabled, self.stop.disabled = False, True, False
        try:
            await self._train_and_score()
        except Exception as error:  # shown to the reader: a task has no cell that could fail
            self.say(f"{type(error).__name__}: {error}")
        finally:
            self.stop.disabled = True
            self.train.disabled = False

    async def _train_and_score(self) -> None:
        steps, seed = self.budget.value, self.seed.value
        session = self.session = Session(self.choices, self.splits, steps, seed, self.folder)
        self.bar.max = steps
        while not session.finished and not self.stopping and not session.interrupted:
            session.advance(SLICE)
            self.bar.value = session.step
            self.say(f"step {session.step} of {steps}")
            await asyncio.sleep(0.02)  # lets the notebook deliver a click
        if not session.finished:
            self.say(f"Stopped at step {session.step} of {steps}. Press Train to resume.")
            return
        self.say("Scoring on the 300 test images ...")
        await asyncio.sleep(0.05)
        row = session.row()
        self.board.add(row)
        *others, _ = self.widget.children
        self.widget.children = (*others, leaderboard(self.board.rows()).widget)
        self.say(f"{row.name}: {row.score}. Saved in {self.board.path.name}.")


def _menu(name: str, words: dict[str, str]) -> widgets.Dropdown:
    options = [(said, key) for key, said in words.items()]
    return widgets.Dropdown(options=options, value=options[0][1], description=name, **WIDE)
