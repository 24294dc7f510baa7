import os

import numpy as np
import pytest
import torch

from course_lib.data import chorales, digits, rows
from course_lib.data.sequences import crop, pad

PARTS = ("train", "validation", "test")


def pieces(*lengths, dim=3, seed=0):
    noise = np.random.RandomState(seed)
    return [torch.from_numpy(noise.randint(0, 2, (n, dim)).astype(np.float32)) for n in lengths]


def test_a_padded_batch_holds_every_step_and_zeros_behind():
    sequences = pieces(4, 1, 6)
    batch = pad(sequences)
    assert batch["x"].shape == (3, 6, 3)
    assert batch["length"].tolist() == [4, 1, 6]
    for sequence, x, n in zip(sequences, batch["x"], batch["length"], strict=True):
        assert torch.equal(x[:n], sequence)
        assert not x[n:].any()


@pytest.mark.parametrize("steps", [1, 3, 6, 50])
def test_pieces_put_together_are_the_sequences(steps):
    sequences = pieces(4, 1, 6, 13)
    cut = crop(pad(sequences), steps)
    together = torch.cat([x[:n] for x, n in zip(cut["x"], cut["length"], strict=True)])
    assert torch.equal(together, torch.cat(sequences))
    assert cut["length"].max() <= steps
    assert cut["x"].shape[1] == cut["length"].max()
    assert len(cut["x"]) == sum(-(-n // steps) for n in (4, 1, 6, 13))


@pytest.mark.parametrize(
    "bad", [[], [torch.zeros(0, 3)], [torch.zeros(3)], pieces(2) + pieces(2, dim=4)]
)
def test_what_is_no_list_of_sequences_is_refused(bad):
    with pytest.raises(ValueError, match="sequences: expected shapes"):
        pad(bad)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, None])
def test_a_length_of_pieces_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="steps: expected a positive integer"):
        crop(pad(pieces(2)), bad)


def test_rows_are_the_digits_from_top_to_bottom():
    images, sequences = digits.load(), rows.load()
    for part, n in zip(PARTS, (1297, 200, 300), strict=True):
        batch = getattr(sequences, part)
        assert torch.equal(batch["x"], getattr(images, part).x[:, 0])
        assert batch["length"].tolist() == [8] * n
        assert batch["length"].dtype == torch.int64
    one = images.train.x[0, 0]
    assert torch.equal(sequences.train["x"][0, 3], one[3])


LENGTHS = {"train": (5, 2, 3), "valid": (4,), "test": (1, 6)}


def rolls(packed=True, **changes):
    noise = np.random.RandomState(1)
    arrays = {}
    for part, lengths in LENGTHS.items():
        roll = noise.randint(0, 2, (sum(lengths), 88)).astype(np.uint8)
        arrays[f"{part}_roll"] = np.packbits(roll, axis=1) if packed else roll
        arrays[f"{part}_lengths"] = np.array(lengths)
    return {**arrays, **changes}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "music.npz"
    np.savez(path, **rolls())
    return path


def test_a_roll_becomes_padded_pieces(file):
    music, stored = chorales.load(file), rolls(packed=False)
    for part, name in zip(PARTS, LENGTHS, strict=True):
        batch = getattr(music, part)
        assert batch["length"].tolist() == list(LENGTHS[name])
        assert batch["x"].shape == (len(LENGTHS[name]), max(LENGTHS[name]), chorales.KEYS)
        assert batch["x"].dtype == torch.float32
        steps = [x[:n] for x, n in zip(batch["x"], batch["length"], strict=True)]
        assert np.array_equal(torch.cat(steps).numpy(), stored[f"{name}_roll"])


def test_packed_and_plain_rolls_give_the_same(file, tmp_path):
    np.savez(tmp_path / "plain.npz", **rolls(packed=False))
    packed, plain = chorales.load(file), chorales.load(str(tmp_path / "plain.npz"))
    for part in PARTS:
        assert torch.equal(getattr(packed, part)["x"], getattr(plain, part)["x"])


def test_the_path_goes_before_the_variable(file, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CHORALES", str(file))
    assert len(chorales.load().train["x"]) == 3
    with pytest.raises(FileNotFoundError, match=r"^path: expected .*, got .*other\.npz"):
        chorales.load(tmp_path / "other.npz")


def test_without_a_file_the_error_says_what_to_do(monkeypatch, tmp_path):
    for value in (None, ""):
        monkeypatch.delenv("COURSE_CHORALES", raising=False)
        if value is not None:
            monkeypatch.setenv("COURSE_CHORALES", value)
        with pytest.raises(FileNotFoundError, match=r"set COURSE_CHORALES to an .*train_roll"):
            chorales.load()
    monkeypatch.setenv("COURSE_CHORALES", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"^COURSE_CHORALES: expected"):
        chorales.load()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_roll": np.zeros((7, 12), np.uint8)}, r"test_roll: expected \(steps, 88\)"),
        ({"test_roll": np.full((7, 88), 2)}, "test_roll: expected .* zeros and ones"),
        ({"test_roll": np.zeros(7, np.uint8)}, "test_roll: expected"),
        ({"valid_lengths": np.array([3])}, "valid_lengths: .*add up to the roll's 4 steps"),
        ({"valid_lengths": np.array([5, -1])}, "valid_lengths: expected positive whole"),
        ({"valid_lengths": np.array([], int)}, "valid_lengths: expected positive whole"),
        ({"valid_lengths": np.array([4.0])}, "valid_lengths: expected positive whole"),
    ],
)
def test_arrays_that_are_no_roll_are_refused_with_the_file_name(tmp_path, changes, message):
    path = tmp_path / "music.npz"
    np.savez(path, **rolls(**changes))
    with pytest.raises(ValueError, match=rf"music\.npz, {message}"):
        chorales.load(path)


def test_a_damaged_or_incomplete_file_is_refused(tmp_path, file):
    np.savez(tmp_path / "half.npz", train_roll=np.zeros((2, 88)))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "cut.npz").write_bytes(file.read_bytes()[:200])
    (tmp_path / "empty.npz").touch()
    for name in ("half", "text", "cut", "empty"):
        with pytest.raises(ValueError, match=rf"{name}\.npz: expected an .npz file of piano rolls"):
            chorales.load(tmp_path / f"{name}.npz")


def test_the_standard_set_has_the_sizes_and_the_coin_nats_of_papers():
    if not os.environ.get("COURSE_CHORALES"):
        pytest.skip("COURSE_CHORALES names no file with the chorales")
    music = chorales.load()
    assert [len(getattr(music, part)["x"]) for part in PARTS] == [229, 76, 77]
    assert [getattr(music, part)["length"].sum() for part in PARTS] == [13807, 4602, 4725]
    train, test = music.train, music.test
    one = (train["x"].double().sum((0, 1)) + 1) / (train["length"].sum() + 2)
    steps = torch.cat([x[:n] for x, n in zip(test["x"], test["length"], strict=True)]).double()
    nats = -(steps * one.log() + (1 - steps) * (1 - one).log()).sum(1).mean()
    assert nats.item() == pytest.approx(11.06, abs=0.005)
