"""The table that closes a lecture."""

from html.parser import HTMLParser

import pytest

from course_lib.figures.closing_table import closing_table
from course_lib.measured import measured, verdict

FIGURE = ("bound_identity", "largest residual, float64")


class Cells(HTMLParser):
    """The cells of a table, each with its tag and scope."""

    def __init__(self, source):
        super().__init__()
        self.cells, self.tags, self.closed = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag in {"th", "td"}:
            self.cells.append((tag, dict(attributes).get("scope"), ""))

    def handle_endtag(self, tag):
        self.closed.append(tag)

    def handle_data(self, data):
        if self.cells and "caption" not in self.tags[-1:]:
            tag, scope, text = self.cells[-1]
            self.cells[-1] = (tag, scope, text + data)


def test_a_row_has_the_claim_this_run_three_seeds_and_the_verdict():
    table = closing_table([("log p = ELBO + gap", 3e-16, FIGURE)])
    expected = ("log p = ELBO + gap", "3e-16", str(measured(*FIGURE)), verdict(FIGURE[0]))
    assert table.rows == (expected,)


def test_a_given_verdict_goes_before_the_packaged_one():
    rows = closing_table([("a", 1, FIGURE, "holds exactly here"), ("b", 2, None, "seen")]).rows
    assert rows[0][3] == "holds exactly here"
    assert rows[1] == ("b", "2", "", "seen")


def test_a_screen_reader_finds_the_headings_of_every_cell():
    source = closing_table([("a < b & c", 1, FIGURE)])._repr_html_()
    assert "a &lt; b &amp; c" in source
    table = Cells(source)
    assert [c[:2] for c in table.cells[:4]] == [("th", "col")] * 4
    assert table.cells[4] == ("th", "row", "a < b & c")
    assert [cell[0] for cell in table.cells[5:]] == ["td"] * 3
    assert "caption" in table.tags
    assert sorted(table.tags) == sorted(table.closed)


def test_the_text_wraps_within_its_columns_and_loses_nothing():
    claim = "a long sentence about bounds and families " * 4
    text = repr(closing_table([(claim, 1, FIGURE)]))
    assert max(map(len, text.splitlines())) <= 120
    first_column = " ".join(line[:36] for line in text.splitlines()[2:])
    assert first_column.split() == claim.split()
    assert "holds exactly" in text


def test_what_cannot_be_filled_in_is_refused():
    with pytest.raises(ValueError, match="rows: expected at least one row"):
        closing_table([])
    with pytest.raises(ValueError, match="'a' has no measured figure, so it needs a verdict"):
        closing_table([("a", 1, None)])
    with pytest.raises(KeyError, match="no figure of 'bound_identity'"):
        closing_table([("a", 1, ("bound_identity", "gap"))])
