"""The grid of lecture 0: what it says of a cell is true of the model that the cell builds."""

import itertools

import pytest

from course_lib import models
from course_lib.figures.map import SYSTEMS, grid_of_bricks
from course_lib.models.combine import COMPARISONS, LIKELIHOODS, POSTERIORS, PRIORS, combine

NAMES = ("prior", "likelihood", "posterior", "comparison")
CELLS = list(itertools.product(PRIORS, LIKELIHOODS, POSTERIORS, COMPARISONS))


@pytest.fixture(scope="module")
def live():
    return grid_of_bricks()


def code_of(live):
    return live.dynamic[-1]


def parts(model):
    return [type(part).__name__ for part in model.modules()]


@pytest.mark.parametrize("cell", CELLS, ids=", ".join)
def test_the_line_on_the_figure_builds_that_cell(cell, live):
    choice = dict(zip(NAMES, cell, strict=True))
    readout = live.update(**choice)
    code = code_of(live).get_text()
    if not code:
        assert "not trainable" in readout
        with pytest.raises(ValueError, match="gradient"):
            combine((1, 8, 8), 8, **choice)
        return
    written = eval(code, vars(models))
    assert parts(written)[1:] == parts(combine((1, 8, 8), 8, **choice))[1:]
    assert ("no name" in readout) == (cell not in SYSTEMS)


def test_the_frames_lie_on_the_chosen_boxes(live):
    for cell in CELLS[::7]:
        live.update(**dict(zip(NAMES, cell, strict=True)))
        tables = (PRIORS, LIKELIHOODS, POSTERIORS, COMPARISONS)
        rows = [list(names).index(choice) for choice, names in zip(cell, tables, strict=True)]
        *frames, _, _ = live.dynamic
        middles = [frame.get_y() + frame.get_height() / 2 for frame in frames]
        assert middles == pytest.approx(rows)


def test_every_system_stands_in_a_lecture_that_there_is(live):
    from notebook_runs import ROOT

    for system in SYSTEMS.values():
        assert list(ROOT.glob(f"lectures/{system.lecture:02d}_*.py")), system
