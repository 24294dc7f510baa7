"""The grid of lecture 0: what it says of a cell is true of the model that the cell builds."""

import itertools
import re

import pytest

from course_lib import models
from course_lib.figures.map import SYSTEMS, grid_of_bricks, named_systems
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


def test_the_table_leads_to_the_lecture_of_every_system_and_marks_what_is_not_a_plain_vae():
    from notebook_runs import ROOT

    rows = re.findall("<tr>(.*?)</tr>", named_systems()._repr_html_())[1:]
    for row, (cell, system) in zip(rows, SYSTEMS.items(), strict=True):
        target = re.search('href="([^"]+)"', row)[1]
        assert (ROOT / "lectures" / target).is_file()
        assert target.startswith(f"{system.lecture:02d}_")
        plain = tuple(map(next, map(iter, (PRIORS, LIKELIHOODS, POSTERIORS, COMPARISONS))))
        assert row.count("<b>") == sum(a != b for a, b in zip(cell, plain, strict=True))
        assert f"{system.name}</a>" in row


def test_the_table_in_a_terminal_says_the_same(live):
    text, page = repr(named_systems()), named_systems()._repr_html_()
    assert len(text.splitlines()) == 1 + len(SYSTEMS)
    for words in {word for line in text.splitlines() for word in re.split("  +", line)}:
        assert f">{words}<" in page
