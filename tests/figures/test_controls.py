import pytest

from course_lib.figures.controls import Choice, Slider


def test_the_grid_of_a_page_contains_the_start_and_stays_between_the_ends():
    slider = Slider("log_scale", -2.5, 0.7, 0.05, -0.2, page_step=0.2)
    grid = slider.grid()
    assert -0.2 in grid
    assert grid[0] == -2.4
    assert grid[-1] == 0.6


def test_the_grid_reaches_both_ends_when_the_step_divides_the_range():
    assert Slider("t", 0.0, 1.0, 0.1, 0.3).grid() == [i / 10 for i in range(11)]


def test_zero_has_no_sign():
    assert Slider("c", 0.0, 0.9, 0.1, 0.6).grid()[0] == 0
    assert Slider("c", 0.0, 0.9, 0.1, 0.6).text(Slider("c", 0.0, 0.9, 0.1, 0.6).grid()[0]) == "0.0"


def test_integers_stay_integers():
    assert Slider("k", 0, 4, 2, 2).grid() == [0, 2, 4]
    assert Slider("k", 0, 4, 2, 2).text(2) == "2"
    assert not Slider("k", 0, 4, 0.5, 2).whole


@pytest.mark.parametrize(("step", "text"), [(0.05, "0.50"), (0.5, "0.5"), (1.0, "0.5")])
def test_a_value_has_the_decimals_of_the_step(step, text):
    assert Slider("t", 0.0, 4.0, step, 1.0).text(0.5) == text


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="mu: expected low < high"):
        Slider("mu", 0, 1, 0.1, 2)
    with pytest.raises(ValueError, match="mu: expected positive steps"):
        Slider("mu", 0, 1, 0, 0.5)
    with pytest.raises(ValueError, match="k: expected one of"):
        Choice("k", (1, 2), 3)
    with pytest.raises(ValueError, match="k: expected 2 texts, got 1"):
        Choice("k", (1, 2), 1, texts=("one",))
