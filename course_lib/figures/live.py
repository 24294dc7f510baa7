"""A figure with sliders that is redrawn within the time of a screen frame.

The figure is drawn once; a change redraws only the artists that change (``blit``) and sends them as
one PNG. ``interact`` with pyplot redraws everything, which is about ten times slower, and leaves
its figures in pyplot's global state.
"""

from __future__ import annotations

import functools
import html
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from course_lib.figures.blit import Blit
from course_lib.figures.controls import Choice, Control, Slider, check_controls
from course_lib.figures.images import image_bundle, image_element
from course_lib.figures.page import to_html

__all__ = ["LiveFigure", "explain_error"]

HINT = "On a slider: PgUp/PgDn, Home/End, or type a number in its box."
LABEL_WIDTH = "12em"


class LiveFigure:
    """A figure that follows its controls, in a notebook and on a web page without a kernel.

    ``update(**state)`` gets every control's value, changes the dynamic artists by their ``set_``
    methods and returns one or two lines that give what is seen in numbers. It must leave axis
    limits and the number of artists as they are. An error it raises is shown in place of those
    lines, so that a student's unfinished function does not break a notebook; tests call ``update``
    itself.

    Args:
        figure: a figure made by ``style.new_figure``, not by pyplot.
        controls: at least one; at most three of them sliders.
        update: moves the figure to a state and returns the readout.
        dynamic: the artists that ``update`` changes.
        alt: the alternative text, true in every state.
        scale: device pixels per figure pixel: 2 for high-density screens.
        follows: by a control's name, the dynamic artists that it changes; a control not named here
            changes all of them.

    Raises:
        ValueError: if ``alt`` is empty, two controls share a name, there are too many sliders, or
            ``follows`` names something that is neither a control nor a dynamic artist.

    Example:
        >>> from course_lib.figures.style import new_figure
        >>> figure, (axes,) = new_figure()
        >>> line = axes.axvline(0.0)
        >>> move = lambda mu: line.set_xdata([mu, mu]) or f"mu = {mu}"
        >>> live = LiveFigure(figure, [Slider("mu", 0, 1, 0.1, 0.5)], move, [line], "A line at mu.")
        >>> live.show(mu=1.0)
        'mu = 1.0'
    """

    def __init__(
        self,
        figure: Figure,
        controls: Sequence[Control],
        update: Callable[..., str],
        dynamic: Collection[Artist],
        alt: str,
        scale: float = 1,
        follows: Mapping[str, Collection[Artist]] | None = None,
    ) -> None:
        if not alt.strip():
            raise ValueError("alt: expected a description of the figure, got an empty string")
        check_controls(controls)
        self.figure, self.controls, self.update = figure, tuple(controls), update
        self.dynamic, self.alt = tuple(dynamic), alt
        self.follows = _who_follows(self.controls, self.dynamic, follows or {})
        self.width = round(figure.get_figwidth() * figure.dpi)
        self.state: dict[str, Any] = {control.name: control.value for control in controls}
        self._image = widgets.HTML(layout={"margin": "0"})
        self._status = widgets.HTML(layout={"margin": "0"})
        self._inputs = {control.name: self._input(control) for control in controls}
        self.readout = self._try_update()
        self.blit = Blit(figure, self.dynamic, scale)
        self._send()

    def show(self, **state: Any) -> str:
        """Move the figure, and the controls on the screen, to a state.

        Args:
            state: new values by name; controls not named keep theirs.

        Returns:
            The readout, or what went wrong in ``update``.

        Raises:
            ValueError: if a name is not that of a control.
        """
        unknown = sorted(state.keys() - self.state.keys())
        if unknown:
            raise ValueError(f"state: expected names among {list(self.state)}, got {unknown}")
        self.state |= state
        for name, value in state.items():
            self._inputs[name].value = value
        self.readout = self._try_update()
        self.blit.draw()
        self._send()
        return self.readout

    def restore(self) -> None:
        """Redraw everything, after the figure has been drawn by something else."""
        self._try_update()
        self.blit.draw_all()
        self._send()

    def say(self, text: str) -> None:
        """Show ``text`` as the readout at once, while ``update`` is still running."""
        self._status.value = (
            '<div role="status" style="font-family: var(--jp-code-font-family, monospace);'
            " white-space: pre-wrap; line-height: 1.4; min-height: 2.8em;"
            f' color: var(--jp-ui-font-color1, currentColor)">{html.escape(text)}</div>'
        )

    def png(self) -> bytes:
        """Return the picture of the current state."""
        return self.blit.png()

    def to_html(self, path: str | Path | None = None, *, whole_page: bool = True) -> str:
        """Return the figure as HTML that needs neither kernel nor network (see ``page.to_html``).

        Args:
            path: a file to write it to as well.
            whole_page: False for a fragment to insert into another page.
        """
        text = to_html(self, whole_page=whole_page)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @functools.cached_property
    def widget(self) -> widgets.VBox:
        """The controls, the picture and the readout, one below the other."""
        hint = widgets.HTML(
            f'<small style="color: var(--jp-ui-font-color2, currentColor)">{HINT}</small>'
        )
        rows = [_row(control, self._inputs[control.name]) for control in self.controls]
        return widgets.VBox([*rows, self._image, self._status, hint])

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        # The picture and the text remain where no kernel answers.
        data, metadata = image_bundle(self.png(), f"{self.alt}\n{self.readout}", self.width)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, **data}, metadata

    def _input(self, control: Control) -> widgets.Widget:
        made = _slider(control) if isinstance(control, Slider) else _buttons(control)

        def follow(change: dict[str, Any]) -> None:
            if self.state[control.name] != change["new"]:
                self.show(**{control.name: change["new"]})

        made.observe(follow, names="value")
        return made

    def _try_update(self) -> str:
        try:
            return self.update(**self.state)
        except Exception as error:
            return explain_error(error)

    def _send(self) -> None:
        self._image.value = image_element(self.png(), f"{self.alt} {self.readout}", self.width)
        self.say(self.readout)


def explain_error(error: Exception) -> str:
    """Return one line on an error: what it is, and in which of the reader's functions it arose.

    Example:
        >>> explain_error(NotImplementedError("planar: your code goes here"))
        'not started yet: planar'
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename
    ]
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    if isinstance(error, NotImplementedError):
        return f"not started yet: {str(error).split(':')[0] or place}"
    return f"{type(error).__name__} in {place}: {error}" if place else repr(error)


def _who_follows(
    controls: Sequence[Control], dynamic: Sequence[Artist], given: Mapping[str, Collection[Artist]]
) -> dict[str, tuple[Artist, ...]]:
    """Return the artists that each control changes."""
    names = [control.name for control in controls]
    for name, artists in given.items():
        if name not in names or not set(artists) <= set(dynamic):
            raise ValueError(
                f"follows: expected dynamic artists for names among {names}, got {name!r}"
            )
    return {name: tuple(given.get(name, dynamic)) for name in names}


def _slider(slider: Slider) -> widgets.Widget:
    look = {
        "description": slider.label or slider.name,
        "style": {"description_width": LABEL_WIDTH},
        "layout": {"width": "34em", "max_width": "100%"},
    }
    numbers = {"value": slider.value, "min": slider.low, "max": slider.high, "step": slider.step}
    if slider.whole:
        return widgets.IntSlider(**numbers, **look)
    return widgets.FloatSlider(**numbers, readout_format=f".{slider.decimals}f", **look)


def _buttons(choice: Choice) -> widgets.Widget:
    options = [(choice.text(value), value) for value in choice.grid()]
    if len(options) > 5:
        return widgets.Dropdown(options=options, value=choice.value)
    return widgets.ToggleButtons(
        options=options, value=choice.value, style={"button_width": "auto"}
    )


def _row(control: Control, made: widgets.Widget) -> widgets.Widget:
    """Put the label next to the buttons, as sliders do; toggle buttons would put it above."""
    if isinstance(control, Slider):
        return made
    layout = {"width": LABEL_WIDTH, "display": "flex", "justify_content": "flex-end"}
    label = widgets.Label(control.label or control.name, layout=layout)
    return widgets.HBox([label, made])
