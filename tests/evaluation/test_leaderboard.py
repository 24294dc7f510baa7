"""The file of the reader's rows: what goes in comes out, and nothing is ever lost."""

import json
import os
import threading
import time

import pytest

from course_lib.evaluation import Cost, Estimate, Leaderboard, Row, Score, my_folder


def row(name="mine", nats=17.5, *, latent=True):
    gap, information = (Estimate(0.8, 0.1), Estimate(4.2, 0.2)) if latent else (None, None)
    score = Score("exact", Estimate(nats, 0.25), gap, information, 0.56, 0.49)
    return Row(name, score, Cost(1.5, 2.5), "prior standard; 1000 steps")


@pytest.fixture
def board(tmp_path):
    return Leaderboard(tmp_path / "my")


def test_there_are_no_rows_before_the_first_and_no_file_is_made_by_looking(board):
    assert board.rows() == ()
    assert not board.path.parent.exists()


@pytest.mark.parametrize("latent", [True, False])
def test_a_row_comes_back_as_it_went_in_also_in_another_session(board, latent):
    board.add(row(latent=latent))
    assert Leaderboard(board.path.parent).rows() == (row(latent=latent),)


def test_a_row_of_the_same_name_takes_the_place_of_the_old_one_and_others_stay(board):
    for added in (row("one"), row("two"), row("one", 16.0)):
        board.add(added)
    kept = [(found.name, found.score.nats.value) for found in board.rows()]
    assert kept == [("two", 17.5), ("one", 16.0)]


def test_a_row_can_be_dropped_by_its_name_and_only_by_that(board):
    board.add(row("one"))
    board.add(row("two"))
    board.remove("one")
    assert [found.name for found in board.rows()] == ["two"]
    with pytest.raises(KeyError, match=r"name: expected one of .*two.*, got 'one'"):
        board.remove("one")


SPOILED = {
    "half a file": '{"version": 1, "rows": [',
    "of another version": '{"version": 0, "rows": []}',
    "no table": "[1, 2]",
    "a row without a likelihood": json.dumps({"version": 1, "rows": [{"name": "x"}]}),
    "not text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_file_that_cannot_be_read_is_set_aside_with_a_line_and_nothing_is_lost(
    board, kind, capsys
):
    content = SPOILED[kind]
    content = content if isinstance(content, bytes) else content.encode()
    board.path.parent.mkdir()
    board.path.write_bytes(content)
    assert board.rows() == ()
    assert "cannot be read" in (said := capsys.readouterr().out)
    aside = board.path.parent / "leaderboard-set-aside-1.json"
    assert aside.name in said
    assert aside.read_bytes() == content
    board.path.write_bytes(content)
    board.add(row())
    assert (board.path.parent / "leaderboard-set-aside-2.json").read_bytes() == content
    assert aside.read_bytes() == content
    assert board.rows() == (row(),)


def test_two_sessions_that_add_at_once_lose_no_row(tmp_path):
    boards = [Leaderboard(tmp_path) for _ in range(4)]
    adders = [
        threading.Thread(target=lambda b, i: [b.add(row(f"{i} {k}")) for k in range(5)], args=both)
        for both in zip(boards, range(4), strict=True)
    ]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    names = {found.name for found in boards[0].rows()}
    assert names == {f"{i} {k}" for i in range(4) for k in range(5)}
    assert [path.name for path in tmp_path.iterdir()] == ["leaderboard.json"]


def test_an_interrupted_write_leaves_the_old_file(board, monkeypatch):
    board.add(row("one"))
    before = board.path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        board.add(row("two"))
    assert board.path.read_bytes() == before


def test_the_lock_of_a_dead_session_is_taken_over(board):
    board.add(row("one"))
    lock = board.path.with_name("leaderboard.json.lock")
    lock.touch()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    board.add(row("two"))
    assert len(board.rows()) == 2
    assert not lock.exists()


def test_the_folder_is_my_of_the_course_from_wherever_a_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_MY", raising=False)
    for place in ("lectures", "my/project"):
        (tmp_path / place).mkdir(parents=True)
        monkeypatch.chdir(tmp_path / place)
        assert my_folder() == tmp_path / "my"
    monkeypatch.setenv("COURSE_MY", str(tmp_path / "elsewhere"))
    assert my_folder() == tmp_path / "elsewhere"
