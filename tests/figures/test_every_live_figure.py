"""What every live figure of the course promises, whatever it shows.

A figure is found by itself: it is what a function of a package ``course_lib.figures.<topic>``
returns whose annotation says ``LiveFigure``.
"""

import gzip
import html
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import typing
from collections.abc import Callable

import numpy as np
import pytest
import torch
from browsing import chromium, controls, opened, violations

import course_lib.figures
from course_lib.figures.controls import Slider
from course_lib.figures.svg import render, vector_drawing


def additive(z, noise):
    """Images whose pixels are a sum of the two sources."""
    return z[:, :1, None, None] + noise


def two_noises():
    """The figure of two sources, on sources made here."""
    draw = torch.Generator().manual_seed(0)
    z, noise = torch.randn(16, 2, generator=draw), torch.rand(16, 1, 8, 8, generator=draw)
    models = {"sum": additive, "product": lambda z, noise: additive(z, 0 * noise) * noise}
    return course_lib.figures.pixel_vae.two_noises(models, z, noise)


# Figures that need arguments, and the controls that only choose where a reader's result is seen.
EXAMPLES = {"pixel_vae.two_noises": two_noises}
VIEWS = {
    "multimodal.experts": {"rule"},
    "multimodal.tie": {"tie", "alpha"},
    "pixel_vae.mask_painter": {"layers", "row", "column"},
}
# What axe-core wants of a page with headings, which a figure alone has not.
OF_WHOLE_PAGES = ("landmark-one-main", "page-has-heading-one", "region")
MANY = 4  # values of one control that are tried


def factories():
    """Every function that makes a live figure, by topic and name."""
    found = {}
    for module in pkgutil.iter_modules(course_lib.figures.__path__):
        package = importlib.import_module(f"course_lib.figures.{module.name}")
        for name in package.__all__ if module.ispkg else ():
            made = getattr(package, name)
            annotation = inspect.signature(made).return_annotation if callable(made) else ""
            if annotation == "LiveFigure":
                full_name = f"{module.name}.{name}"
                found[full_name] = EXAMPLES.get(full_name, made)
    return found


FACTORIES = factories()


@pytest.fixture(scope="module", params=FACTORIES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def make(name):
    return FACTORIES[name]


@pytest.fixture(scope="module")
def live(make):
    return make()


def some(control):
    """A few values of a control, the ends among them."""
    grid = control.grid()
    places = np.unique(np.linspace(0, len(grid) - 1, min(MANY, len(grid))).round().astype(int))
    return [grid[place] for place in places]


def bases(live):
    """States to start from: the first, and those that differ from it in one control or in all."""
    start = {control.name: control.value for control in live.controls}
    yield start
    for end in (0, -1):
        yield {control.name: control.grid()[end] for control in live.controls}
    for control in live.controls:
        if not isinstance(control, Slider):
            yield from ({**start, control.name: value} for value in some(control))


def drawn(live):
    """What each dynamic artist puts on the page, by names that are the same every time."""
    with vector_drawing(live.figure, "salt"):
        return [render(live.figure, artist.draw)[0] for artist in live.dynamic]


@pytest.fixture(scope="module")
def along(live):
    """For each control and base, what is drawn and read at a few values of the control."""
    seen = {}
    for control in live.controls:
        for place, base in enumerate(bases(live)):
            states = [{**base, control.name: value} for value in some(control)]
            seen[control.name, place] = [(live.update(**s), drawn(live)) for s in states]
    return seen


def test_there_are_figures_to_test():
    assert "elbo_gap.explorable" in FACTORIES


def test_each_control_changes_the_artists_that_follow_it_and_no_others(live, along):
    """An artist that is drawn nowhere, kept for a reader's own function, is not asked for."""
    shown = {
        artist
        for seen in along.values()
        for _, pictures in seen
        for artist, picture in zip(live.dynamic, pictures, strict=True)
        if re.search("<(path|use|text|image)", picture)
    }
    for name, follows in live.follows.items():
        changed = set()
        for (control, _), seen in along.items():
            pictures = zip(*(pictures for _, pictures in seen), strict=True)
            pairs = zip(live.dynamic, pictures, strict=True)
            changed |= {a for a, parts in pairs if control == name and len(set(parts)) > 1}
        assert set(follows) & shown <= changed, f"{name} does not change all that follows it"
        assert changed <= set(follows), f"{name} changes what is not declared to follow it"


def test_each_control_changes_the_readout(live, along):
    for name in live.follows:
        texts = [{text for text, _ in seen} for (c, _), seen in along.items() if c == name]
        assert any(len(several) > 1 for several in texts), name


def test_every_state_has_a_readout_that_is_no_error(live):
    for base in bases(live):
        readout = live.update(**base)
        assert isinstance(readout, str)
        assert readout.strip()
        assert not re.search(r"\bnan\b|\binf\b", readout, re.IGNORECASE), (base, readout)


def test_the_alternative_text_and_the_status_follow_the_state(live):
    for base in bases(live):
        readout = live.show(**base)
        escaped = html.escape(readout)
        for shown in (live._image.value, live._status.value):
            assert readout in html.unescape(shown)
            assert escaped in shown or html.escape(readout, quote=False) in shown
        data, metadata = live._repr_mimebundle_()
        assert data["text/plain"] == metadata["image/png"]["alt"] == f"{live.alt}\n{readout}"


def test_the_numbers_written_into_the_figure_are_those_of_the_readout(live):
    """Every number of a changing text is in the words below, so that they cannot drift apart."""
    for base in bases(live):
        readout = live.update(**base)
        texts = [a for a in live.dynamic if hasattr(a, "get_text") and a.get_visible()]
        written = numbers(" ".join(artist.get_text() for artist in texts))
        assert written <= numbers(readout), base


def numbers(text):
    """The decimal numbers of a text."""
    return set(re.findall(r"-?\d+\.\d+", text.replace("\N{MINUS SIGN}", "-")))


def test_a_redraw_equals_a_full_draw_in_every_pixel(live):
    for base in bases(live):
        live.show(**base)
        blitted = live.blit.pixels().copy()
        live.blit.canvas.draw()
        assert np.array_equal(blitted, live.blit.pixels()), base


def test_the_same_state_gives_the_same_picture_whatever_came_between(live):
    start, *others = bases(live)
    live.show(**start)
    before = live.blit.pixels().copy()
    for base in others[::-1]:
        live.show(**base)
    live.show(**start)
    assert np.array_equal(before, live.blit.pixels())


def test_what_a_state_shows_lies_within_the_axes(live):
    """Limits stay: a curve that leaves the figure, or axes that rescale, would hide a number."""
    limits = [(axes.get_xlim(), axes.get_ylim()) for axes in live.figure.axes]
    for base in bases(live):
        live.show(**base)
        assert [(axes.get_xlim(), axes.get_ylim()) for axes in live.figure.axes] == limits


def test_every_axis_is_labelled_and_no_text_is_too_small_to_read(live):
    for axes in live.figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            words = any(re.search("[a-z]{3}", text) for text in ticks)  # they say what is shown
            if axes.axison and axis.get_visible() and ticks and not words:
                assert axis.label.get_text() or axes.get_title(), axes
    sizes = [t.get_fontsize() for t in live.figure.findobj(match=has_words)]
    assert min(sizes) >= 9


def has_words(artist):
    return hasattr(artist, "get_text") and hasattr(artist, "get_fontsize") and artist.get_text()


def own_functions(make):
    """The parameters of a figure that take a reader's function."""
    optional = (typing.get_args(kind) for kind in typing.get_type_hints(make).values())
    takes = [any(typing.get_origin(k) is Callable for k in kinds) for kinds in optional]
    return [name for name, yes in zip(typing.get_type_hints(make), takes, strict=True) if yes]


def read(live, state):
    """The readout of a state as the reader gets it, an error included, without a drawing."""
    live.state |= state
    return live._try_update()


class Spy:
    """A reader's unfinished function that remembers what it was given."""

    def __init__(self):
        self.given = []

    def __call__(self, *arguments, **named):
        values = [*arguments, *named.values()]
        self.given.append([np.asarray(v).tobytes() if hasattr(v, "shape") else v for v in values])
        raise NotImplementedError("planar")


def test_a_readers_own_functions_get_every_control(name, make, live):
    """One of them gets other numbers when the control moves, in some state of the others."""
    functions = own_functions(make)
    if not functions:
        pytest.skip("it takes no function of the reader")
    reached = set()
    for function in functions:
        spy = Spy()
        own = make(**{function: spy})
        for control in own.controls:
            for base in bases(own):
                calls = []
                for value in some(control):
                    spy.given.clear()
                    readout = read(own, {**base, control.name: value})
                    calls.append(repr(spy.given))
                    assert not spy.given or "not started yet" in readout
                if len(set(calls)) > 1:
                    reached.add(control.name)
    assert reached | VIEWS.get(name, set()) == {control.name for control in live.controls}


@pytest.fixture(scope="module")
def page(live):
    return live.to_html()


def test_the_page_is_small_and_asks_for_nothing(page):
    assert len(page.encode()) <= 3e6
    assert len(gzip.compress(page.encode())) <= 6e5
    assert not re.search("https?:", page)  # the letters alone may be those of a picture


def test_the_page_has_the_states_of_the_controls(live, page):
    table = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    grids = [control.grid() for control in live.controls]
    assert table["texts"] == [
        [control.text(value) for value in grid]
        for control, grid in zip(live.controls, grids, strict=True)
    ]
    states = list(itertools.product(*grids))
    names = [control.name for control in live.controls]
    for at in {0, len(states) - 1, len(states) // 2, len(states) // 3}:
        readouts, state = table["readouts"], dict(zip(names, states[at], strict=True))
        assert readouts["unique"][readouts["at"][at]] == live.update(**state)
    for control, grid in zip(live.controls, grids, strict=True):
        assert control.value in grid
        if isinstance(control, Slider):
            step = control.page_step or control.step
            assert grid[0] - control.low < step
            assert control.high - grid[-1] < step


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.browser
def test_in_a_browser_every_control_moves_the_picture_and_everyone_can_use_it(
    live, page, browser, tmp_path
):
    path = tmp_path / "figure.html"
    path.write_text(page, encoding="utf-8")
    with opened(browser, path) as (opened_page, seen):
        seen.controls = controls(opened_page)
        found = violations(opened_page)
    assert [control["label"] for control in seen.controls] == [
        control.label or control.name for control in live.controls
    ]
    for control, moved in zip(live.controls, seen.controls, strict=True):
        assert moved["moved"] == bool(live.follows[control.name]), control.name
        assert moved["read"], control.name
    assert seen.errors == []
    assert seen.foreign == []
    assert [v for v in found if not v.startswith(OF_WHOLE_PAGES)] == []
