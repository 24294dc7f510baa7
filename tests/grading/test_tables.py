"""Tables of pandas cross between processes as plain columns."""

import pytest

from course_lib.grading.processes.codec import NotData, decode, encode

pd = pytest.importorskip("pandas")

TABLES = [
    pd.Series([1.5, 2.5], name="x"),
    pd.Series(["a", None], index=["u", "v"]),
    pd.DataFrame({"n": [1, 2], "name": ["a", "b"], "ok": [True, False]}, index=[5, 7]),
    pd.DataFrame({"t": pd.to_datetime(["2024-02-29"])}, index=pd.to_datetime(["2024-03-01"])),
    pd.DataFrame([[1, 2]], columns=["same", "same"]),
    pd.DataFrame({"a": [1, 1, 2], "b": [1, 2, 3]}).groupby("a").sum(),
    pd.DataFrame({}, index=[1, 2], columns=pd.Index([])),
]


@pytest.mark.parametrize("value", TABLES, ids=lambda value: f"{type(value).__name__} {value.shape}")
def test_tables_arrive_as_tables(value):
    arrived = decode(encode([value]))[0]
    same = pd.testing.assert_series_equal if value.ndim == 1 else pd.testing.assert_frame_equal
    same(arrived, value)


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([object()]),
        pd.DataFrame({"x": [len]}),
        type("Own", (pd.Series,), {})([1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_table_of_objects_or_of_a_class_of_ones_own_does_not_leave(value):
    with pytest.raises(NotData):
        encode(value)
