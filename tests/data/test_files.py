import gzip

import numpy as np
import pytest
from data_helpers import idx_bytes

from course_lib.data.files import packaged_file, read_idx, read_table

ARRAY = np.arange(2 * 3 * 5).reshape(2, 3, 5)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_idx_is_read_by_content_whatever_the_name(tmp_path, pack, name):
    path = tmp_path / name
    path.write_bytes(pack(idx_bytes(ARRAY)))
    array = read_idx(path, 3)
    assert array.dtype == np.uint8
    assert np.array_equal(array, ARRAY)


DAMAGED = {
    "empty file": b"",
    "starts with 00000803; got 7f454c46": b"\x7fELF" + bytes(50),
    "got 00000d03": b"\x00\x00\x0d" + idx_bytes(ARRAY)[3:],
    "got 00000801": idx_bytes(ARRAY[0, 0]),
    "the header alone has 16": idx_bytes(ARRAY)[:15],
    "truncated: the header promises": idx_bytes(ARRAY)[:-1],
    "too long: the header promises": idx_bytes(ARRAY) + b"\x00",
    "that is 79228162458924105385300197375 bytes": b"\x00\x00\x08\x03" + b"\xff" * 12 + bytes(9),
    "truncated or damaged gzip": gzip.compress(idx_bytes(ARRAY))[:-9],
    "damaged gzip file: CRC": gzip.compress(idx_bytes(ARRAY))[:-8] + bytes(8),
}


@pytest.mark.parametrize("message", DAMAGED)
def test_a_damaged_idx_file_is_named_with_what_is_wrong(tmp_path, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(DAMAGED[message])
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_a_table_has_the_numbers_of_the_file(tmp_path, pack):
    path = tmp_path / "table"
    path.write_bytes(pack(b"0,1,255\n3,4,5\n"))
    assert read_table(path, 3).tolist() == [[0, 1, 255], [3, 4, 5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("1,2,3\n4,5", "expected whole numbers"),
        ("1,2,256", "expected whole numbers"),
        ("1,2,-1", "expected whole numbers"),
        ("1,2,x", "expected whole numbers"),
        ("1,2\n3,4", "expected 3 numbers in a row, got 2"),
    ],
)
def test_a_damaged_table_is_named_with_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "digits.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path, 3)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_package_is_found_without_being_imported():
    assert packaged_file("no_such_package_at_all", "data.csv") is None
    assert packaged_file("math", "data.csv") is None
    assert packaged_file("json", "no_such_file.csv") is None
    assert packaged_file("json", "__init__.py").is_file()
