import zipfile

import numpy as np
import pytest
import torch

from course_lib.data import chorales
from course_lib.data.files import packaged_file
from course_lib.data.musicxml import piano_roll, read_score

PARTS = ("train", "validation", "test")
CONTAINER = "<container><rootfiles/></container>"


def note(pitch, duration, *more):
    """One note as MusicXML: "C4", "B3-1" for B flat, "F4+1" for F sharp, "" for a rest."""
    alter = f"<alter>{pitch[2:]}</alter>" if pitch[2:] else ""
    sound = f"<pitch><step>{pitch[:1]}</step>{alter}<octave>{pitch[1:2]}</octave></pitch>"
    tags = "".join(f"<{tag}/>" for tag in more if tag != "grace")
    length = "" if "grace" in more else f"<duration>{duration}</duration>"
    grace = "<grace/>" if "grace" in more else ""
    return f"<note>{grace}{tags}{sound if pitch else '<rest/>'}{length}</note>"


def attributes(divisions, fifths=None):
    key = "" if fifths is None else f"<key><fifths>{fifths}</fifths></key>"
    return f"<attributes><divisions>{divisions}</divisions>{key}</attributes>"


def write(path, *parts, root="score-partwise", name="piece.xml"):
    """An .mxl file; a part is a list of measures, each the text of what is in it."""
    inside = "".join(
        f"<part>{''.join(f'<measure>{m}</measure>' for m in part)}</part>" for part in parts
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr(name, f"<?xml version='1.0'?><{root}>{inside}</{root}>")
    return path


def sounding(roll):
    """The MIDI notes of each step."""
    return [(np.flatnonzero(step) + chorales.LOWEST_NOTE).tolist() for step in roll]


def voices(melody, fifths=0):
    """Four parts in quarter notes: a melody, and three voices that hold C4, G3 and C3."""
    start = attributes(1, fifths)
    return [
        [start + "".join(note(pitch, 1) for pitch in melody)],
        *([start + note(pitch, len(melody))] for pitch in ("C4", "G3", "C3")),
    ]


def test_a_note_sounds_from_its_beginning_to_its_end(tmp_path):
    first = [attributes(2) + note("C4", 2) + note("D4", 4), note("", 2) + note("E4", 2)]
    score = read_score(write(tmp_path / "a.mxl", first))
    assert score.notes == ((0, 1, 60), (1, 3, 62), (4, 5, 64))
    assert sounding(piano_roll(score)) == [[60], [62], [62], [], [64]]


def test_flats_sharps_octaves_and_transposition(tmp_path):
    score = read_score(
        write(tmp_path / "a.mxl", [attributes(1, -2) + note("B3-1", 1) + note("F4+1", 1)])
    )
    assert (score.parts, score.fifths) == (1, -2)
    assert sounding(piano_roll(score)) == [[58], [66]]
    assert sounding(piano_roll(score, transpose=-10)) == [[48], [56]]


def test_an_eighth_between_two_quarters_counts_only_on_the_finer_grid(tmp_path):
    music = note("C4", 1) + note("D4", 1) + note("E4", 2)
    score = read_score(write(tmp_path / "a.mxl", [attributes(2) + music]))
    assert sounding(piano_roll(score)) == [[60], [64]]
    assert sounding(piano_roll(score, 2)) == [[60], [62], [64], [64]]


def test_triplets_add_up_to_a_quarter(tmp_path):
    part = [attributes(3) + "".join(note("C4", 1) for _ in range(33)) + note("D4", 3)]
    score = read_score(write(tmp_path / "a.mxl", part))
    assert sounding(piano_roll(score)) == [[60]] * 11 + [[62]]


def test_chords_graces_jumps_and_a_new_unit(tmp_path):
    chord = note("C4", 1) + note("E4", 1, "chord")
    jump = "<backup><duration>1</duration></backup>" + note("G4", 1)
    forward = "<forward><duration>8</duration></forward>" + note("B4", 8)
    part = [
        attributes(1) + chord + jump + note("A4", 0, "grace") + note("D4", 1),
        attributes(8) + forward,
    ]
    score = read_score(write(tmp_path / "a.mxl", part))
    assert sounding(piano_roll(score)) == [[60, 64, 67], [62], [], [71]]


def test_silence_at_the_end_is_cut_off_and_silence_before_is_not(tmp_path):
    part = [attributes(1) + note("", 2) + note("C4", 1) + note("", 5)]
    assert sounding(piano_roll(read_score(write(tmp_path / "a.mxl", part)))) == [[], [], [60]]
    between = [attributes(2) + note("C4", 2) + note("", 1) + note("D4", 1)]
    assert sounding(piano_roll(read_score(write(tmp_path / "a.mxl", between)))) == [[60]]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ([attributes(1) + note("C9", 1)], r"score: expected notes 21\.\.108, got 120"),
        ([attributes(1) + note("", 1)], "score: expected at least one note"),
    ],
)
def test_a_score_that_makes_no_roll_is_refused(tmp_path, part, message):
    with pytest.raises(ValueError, match=message):
        piano_roll(read_score(write(tmp_path / "a.mxl", part)))


def test_a_file_that_is_no_score_is_refused_with_its_name(tmp_path):
    good = write(tmp_path / "good.mxl", [attributes(1) + note("C4", 1)])
    (tmp_path / "cut.mxl").write_bytes(good.read_bytes()[:-30])
    (tmp_path / "text.mxl").write_text("no archive")
    write(tmp_path / "other.mxl", [note("C4", 1)], root="opus")
    write(tmp_path / "nothing.mxl", [note("C4", 1)], name="picture.png")
    write(tmp_path / "zero.mxl", [attributes(0) + note("C4", 1)])
    write(tmp_path / "pitch.mxl", [attributes(1) + note("H4", 1)])
    write(tmp_path / "open.mxl", ["<note>"])
    for name in ("cut", "text", "other", "nothing", "zero", "pitch", "open"):
        with pytest.raises(ValueError, match=rf"{name}\.mxl: expected a compressed MusicXML"):
            read_score(tmp_path / f"{name}.mxl")
    with pytest.raises(FileNotFoundError):
        read_score(tmp_path / "absent.mxl")


@pytest.fixture
def folder(tmp_path):
    """Forty chorales whose melodies differ, one of them twice, and a score of one part."""
    noise = np.random.RandomState(0)
    for i in range(40):
        melody = [f"{'CDEFGAB'[k]}5" for k in noise.randint(0, 7, 12)]
        write(tmp_path / f"bwv{i:02d}.mxl", *voices(melody))
    write(tmp_path / "bwv99.mxl", *voices(melody))
    write(tmp_path / "bwv98.mxl", voices(melody)[0])
    return tmp_path


def pieces(splits):
    """Every piece by its own steps, a set for each part."""
    return [
        [x[:n].numpy().tobytes() for x, n in zip(part["x"], part["length"], strict=True)]
        for part in (getattr(splits, name) for name in PARTS)
    ]


def test_every_chorale_of_four_voices_is_in_one_part_once(folder):
    found = pieces(chorales.corpus(folder=folder))
    assert sum(map(len, found)) == 40
    assert len(set().union(*found)) == 40
    assert all(found)
    assert found == pieces(chorales.corpus(folder=folder))


def test_a_piece_keeps_its_part_when_others_come_and_go(folder):
    before = pieces(chorales.corpus(folder=folder))
    for i in range(0, 40, 3):
        (folder / f"bwv{i:02d}.mxl").unlink()
    chorales._rolls.cache_clear()
    after = pieces(chorales.corpus(folder=folder))
    assert sum(map(len, after)) < 40
    assert all(set(small) <= set(large) for small, large in zip(after, before, strict=True))


def named(midi):
    step = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")[midi % 12]
    return f"{step[0]}{midi // 12 - 1}" + ("+1" if "#" in step else "")


@pytest.mark.parametrize("seed", range(6))
def test_settings_of_one_tune_are_in_one_part_in_any_key(tmp_path, seed):
    """The same melody in three keys, one of them without its signature, over other voices."""
    noise = np.random.RandomState(seed)
    melodies = noise.randint(65, 80, (8, 12))
    for i, melody in enumerate(melodies):
        for up, fifths, bass in ((0, 0, "E3"), (2, 0, "D3"), (5, -1, "F3")):
            parts = voices([named(key + up) for key in melody], fifths)
            parts[3] = [attributes(1) + note(bass, 12)]
            write(tmp_path / f"{i}-{up}.mxl", *parts)
    places = [place for place, _ in chorales._rolls(tmp_path, 1)]
    assert len(places) == 24
    assert places[::3] == places[1::3] == places[2::3]


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_chorales_are_moved_by_the_shorter_way_to_a_signature_of_none(tmp_path, fifths):
    """The tonic of n sharps lies n fifths above C."""
    tonic = 60 + 7 * fifths % 12
    part = [attributes(1, fifths) + note(named(tonic), 2)]
    write(tmp_path / "a.mxl", part, part, part, part)
    ((_, roll),) = chorales._rolls(tmp_path, 1)
    (moved,) = {key for step in sounding(roll) for key in step}
    assert moved % 12 == 0
    assert -5 <= moved - tonic <= 6


def test_half_steps_double_the_length(folder):
    quarters, eighths = chorales.corpus(folder=folder), chorales.corpus(2, folder)
    for name in PARTS:
        a, b = getattr(quarters, name), getattr(eighths, name)
        assert torch.equal(2 * a["length"], b["length"])
        assert torch.equal(a["x"], b["x"][:, ::2])


def test_without_music21_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(chorales, "packaged_file", lambda package, inside: None)
    with pytest.raises(FileNotFoundError, match=r"pip install -r requirements-music\.txt"):
        chorales.corpus()


def test_a_folder_without_chorales_is_refused(tmp_path, folder):
    few = tmp_path / "few"
    few.mkdir()
    for counts in ("0 / 0 / 0", r"\d / \d / \d"):
        with pytest.raises(FileNotFoundError, match=f"folder: expected .*few, which has {counts}"):
            chorales.corpus(folder=few)
        write(few / "bwv1.mxl", *voices(["C5", "D5"]))
        chorales._rolls.cache_clear()
    with pytest.raises(ValueError, match="steps_per_quarter: expected a positive integer"):
        chorales.corpus(0, folder)


def test_the_corpus_of_music21_has_the_chorales_that_were_counted():
    if packaged_file("music21", "corpus/bach/bwv1.6.mxl") is None:
        pytest.skip("music21 is not installed: pip install -r requirements-music.txt")
    music = chorales.corpus()
    sizes = [(len(p["x"]), p["length"].sum().item()) for p in (getattr(music, n) for n in PARTS)]
    assert sizes == [(280, 15124), (34, 1834), (48, 2736)]
    voices_a_step = music.train["x"].sum() / music.train["length"].sum()
    assert 3.5 < voices_a_step < 4
