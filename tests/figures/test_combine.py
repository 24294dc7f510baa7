"""The menus and the leaderboard of lecture 9: the plain cell and the button do the same."""

import asyncio
import itertools

import pytest
import torch

from course_lib.data.splits import Examples, Splits
from course_lib.evaluation import Cost, Estimate, Leaderboard, Row, Score, score
from course_lib.figures.combine import COLUMNS, Session, build, leaderboard, menus, train, values
from course_lib.figures.combine.recipe import MENUS, options, row_of, title
from course_lib.models import combine

NAMES = tuple(MENUS)
CELLS = list(itertools.product(*MENUS.values()))
REFUSED = ("pixelcnn", "jsd_x")


def images(n, seed):
    draw = torch.Generator().manual_seed(seed)
    return Examples(torch.bernoulli(torch.full((n, 1, 8, 8), 0.3), generator=draw))


@pytest.fixture(scope="module")
def splits():
    return Splits(images(30, 0), images(10, 1), images(10, 2))


@pytest.fixture
def board(tmp_path):
    return Leaderboard(tmp_path / "my")


@pytest.fixture
def shown(splits, board, tmp_path):
    made = menus(splits, board, tmp_path / "checkpoints")
    made.budget.options = [*made.budget.options, ("6 steps", 6)]
    made.budget.value = 6
    return made


def choose(shown, cell):
    for name, key in zip(NAMES, cell, strict=True):
        shown.menus[name].value = key


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def same(one, other):
    return torch.equal(weights(one), weights(other))


@pytest.mark.parametrize("cell", CELLS, ids=", ".join)
def test_every_combination_builds_or_is_refused_with_a_line(cell, shown):
    choose(shown, cell)
    if (cell[1], cell[3]) == REFUSED:
        assert shown.train.disabled
        assert "cannot be trained. comparison: expected any but" in shown.status.value
    else:
        assert not shown.train.disabled
        assert "press Train" in shown.status.value
        assert build(shown.choices).sample(2).shape == (2, 1, 8, 8)


def test_building_is_combine_with_the_courses_weights_and_leaves_the_noise_alone():
    choices = {"comparison": "mmd", "likelihood": "pixelcnn"}
    before = torch.get_rng_state()
    built = build(choices, 90, seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert same(built, combine((1, 8, 8), 8, (128,), **choices, **options(choices, 90)))
    assert (built.alpha, built.lambda_, built.warm_up.over) == (0.7, 150.0, 30)
    assert build({}).warm_up.over == 0


def test_training_in_slices_gives_the_numbers_of_one_run(splits, tmp_path):
    whole = train(build({}, 12, 3), splits, 12, 3)
    session = Session({}, splits, 12, 3, tmp_path)
    slices = 0
    while not session.finished and slices < 13:
        session.advance(0.0)  # a step or two, then the deadline is over
        slices += 1
    assert session.finished
    assert slices > 3
    assert same(session.model, whole)


def test_a_session_scores_only_what_is_trained_to_its_end(splits, tmp_path):
    session = Session({}, splits, 12, 0, tmp_path)
    session.advance(0.0)
    with pytest.raises(ValueError, match="steps: expected 12 before scoring"):
        session.row()


def test_the_button_trains_scores_and_keeps_the_row_of_the_plain_cell(shown, splits, board):
    choose(shown, ("autoregressive", "independent", "gaussian", "kl"))
    asyncio.run(shown.run())
    choices = {"prior": "autoregressive"}
    plain = train(build(choices, 6), splits, 6)
    (row,) = board.rows()
    assert row.name == title(choices, 6)
    assert row.score == score(plain, splits.test.x, splits.train.x)
    assert row.score == row_of(plain, choices, splits, 6, 0).score
    assert row.name in shown.status.value
    assert row.name in shown.widget.children[-1].children[-2].value  # the table below shows it
    assert not shown.train.disabled
    assert shown.stop.disabled


def test_stop_ends_the_training_and_train_goes_on_from_there(shown, board, monkeypatch):
    monkeypatch.setattr("course_lib.figures.combine.buttons.SLICE", 0.0)

    async def press_stop_meanwhile():
        shown.start()
        assert shown.busy
        await asyncio.sleep(0.01)
        shown.halt()
        await shown.task

    asyncio.run(press_stop_meanwhile())
    stopped_at = shown.session.step
    assert 0 < stopped_at < 6
    assert f"Stopped at step {stopped_at} of 6" in shown.status.value
    assert board.rows() == ()
    seen = []
    shown.bar.observe(lambda change: seen.append(change["new"]), names="value")
    asyncio.run(asyncio.wait_for(shown.run(), 60))
    assert min(seen) > stopped_at  # nothing was trained twice
    assert len(board.rows()) == 1


def test_what_goes_wrong_is_said_and_the_button_can_be_pressed_again(shown, monkeypatch):
    def full(row):
        raise OSError("disk full")

    monkeypatch.setattr(shown.board, "add", full)
    asyncio.run(shown.run())
    assert "OSError: disk full" in shown.status.value
    assert not shown.train.disabled
    assert shown.stop.disabled


def test_without_a_kernel_a_sentence_stands_there(shown):
    assert "In a running notebook, this cell shows" in shown._repr_mimebundle_()["text/html"]


def row(name="mine", accuracy=0.5123, **changes):
    score = {"bound": "exact", "nats": Estimate(15.678, 0.1), "gap": None, "information": None}
    return Row(name, Score(**score, accuracy=accuracy, floor=0.5, **changes), Cost(2.0, 3.0))


@pytest.mark.parametrize("sort", COLUMNS)
def test_the_rows_stand_in_the_order_of_the_column_and_what_lacks_it_comes_last(sort):
    own = [row("one"), row("two", 0.9)]
    live, table = leaderboard(own), values(own)
    said = live.show(sort=sort).split("): ")[1].split("; ")
    numbers = [table[n].get(sort) for n in table]
    have = sorted((n.value for n in numbers if n), reverse=not COLUMNS[sort].lowest_first)
    names = [next(n for n in table if part.rsplit(" ", 1)[0].startswith(n)) for part in said]
    assert len(said) == len(table)
    missing = [part for part in said if part.endswith(" none")]
    assert said[len(have) :] == missing
    heights = dots_of(live, sort)
    assert [x for x, _ in sorted(heights, key=lambda dot: dot[1])] == pytest.approx(have)
    assert names


def dots_of(live, sort):
    """The dots of a column, those of the course and of the reader."""
    axes = live.figure.axes[1 + list(COLUMNS).index(sort)]
    dots = [line for line in axes.lines if line in live.dynamic]
    return [tuple(dot) for line in dots for dot in line.get_xydata()]


def test_the_readers_rows_are_drawn_apart_and_say_whether_they_are_exact():
    live = leaderboard([row("mine: a"), row("mine: b")])
    assert "mine: a =15.68" in live.readout
    assert "VAE ≤" in live.readout
    axes = live.figure.axes[1]
    assert [len(line.get_xdata()) for line in axes.lines if line in live.dynamic] == [9, 2]


def test_of_many_rows_the_newest_are_shown():
    own = [row(f"mine: {i}") for i in range(11)]
    assert list(values(own))[-8:] == [f"mine: {i}" for i in range(3, 11)]
    assert "mine: 2 " not in leaderboard(own).readout


def test_only_information_is_better_when_there_is_more_of_it():
    said = {sort: leaderboard().show(sort=sort) for sort in COLUMNS}
    assert [sort for sort, text in said.items() if "highest first" in text] == ["I_q"]
    assert said["I_q"].index("InfoVAE") < said["I_q"].index("beta-VAE")
