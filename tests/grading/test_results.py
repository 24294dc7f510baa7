"""Results are kept whole or not at all, and the index knows each student's latest."""

import json
import os
from dataclasses import replace
from itertools import product

import pytest

from course_lib.grading.records.results import Result, Results, digest

ODD = ["a b", "a*", "[ab]", "a?", "..ada.", "Ὑπατία", "a\nb", 'q"', "bad\udcff"]


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path / "results")


def made(student="ada", number=1, **given):
    key = digest([student.encode("utf-8", "surrogateescape"), bytes([number])])
    return Result(student, "ps", key, "graded", **given)


def test_what_was_put_is_got(results):
    whole = made(
        reason="all\nis well", notes=["ü"], seconds=2, notebooks={"n.ipynb": {"cells": []}}
    )
    results.put(whole)
    assert results.get(whole.digest) == whole


def test_a_digest_tells_where_its_parts_end():
    parts = [list(p) for n in range(4) for p in product([b"", b"a", b"aa"], repeat=n)]
    assert len({digest(p) for p in parts}) == len(parts)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"student": 1}',
        b"\xff",
        b"[" * 100000,
        "more",
        "other",
    ],
)
def test_a_broken_file_is_no_result(results, broken):
    good = made()
    results.put(good)
    [file] = results.folder.iterdir()
    if broken == "more":
        broken = json.dumps({**json.loads(file.read_bytes()), "more": 1}).encode()
    if broken == "other":
        broken = file.read_bytes().replace(b"[]", b"3")
    file.write_bytes(broken)
    assert results.get(good.digest) is None
    assert results.latest("ps") == {}


def test_a_file_under_another_ones_name_is_no_result(results):
    results.put(made())
    [file] = results.folder.iterdir()
    file.rename(file.with_name("0.json"))
    assert results.get("0") is None


def test_ids_may_hold_anything(results):
    for student in ODD:
        results.put(made(student))
    assert results.latest("ps") == {student: made(student) for student in sorted(ODD)}
    assert {len(path.stem) for path in results.folder.iterdir()} == {64}


def test_the_latest_is_what_was_put_last_and_has_to_be_recorded_again(results):
    first, second = made(number=1), made(number=2)
    for each in (first, second, first):
        results.put(each)
        assert results.latest("ps") == {"ada": each}
        assert results.recorded("ps") == set()
        results.mark_recorded(each)
        assert results.recorded("ps") == {"ada"}


def test_a_result_that_is_not_the_latest_any_more_cannot_be_marked(results):
    first, second = made(number=1), made(number=2)
    results.put(first)
    results.put(second)
    results.mark_recorded(first)
    assert results.recorded("ps") == set()
    assert results.latest("ps") == {"ada": second}


def test_each_result_is_stored_under_its_own_student(results):
    for student in ("ada", "bob"):
        results.put(made(student))
    index = json.loads((results.folder.parent / "ps.json").read_bytes())
    assert {s: entry["digest"] for s, entry in index.items()} == {
        student: made(student).digest for student in ("ada", "bob")
    }
    results.mark_recorded(made("bob"))
    assert results.recorded("ps") == {"bob"}


@pytest.mark.parametrize("stranger", [made("ada"), replace(made("bob", 2), assignment="other")])
def test_a_result_of_another_student_or_assignment_is_nobodys_latest(results, stranger):
    results.put(stranger)
    index = {"bob": {"digest": stranger.digest, "recorded": True}}
    (results.folder.parent / "ps.json").write_text(json.dumps(index))
    assert results.latest("ps") == {}


def test_a_broken_index_loses_no_result(results):
    results.put(made())
    index = results.folder.parent / "ps.json"
    for broken in (b"", b"[1]", b'{"ada": 3}', b'{"ada": {"digest": 3}}', b"\xff"):
        index.write_bytes(broken)
        assert results.latest("ps") == {}
        assert results.get(made().digest) == made()
    results.put(made())
    assert results.latest("ps") == {"ada": made()}


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_in_the_middle_of_writing_leaves_what_was_there(results, monkeypatch, step):
    old = made(reason="old")
    results.put(old)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, crash)
    with pytest.raises(KeyboardInterrupt):
        results.put(replace(old, reason="new"))
    monkeypatch.undo()
    assert results.get(old.digest) == old
    assert len(os.listdir(results.folder)) == 1
