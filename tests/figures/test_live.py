import io
import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure
from course_lib.figures.style import new_figure


def crowded(scale=1):
    """Two axes in which the changing artists lie under, between and over others."""
    figure, (left, right) = new_figure(columns=2)
    x = np.linspace(-3, 3, 200)
    left.fill_between(x, np.exp(-x * x), alpha=0.4)
    (line,) = left.plot(x, np.sin(x), lw=3, label="line", zorder=2)
    left.plot(x, np.cos(x), lw=8, alpha=0.5, label="over it", zorder=2.2)
    left.axhline(0, zorder=5)
    left.legend(loc="upper center")
    (bar,) = right.bar([0], [1], zorder=1)
    right.set_title("a title")
    right.grid(True)
    twin = right.twinx()
    twin.plot([-0.4, 0.4], [0, 1], lw=6, alpha=0.5)
    text = figure.text(0.5, 0.5, "words", zorder=6)
    figure.text(0.5, 0.5, "over them", zorder=7, alpha=0.5, size=20)
    points = right.scatter([0, 0.2], [0.1, 0.5])

    def update(phase, height, hidden):
        line.set_ydata(np.sin(x + phase))
        line.set_visible(not hidden)
        bar.set_height(height)
        points.set_offsets([[0, height], [0.2, 1 - height]])
        text.set_text(f"{phase:.1f}")
        return f"phase {phase:.1f}"

    controls = [
        Slider("phase", -2.0, 2.0, 0.1, 0.0),
        Slider("height", 0.0, 1.0, 0.1, 0.5),
        Choice("hidden", (False, True), False),
    ]
    dynamic = [line, bar, points, text]
    return LiveFigure(figure, controls, update, dynamic, "A crowd.", scale=scale)


def pixels(live):
    return np.asarray(Image.open(io.BytesIO(live.png()))).copy()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_redraw_equals_a_full_draw_in_every_pixel(scale):
    live = crowded(scale)
    for phase, height, hidden in itertools.product((-2.0, 0.3, 2.0), (0.0, 0.7), (False, True)):
        live.show(phase=phase, height=height, hidden=hidden)
        blitted = pixels(live)
        live.blit.canvas.draw()
        assert (blitted == live.blit.pixels()).all()


def test_the_same_state_gives_the_same_picture_whatever_came_between():
    live = crowded()
    before = live.png()
    live.show(phase=1.5, hidden=True)
    assert live.png() != before
    live.show(phase=0.0, hidden=False)
    assert live.png() == before


def test_a_slider_moves_the_picture_and_the_readout():
    live = crowded()
    before = live._image.value
    live._inputs["phase"].value = 1.0
    assert live._image.value != before
    assert live.readout == "phase 1.0"
    assert "phase 1.0" in live._status.value
    assert 'role="status"' in live._status.value


def test_show_moves_the_sliders_too():
    live = crowded()
    live.show(height=0.2, hidden=True)
    assert (live._inputs["height"].value, live._inputs["hidden"].value) == (0.2, True)


def failing(error):
    figure, (axes,) = new_figure()
    line = axes.axvline(0.0)

    def update(mu):
        if mu > 0.5:
            raise error
        return "fine"

    return LiveFigure(figure, [Slider("mu", 0.0, 1.0, 0.1, 0.0)], update, [line], "A line.")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotImplementedError("planar"), "not started yet: planar"),
        (NotImplementedError(), "not started yet: update"),
        (ValueError("a < b"), "ValueError in update, line"),
    ],
)
def test_an_error_is_told_in_the_readout_and_forgotten_afterwards(error, message):
    live = failing(error)
    live._inputs["mu"].value = 0.9
    assert live.readout.startswith(message)
    assert "a < b" not in live._status.value
    live._inputs["mu"].value = 0.1
    assert live.readout == "fine"
    with pytest.raises(type(error)):
        live.update(mu=0.9)


def test_an_error_at_the_first_state_does_not_prevent_the_figure():
    figure, (axes,) = new_figure()
    line = axes.axvline(0.0)

    def update(mu):
        raise NotImplementedError("elbo")

    live = LiveFigure(figure, [Slider("mu", 0, 1, 0.1, 0)], update, [line], "A line.")
    assert live.readout == "not started yet: elbo"


def test_a_saved_notebook_keeps_picture_and_text():
    data, metadata = crowded()._repr_mimebundle_()
    assert set(data) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    assert data["text/plain"] == "A crowd.\nphase 0.0"
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert metadata["image/png"]["width"] == 700


def test_the_image_has_alternative_text_and_keeps_its_size_at_double_density():
    live = crowded(2)
    assert 'alt="A crowd. phase 0.0"' in live._image.value
    assert 'width="700"' in live._image.value
    assert pixels(live).shape == (600, 1400, 3)


def test_say_is_shown_at_once():
    live = crowded()
    live.say("fitting <1>")
    assert "fitting &lt;1&gt;" in live._status.value


def test_only_the_widgets_of_every_front_end_are_used():
    rows = crowded().widget.children
    kinds = {type(part).__name__ for row in rows for part in (row, *getattr(row, "children", ()))}
    assert kinds == {"HTML", "HBox", "Label", "FloatSlider", "ToggleButtons"}


def test_bad_input_is_named():
    live = crowded()
    with pytest.raises(ValueError, match="state: expected names among"):
        live.show(sigma=1.0)
    figure, (axes,) = new_figure()
    line, slider = axes.axvline(0.0), Slider("mu", 0, 1, 0.1, 0)
    with pytest.raises(ValueError, match="alt"):
        LiveFigure(figure, [slider], str, [line], " ")
    with pytest.raises(ValueError, match="different names"):
        LiveFigure(figure, [slider, slider], str, [line], "A line.")
    four = [Slider(name, 0, 1, 0.1, 0) for name in "abcd"]
    with pytest.raises(ValueError, match="at most 3 sliders"):
        LiveFigure(figure, four, str, [line], "A line.")
    for follows in ({"nu": [line]}, {"mu": [axes]}):
        with pytest.raises(ValueError, match="follows: expected dynamic artists for names"):
            LiveFigure(figure, [slider], str, [line], "A line.", follows=follows)
    with pytest.raises(ValueError, match="dynamic: expected artists of the figure"):
        LiveFigure(new_figure()[0], [slider], str, [line], "A line.")


def test_pyplot_stays_out():
    code = (
        "import sys, course_lib.figures.live, course_lib.figures.elbo_gap;"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
