"""A file is written whole or not at all, whoever else writes it and whenever it breaks off."""

import os
import stat
import threading

import pytest

from course_lib.whole_file import replacing, write_whole


def test_it_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    steps = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        monkeypatch.setattr(
            os, step, lambda *a, step=step, real=real: (steps.append(step), real(*a))
        )
    write_whole(tmp_path / "new" / "file", b"content")
    assert steps == ["fsync", "replace"]
    assert (tmp_path / "new" / "file").read_bytes() == b"content"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "file"
    write_whole(path, b"old")

    def break_off():
        with replacing(path) as partial:
            partial.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        break_off()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"old")
    with replacing(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other access rights")
@pytest.mark.parametrize(("umask", "rights"), [(0o022, 0o644), (0o077, 0o600)])
def test_it_has_the_access_rights_of_any_new_file(tmp_path, umask, rights):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "file", b"grades")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == rights


def test_two_writers_do_not_mix(tmp_path):
    """Each has a partial file of its own, in one process too."""
    path, together, errors = tmp_path / "file", threading.Barrier(2), []

    def write(content):
        try:
            with replacing(path) as partial:
                together.wait(10)
                partial.write_bytes(content)
                together.wait(10)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[text * 1000]) for text in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert path.read_bytes() in (b"a" * 1000, b"b" * 1000)
    assert os.listdir(tmp_path) == ["file"]
