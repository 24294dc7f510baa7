"""The tour of the README shows the course as it is, in pictures that load at once."""

import json
import re

import pytest
from notebook_runs import ROOT
from tour import FOLDER, MOST_BYTES, TAKEN, TOUR

HOW = "take the pictures anew: make tour"


@pytest.mark.parametrize("picture", TOUR, ids=lambda picture: picture.name)
class TestPicture:
    def test_it_shows_what_the_course_shows_now(self, picture):
        assert json.loads((ROOT / TAKEN).read_text())[picture.name] == picture.shows(), HOW

    def test_it_is_there_and_small(self, picture):
        content = (ROOT / picture.file).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) <= MOST_BYTES

    def test_the_readme_shows_it_with_its_words_and_leads_to_its_notebook(self, picture):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        tour = text.partition("## A tour")[2].partition("\n## ")[0]
        assert f"![{picture.alt}]({picture.file.as_posix()})" in tour
        assert f"]({picture.notebook})" in tour

    def test_its_controls_have_the_values_in_which_it_was_taken(self, picture):
        live = picture.live()
        grids = {} if live is None else {c.name: c.grid() for c in live.controls}
        assert all(value in grids[name] for name, value in picture.state.items())


def test_there_is_no_other_picture():
    wanted = {picture.file.name for picture in TOUR} | {TAKEN.name}
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == wanted
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"!\[", text)) == len(TOUR)
