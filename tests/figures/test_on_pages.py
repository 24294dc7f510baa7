import re

import pytest

from course_lib.figures.controls import Slider
from course_lib.figures.live import LiveFigure
from course_lib.figures.on_pages import show_without_kernel
from course_lib.figures.style import new_figure


@pytest.fixture
def live(monkeypatch):
    """A figure with a clip path and hatches, shown as on a page."""
    monkeypatch.setattr(LiveFigure, "_repr_mimebundle_", LiveFigure._repr_mimebundle_)
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
