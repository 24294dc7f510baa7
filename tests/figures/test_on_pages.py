import re

import numpy as np
import pytest

from course_lib.figures.controls import Slider
from course_lib.figures.images import Picture, tile
from course_lib.figures.live import LiveFigure
from course_lib.figures.on_pages import show_without_kernel
from course_lib.figures.style import new_figure


@pytest.fixture
def live(monkeypatch):
    """A figure with a clip path and hatches, shown as on a page."""
    for kind in (LiveFigure, Picture):
        monkeypatch.setattr(kind, "_repr_mimebundle_", kind._repr_mimebundle_)
    show_without_kernel()
    figure, (axes,) = new_figure()
    (bar,) = axes.bar([0.5], [1.0], 0.2, hatch="//")
    axes.set(xlim=(0, 1), ylim=(0, 1))

    def update(height):
        bar.set_height(height)
        return f"height {height:.1f}"

    return LiveFigure(figure, [Slider("height", 0.0, 1.0, 0.5, 0.5)], update, [bar], "A bar.")


def shown(live):
    data, metadata = live._repr_mimebundle_()
    assert data["text/plain"] == "A bar."
    assert metadata == {}
    return data["text/html"]


def test_a_figure_is_shown_with_all_its_states_and_asks_for_no_widget(live):
    assert shown(live) == live.to_html(whole_page=False)
    assert set(live._repr_mimebundle_()[0]) == {"text/html", "text/plain"}


def test_a_figure_that_is_shown_again_shares_no_name_with_the_first(live):
    first, second, third = shown(live), shown(live), shown(live)
    names = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, second, third)]
    assert names[0]
    assert len(names[0]) == len(names[1]) == len(names[2])
    assert not names[0] & names[1]
    assert not names[1] & names[2]
    for text, known in zip((first, second, third), names, strict=True):
        body = re.sub("<style>.*?</style>", "", text, flags=re.DOTALL)
        used = set(re.findall(r"url\(#([\w-]+)\)|href=\\?\"#([\w-]+)", body))
        assert used
        assert {name for pair in used for name in pair if name} <= known


def test_otherwise_the_second_is_the_same_figure(live):
    first, second = shown(live), shown(live)
    assert second.replace("-again1", "") == first


def still(draw, alt="A <still> figure."):
    figure, (axes,) = new_figure()
    draw(axes)
    return Picture(figure, alt)


def test_a_still_figure_is_drawn_as_svg_with_its_words(live):
    data, metadata = still(lambda axes: axes.plot([0, 1], [0, 1]))._repr_mimebundle_()
    assert data["text/html"].startswith('<svg role="img" aria-label="A &lt;still&gt; figure."')
    assert "max-width:700px" in data["text/html"]
    assert data["text/plain"] == "A <still> figure."
    assert set(data) == {"text/html", "text/plain"}
    assert metadata == {}


def test_a_still_figure_of_more_strokes_than_pixels_stays_a_picture(live):
    def draw(axes):
        places = np.random.default_rng(0).normal(0.5, 0.01, (2, 20_000))
        axes.scatter(*places, s=1)
        axes.set(xlim=(0, 1), ylim=(0, 1))

    data, _ = still(draw)._repr_mimebundle_()
    assert data["text/html"].startswith('<img alt="A &lt;still&gt; figure."')


def test_a_grid_of_images_stays_a_picture(live):
    data, _ = tile(np.zeros((4, 8, 8)), alt="black")._repr_mimebundle_()
    assert data["text/html"].startswith('<img alt="black"')


def test_two_still_figures_share_no_name_and_equal_ones_are_equal(live):
    def draw(axes):
        axes.bar([0.5], [1.0], hatch="//")
        axes.set_xlim(0, 1)

    first, again = (still(draw)._repr_mimebundle_()[0]["text/html"] for _ in range(2))
    other = still(draw, "Another.")._repr_mimebundle_()[0]["text/html"]
    assert first == again
    names = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, other)]
    assert names[0]
    assert not names[0] & names[1]


def test_the_resolution_of_a_figure_is_left_as_it_was(live):
    picture = still(lambda axes: axes.plot([0, 1], [0, 1]))
    before = picture.figure.dpi
    picture._repr_mimebundle_()
    assert picture.figure.dpi == before
