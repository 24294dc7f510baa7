import json
import os
import random
import socket
from pathlib import Path

import nbformat
import pytest
from notebook_damage import damaged
from notebook_runs import ROOT

from course_lib.grading.intake import reading, vetting, walking
from course_lib.grading.intake.reading import Refused, read_notebook, unique_id
from course_lib.grading.intake.vetting import vet

NAME = "ps1.ipynb"


def notebook(*sources, **other):
    cells = [
        {"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "id": f"c{i}"}
        for i, s in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **other}


def put(folder, files):
    for path, content in files.items():
        if isinstance(content, dict):
            content = json.dumps(content)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def sources(found):
    return [cell.source for cell in found.cells]


def refused(folder, *names):
    with pytest.raises(Refused) as caught:
        vet(folder, list(names) or [NAME])
    assert caught.value.reason
    assert "\n" not in caught.value.reason
    return caught.value.state, caught.value.reason


# Which file is the notebook


@pytest.mark.parametrize(
    "name",
    [
        "ps1.ipynb",
        "PS1.ipynb",
        "ps1 (1).ipynb",
        "ps1-Copy1.ipynb",
        "ps1_ada.ipynb",
        "ada lovelace ps1 final.IPYNB",
        "ps1.ipynb.txt",
        "whatever.ipynb",
        "folder/ps1.ipynb",
        "folder/ps1 (2).ipynb",
    ],
)
def test_the_notebook_is_found_under_many_names_and_the_note_names_it(tmp_path, name):
    put(tmp_path, {name: notebook("a = 1"), "notes.txt": "hello"})
    found = vet(tmp_path, [NAME])
    assert sources(found.notebooks[NAME]) == ["a = 1"]
    assert found.notes == ([] if name == NAME else [f"{name} was graded as {NAME}"])
    assert found.files == {"notes.txt": b"hello"}


def test_the_exact_name_wins_over_newer_copies_which_are_named(tmp_path):
    put(tmp_path, {NAME: notebook("right"), "ps1-Copy1.ipynb": notebook("wrong")})
    os.utime(tmp_path / NAME, ns=(0, 0))
    found = vet(tmp_path, [NAME])
    assert sources(found.notebooks[NAME]) == ["right"]
    assert found.notes == ["not graded: ps1-Copy1.ipynb"]


def test_of_two_copies_the_newer_one_counts(tmp_path):
    put(tmp_path, {"ps1 (1).ipynb": notebook("new"), "ps1 (2).ipynb": notebook("old")})
    os.utime(tmp_path / "ps1 (2).ipynb", ns=(0, 0))
    found = vet(tmp_path, [NAME])
    assert sources(found.notebooks[NAME]) == ["new"]
    assert len(found.notes) == 2


def test_a_copy_that_was_worked_on_counts_where_the_notebook_was_not(tmp_path):
    def untouched(name, notebook):
        return sources(notebook) == ["stub"]

    names = [NAME, "ps1 (1).ipynb", "ps1 (2).ipynb", "ps1 (3).ipynb"]
    files = [notebook("stub"), "{", notebook("solved"), notebook("stub")]
    put(tmp_path, dict(zip(names, files, strict=True)))
    found = vet(tmp_path, [NAME], untouched)
    assert sources(found.notebooks[NAME]) == ["solved"]
    assert found.notes[0] == "ps1 (2).ipynb was graded, since ps1.ipynb is unchanged"
    assert found.notes[1:] == ["not graded: ps1 (1).ipynb, ps1 (3).ipynb, ps1.ipynb"]
    put(tmp_path, {NAME: notebook("solved here")})
    assert sources(vet(tmp_path, [NAME], untouched).notebooks[NAME]) == ["solved here"]
    put(tmp_path, {NAME: notebook("stub"), "ps1 (2).ipynb": notebook("stub")})
    assert sources(vet(tmp_path, [NAME], untouched).notebooks[NAME]) == ["stub"]


def test_another_number_is_another_assignment(tmp_path):
    put(tmp_path, {"ps10.ipynb": notebook("a"), "ps2.ipynb": notebook("b")})
    assert refused(tmp_path) == (
        "missing",
        "no ps1.ipynb handed in; found ps10.ipynb, ps2.ipynb",
    )


def test_each_of_several_notebooks_finds_its_own_file(tmp_path):
    put(tmp_path, {"ps1_extra (1).ipynb": notebook("extra"), "ps1_ada.ipynb": notebook("main")})
    os.utime(tmp_path / "ps1_ada.ipynb", ns=(0, 0))
    found = vet(tmp_path, [NAME, "ps1_extra.ipynb"]).notebooks
    assert [sources(found[name]) for name in (NAME, "ps1_extra.ipynb")] == [["main"], ["extra"]]


def test_of_several_notebooks_the_sound_ones_are_graded(tmp_path):
    put(tmp_path, {"a.ipynb": notebook("a"), "b.ipynb": "{"})
    found = vet(tmp_path, ["a.ipynb", "b.ipynb"])
    assert {name: len(nb.cells) for name, nb in found.notebooks.items()} == {
        "a.ipynb": 1,
        "b.ipynb": 0,
    }
    assert "b.ipynb is not a notebook" in found.notes[0]


@pytest.mark.parametrize(
    ("files", "there"), [({}, "nothing"), ({"x.py": ""}, "x.py"), ({".x": ""}, "nothing")]
)
def test_nothing_to_grade_is_missing(tmp_path, files, there):
    assert refused(put(tmp_path, files)) == (
        "missing",
        f"no ps1.ipynb handed in; found {there}",
    )


def test_no_folder_is_missing(tmp_path):
    assert refused(tmp_path / "none")[0] == "missing"


# What else lies in the folder


def test_other_files_are_seen_from_the_notebook_and_hidden_ones_stay_behind(tmp_path):
    kept = {"in/helper.py": "1", "in/data/x.csv": "2", "timestamp.txt": "3", "helper.py": "4"}
    left = {".git/config": "", "__pycache__/x.pyc": "", "in/.ipynb_checkpoints/ps1.ipynb": "{}"}
    put(tmp_path, {"in/ps1.ipynb": notebook(), **kept, **left})
    found = vet(tmp_path, [NAME])
    assert found.files == {"helper.py": b"1", "data/x.csv": b"2", "timestamp.txt": b"3"}


@pytest.mark.parametrize("folder", ["", "in/"])
def test_what_training_saved_beside_the_notebook_stays_behind(tmp_path, monkeypatch, folder):
    """However much it is, and whatever it is called: no note, no room, no other notebook."""
    monkeypatch.setattr(walking, "MAX_ENTRIES", 20)
    monkeypatch.setattr(vetting, "MAX_BYTES", 100)
    put(tmp_path, {folder + NAME: notebook("a = 1"), folder + "helper.py": b"x" * 90})
    before = vet(tmp_path, [NAME])
    saved = {f"{folder}checkpoints/{n}.pt": bytes(50) for n in range(30)}
    put(tmp_path, {**saved, f"{folder}checkpoints/{NAME}": notebook("old")})
    os.utime(tmp_path / folder / NAME, ns=(0, 0))
    after = vet(tmp_path, [NAME])
    assert after.files == before.files == {"helper.py": b"x" * 90}
    assert sources(after.notebooks[NAME]) == ["a = 1"]
    assert after.notes == before.notes


def test_links_and_special_files_are_left_out_with_a_note(tmp_path):
    secret = put(tmp_path / "outside", {"gradebook.db": "secret"})
    folder = put(tmp_path / "in", {NAME: notebook("a")})
    (folder / "grades").symlink_to(secret / "gradebook.db")
    (folder / "course").symlink_to(secret)
    (folder / "nowhere").symlink_to("/nonexistent")
    os.mkfifo(folder / "pipe")
    found = vet(folder, [NAME])
    assert found.files == {}
    assert found.notes == [
        "left out, a link: course, grades, nowhere",
        "left out, not a plain file: pipe",
    ]


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder"])
def test_a_notebook_that_is_no_file_is_refused(tmp_path, kind):
    folder = put(tmp_path / "in", {"ps1 (1).ipynb": notebook("a")} if kind == "link" else {})
    path = folder / NAME
    folder.mkdir(exist_ok=True)
    if kind == "link":
        path.symlink_to(put(tmp_path, {"s.ipynb": notebook("solution")}) / "s.ipynb")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    else:
        path.mkdir()
    assert refused(folder)[0] == ("missing" if kind == "folder" else "malformed")


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    put(tmp_path / "real", {NAME: notebook("a")})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert refused(tmp_path / "link")[0] == "malformed"


@pytest.mark.parametrize(
    "name", [b"bad\xff.txt", b"line\nbreak.txt", b"bell\x07.txt", "‮txt.exe".encode()]
)
def test_unusable_names_are_left_out_with_a_printable_note(tmp_path, name):
    put(tmp_path, {NAME: notebook()})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    except OSError:
        pytest.skip("this file system refuses the name itself")
    found = vet(tmp_path, [NAME])
    assert found.files == {}
    assert len(found.notes) == 1
    assert found.notes[0].isprintable()
    found.notes[0].encode()


def test_files_beyond_the_limits_are_left_out_and_small_ones_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(vetting, "MAX_BYTES", 1000)
    monkeypatch.setattr(vetting, "MAX_FILES", 2)
    put(tmp_path, {NAME: notebook(), "a.bin": b"x" * 999, "z.py": "import os"})
    put(tmp_path, {"big.bin": b"x" * 2000, "y.py": "1"})
    found = vet(tmp_path, [NAME])
    assert set(found.files) == {"y.py", "z.py"}
    assert found.notes == ["left out, more than 2 files: a.bin, big.bin"]
    monkeypatch.setattr(vetting, "MAX_FILES", 9)
    assert set(vet(tmp_path, [NAME]).files) == {"y.py", "z.py"}


def test_a_sparse_giant_is_not_read(tmp_path):
    put(tmp_path, {NAME: notebook()})
    for name in ("data.bin", NAME):
        os.truncate(put(tmp_path, {name: b""}) / name, 1 << 40)
    assert "clear its outputs" in refused(tmp_path)[1]
    put(tmp_path, {NAME: notebook()})
    assert vet(tmp_path, [NAME]).files == {}


def test_depth_and_number_of_entries_are_bounded(tmp_path, monkeypatch):
    put(tmp_path, {NAME: notebook(), "d/" * 20 + "x.py": "1"})
    assert vet(tmp_path, [NAME]).files == {}
    put(tmp_path, {f"many/{i}": "" for i in range(60)})
    monkeypatch.setattr(walking, "MAX_ENTRIES", 50)
    assert any("more than 50 files" in note for note in vet(tmp_path, [NAME]).notes)


@pytest.mark.parametrize("fault", ["gone", "grown", "unreadable", "a pipe now", "a link now"])
@pytest.mark.parametrize("victim", [NAME, "data.csv"])
def test_a_file_that_changes_while_it_is_read_gives_a_reason(tmp_path, monkeypatch, fault, victim):
    put(tmp_path, {NAME: notebook("a"), "data.csv": "1,2"})
    real = os.open

    def wicked(path, *args, **kwargs):
        path = Path(path)
        if path.name == victim:
            if fault == "grown":
                path.write_bytes(path.read_bytes() + b" ")
            elif fault == "unreadable":
                raise PermissionError(13, "Permission denied")
            else:
                path.rename(tmp_path / ".moved")
            if fault == "a pipe now":
                os.mkfifo(path)
            if fault == "a link now":
                path.symlink_to(tmp_path / ".moved")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", wicked)
    if victim == NAME:
        assert refused(tmp_path)[0] == "malformed"
    else:
        found = vet(tmp_path, [NAME])
        assert found.files == {}
        assert len(found.notes) == 1


def test_vetting_changes_nothing_on_disk(tmp_path):
    put(tmp_path, {"ps1 (1).ipynb": notebook("a"), "x/y.py": "1"})
    before = {path: path.stat() for path in tmp_path.rglob("*")}
    vet(tmp_path, [NAME])
    after = {path: path.stat() for path in tmp_path.rglob("*")}
    assert before.keys() == after.keys()
    assert all(before[p].st_mtime_ns == after[p].st_mtime_ns for p in before)


# What a notebook file holds


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_line_ends_make_no_difference(encoding, newline):
    text = json.dumps(notebook("x = 'é'\r\ny = 2", "z"), indent=1, ensure_ascii=False)
    found, notes = read_notebook(text.replace("\n", newline).encode(encoding), NAME)
    assert (sources(found), notes) == (["x = 'é'\ny = 2", "z"], [])


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "ps1.ipynb is empty"),
        (b" \n\0\0", "ps1.ipynb is empty"),
        (b"PK\x03\x04...", "is not a notebook but a zip archive"),
        (b"%PDF-1.7", "is not a notebook but a PDF"),
        (b"<!DOCTYPE html><html>", "is not a notebook but a web page"),
        (b"\x80\x04\x95", "is not a notebook"),
        (json.dumps(notebook("a"), indent=0)[:-30], "the JSON ends early in line"),
        ('{"cells": [\n\n1,\n', "the JSON ends early in line 3 (is the upload complete?)"),
        ('{"cells": [1 2]' + " " * 9 + "}", "the JSON is broken in line 1, column 14"),
        ('{\n<<<<<<< HEAD\n"a": 1\n=======\n', "an unresolved merge conflict in line 2 (<<<<<<<)"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        ("[]", "its JSON is not an object with cells"),
        ("3", "its JSON is not an object"),
        ("null", "not an object with cells"),
        ("{}", "it has no list of cells"),
        ('{"cells": {"0": 1}}', "it has no list of cells"),
        (json.dumps(notebook(nbformat=5)), "has notebook format 5"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_sentence(tmp_path, content, fragment):
    state, reason = refused(put(tmp_path, {NAME: content}))
    assert state == "malformed"
    assert fragment in reason
    assert len(reason) < 200


def test_too_many_values_or_cells_are_refused_before_they_fill_the_memory(tmp_path, monkeypatch):
    put(tmp_path, {NAME: notebook(*["a"] * 50)})
    monkeypatch.setattr(reading, "MAX_CELLS", 49)
    assert "50 cells" in refused(tmp_path)[1]
    monkeypatch.setattr(reading, "MAX_VALUES", 100)
    assert "too much data" in refused(tmp_path)[1]


def test_fifty_megabytes_of_figures_are_graded_and_dropped(tmp_path):
    large = notebook("a = 1")
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 50_000_000}}
    large["cells"][0]["outputs"] = [picture]
    found = vet(put(tmp_path, {NAME: large}), [NAME]).notebooks[NAME]
    assert found.cells[0].outputs == []
    assert found.cells[0].source == "a = 1"


def test_format_3_is_read():
    cells = [
        {"cell_type": "code", "input": ["a = 1\n", "b"], "language": "python", "outputs": [{}]},
        {"cell_type": "heading", "level": 2, "source": "Title"},
        {"cell_type": "markdown", "source": "text", "metadata": {"nbgrader": {"grade_id": "x"}}},
    ]
    old = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}, {"cells": cells[:1]}]}
    found, _ = read_notebook(json.dumps(old).encode(), NAME)
    assert sources(found) == ["a = 1\nb", "## Title", "text", "a = 1\nb"]
    assert found.cells[2].metadata.nbgrader.grade_id == "x"
    nbformat.validate(found)


def test_harmless_damage_is_mended():
    cells = [
        {"cell_type": "code", "source": "a", "id": "one", "metadata": None, "outputs": 7},
        {"cell_type": "code", "source": "b", "id": "one", "metadata": []},
        {"cell_type": "code", "source": ["c", 1, "d"], "id": "!", "metadata": {"tags": ["x"]}},
        {"cell_type": "strange", "source": "e\ud800\0"},
        {"cell_type": "code", "metadata": {"id": "colab"}},
        {"cell_type": "code", "source": 5},
        "no cell",
    ]
    marks = {"grade_id": "g", "points": float("nan"), "locked": [1], "\ud800": "\udfff"}
    cells[0]["metadata"] = {"nbgrader": marks, "attachments": {}}
    found, notes = read_notebook(json.dumps({"cells": cells}).encode(), NAME)
    assert sources(found) == ["a", "b", "cd", "e?\ufffd", "", ""]
    assert found.cells[0].id == "one"
    assert found.cells[4].id == "colab"
    kept = {"nbgrader": {"grade_id": "g", "points": None, "locked": None, "?": "?"}}
    assert found.cells[0].metadata == kept
    assert found.cells[2].metadata == {}
    assert notes == ["ps1.ipynb: 2 damaged cells could not be read"]
    nbformat.validate(found)


def test_infinite_points_are_no_points():
    infinite = b'{"cells": [{"metadata": {"nbgrader": {"points": 1e999}}}]}'
    assert read_notebook(infinite, NAME)[0].cells[0].metadata.nbgrader.points is None


def test_ids_are_unique_and_valid_and_never_steal_one_that_is_in_use():
    taken = set()
    found = [unique_id(wanted, taken) for wanted in ["a", "a", None, 5, "ä", "x" * 70, "a-3", "a"]]
    assert found[0] == "a"
    assert len(set(found)) == len(found) == len(taken)
    assert all(reading.VALID_ID.fullmatch(one) for one in found)
    twins = [{"cell_type": "code", "source": "", "id": i} for i in ("a", "a", "mended-2")]
    found = [one.id for one in read_notebook(json.dumps({"cells": twins}).encode(), NAME)[0].cells]
    assert found == ["a", "mended-3", "mended-2"]  # always the same: results are known by content


# Random damage: a result that is sound, or Refused, and nothing else

RELEASED = json.loads((ROOT / "assignments/ps1_elbo_gap/ps1_elbo_gap.ipynb").read_text())
RELEASED["cells"] = RELEASED["cells"][:12]


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_to_the_document_is_mended_or_refused(seed):
    dice = random.Random(seed)
    for _ in range(10):
        data = json.dumps(damaged(RELEASED, dice)).encode()
        try:
            found, _ = read_notebook(data, NAME)
        except Refused:
            continue
        nbformat.validate(found)
        assert all(isinstance(cell.source, str) for cell in found.cells)
        nbformat.writes(found).encode()


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_to_the_bytes_is_mended_or_refused(seed):
    dice = random.Random(seed)
    whole = json.dumps(RELEASED, indent=1).encode()
    for _ in range(10):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 20)):
            at = dice.randrange(len(data))
            data[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        cut = dice.choice([len(data), dice.randrange(len(data))])
        try:
            nbformat.validate(read_notebook(bytes(data[:cut]), NAME)[0])
        except Refused:
            continue
