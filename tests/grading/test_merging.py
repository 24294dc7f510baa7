import json
import random
from copy import deepcopy
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from notebook_damage import damaged
from notebook_runs import ROOT

from course_lib.grading.intake import merging
from course_lib.grading.intake.merging import merge
from course_lib.grading.intake.reading import Refused, read_notebook
from course_lib.grading.intake.written import sanitise_markdown

NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


def cell(name, source, kind="code", **mark):
    """A cell; with marks, one of nbgrader's that bears the name as its grade id."""
    metadata = {"tags": ["of the source"]}
    if mark:
        flags = {"grade": False, "solution": False, "locked": False, "task": False}
        metadata["nbgrader"] = {**flags, "schema_version": 3, "grade_id": name, **mark}
    return NEW[kind](source, id=name, metadata=metadata)


TEST = {"grade": True, "locked": True, "points": 3}


def course(hidden, f, g, text):
    cells = [
        cell("title", "# Title <b>bold</b>", "markdown"),
        cell("setup", "import math", locked=True),
        cell("imports", "import json"),
        cell("f", f"def f(x):\n{f}", solution=True),
        cell("test_f", f"assert f(1) == 2{hidden}", **TEST),
        cell("try", "f(3)"),
        cell("g", f"def g(x):\n{g}", solution=True),
        cell("test_g", f"assert g(1) == 3{hidden}", **TEST),
        cell("essay", text, "markdown", solution=True, grade=True, points=5),
        cell("task", "Draw something.", "markdown", task=True, locked=True, points=2),
        cell("end", "The end", "markdown"),
    ]
    return new_notebook(cells=cells, metadata={"course": "ours"})


STUB = "    raise NotImplementedError"
SOURCE = course("\n### hidden", "    return x + 1", "    return x + 2", "<i>Because</i>")
RELEASE = course("", STUB, STUB, "YOUR ANSWER HERE")
REAL = [
    nbformat.read(ROOT / part / "ps1_elbo_gap/ps1_elbo_gap.ipynb", as_version=4)
    for part in ("solutions", "assignments")
]


def by_id(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def edited(**sources):
    """What a student hands in who changed some cells."""
    notebook = deepcopy(RELEASE)
    for name, source in sources.items():
        by_id(notebook, name).source = source
    return notebook


def answered(**sources):
    return edited(f="def f(x):\n    return 2", g="def g(x):\n    return 3", **sources)


def insert(notebook, after, *cells):
    at = notebook.cells.index(by_id(notebook, after)) + 1
    notebook.cells[at:at] = cells
    return notebook


def without(notebook, *names):
    notebook.cells = [cell for cell in notebook.cells if cell.id not in names]
    return notebook


def done(submitted):
    return merge(SOURCE, RELEASE, submitted)


def ids(merged):
    return [cell.id for cell in merged.notebook.cells]


def text(merged, name):
    return by_id(merged.notebook, name).source


def fixed(notebook):
    """All that must not depend on what was handed in."""
    marks = [(c.metadata.nbgrader, c) for c in notebook.cells if "nbgrader" in c.metadata]
    return [
        (m.grade_id, m.get("points"), m.grade, m.locked, m.task, c.cell_type, c.source, c.metadata)
        for m, c in marks
        if not m.solution
    ]


def assert_sound(source, merged):
    """What holds for every merged notebook."""
    nbformat.validate(merged.notebook)
    cells = merged.notebook.cells
    assert len({cell.id for cell in cells}) == len(cells)
    assert fixed(merged.notebook) == fixed(source)
    theirs = [cell for cell in cells if "grading" in cell.metadata]
    assert all(cell.metadata == {"grading": {"extra": True}} for cell in theirs)
    ours = [cell for cell in cells if "grading" not in cell.metadata]
    assert [(c.id, c.cell_type, c.metadata) for c in ours] == [
        (c.id, c.cell_type, c.metadata) for c in source.cells
    ]
    assert merged.notebook.metadata == source.metadata
    assert all("\n" not in change for change in merged.changes)


@pytest.mark.parametrize("pair", [(SOURCE, RELEASE), REAL], ids=["small", "real"])
def test_the_release_merges_to_its_stubs_with_the_tests_of_the_source(pair):
    source, release = pair
    merged = merge(source, release, release)
    assert_sound(source, merged)
    assert (merged.changes, merged.tampered) == ([], False)
    stubs = {
        c.id: c.source for c in release.cells if c.metadata.get("nbgrader", {}).get("solution")
    }
    assert {c.id: c.source for c in merged.notebook.cells if c.id in stubs} == stubs
    code = {c.id for c in release.cells if c.id in stubs and c.cell_type == "code"}
    assert merged.answers == {name: stubs[name] for name in code}


@pytest.mark.parametrize("pair", [(SOURCE, RELEASE), REAL], ids=["small", "real"])
def test_the_source_merges_to_itself(pair):
    source, release = pair
    merged = merge(source, release, source)
    assert merged.notebook.cells == source.cells
    assert merged.notebook.metadata == source.metadata
    assert (merged.changes, merged.tampered) == ([], False)


def test_nothing_of_an_argument_is_changed_or_shared():
    before = deepcopy([SOURCE, RELEASE, submitted := answered(test_f="", imports="import os")])
    for one in done(submitted).notebook.cells:
        one.source, one.metadata["x"] = "", 1
    assert [SOURCE, RELEASE, submitted] == before


def test_answers_are_filled_in_and_outputs_and_metadata_are_not():
    submitted = answered(essay="Because of Jensen")
    for one in submitted.cells:
        one.metadata["tags"] = ["hide"]
        one.metadata["jupyter"] = {"source_hidden": True}
    by_id(submitted, "f").outputs = [nbformat.v4.new_output("stream", text="x")]
    by_id(submitted, "essay").attachments = {"x.png": {"image/png": "AA"}}
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert text(merged, "essay") == "Because of Jensen"
    assert "attachments" not in by_id(merged.notebook, "essay")
    assert merged.answers == {"f": "def f(x):\n    return 2", "g": "def g(x):\n    return 3"}
    assert all(one.get("outputs", []) == [] for one in merged.notebook.cells)


# Own cells


def test_own_cells_stay_after_their_neighbour():
    submitted = answered()
    submitted.cells.insert(0, new_code_cell("first", id="x0"))
    insert(submitted, "imports", new_code_cell("one", id="x1"), new_markdown_cell("two", id="x2"))
    insert(submitted, "end", new_code_cell("last", id="x3"))
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    found = ids(merged)
    assert found[0] == "x0"
    assert found[-1] == "x3"
    assert found[found.index("imports") + 1 :][:2] == ["x1", "x2"]


def test_own_cells_get_free_ids_and_blank_and_raw_ones_are_dropped():
    own = [new_code_cell(" \n"), new_raw_cell("<script>"), new_code_cell("mine")]
    submitted = insert(answered(), "f", *own, new_code_cell("also mine"))
    for one in submitted.cells[-4:]:
        one.id = "same"
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert sum("grading" in one.metadata for one in merged.notebook.cells) == 2


def test_one_more_copy_of_a_released_cell_is_not_kept_and_moves_nothing():
    own = new_code_cell("mine", id="mine")
    merged = done(insert(answered(), "end", new_code_cell("import json"), own))
    assert len(ids(merged)) == len(SOURCE.cells) + 1
    assert ids(merged)[-1] == "mine"


def test_of_two_equal_released_cells_each_is_found():
    source, release = deepcopy(SOURCE), deepcopy(RELEASE)
    for notebook in (source, release):
        insert(notebook, "test_g", cell("again", "f(3)"))
    submitted = insert(deepcopy(release), "again", new_code_cell("mine", id="mine"))
    for one in submitted.cells:
        one.id = f"new-{one.id}"
    found = ids(merge(source, release, submitted))
    assert found[found.index("again") + 1] == "new-mine"


def test_the_number_and_size_of_own_cells_is_bounded(monkeypatch):
    monkeypatch.setattr(merging, "MAX_OWN_CELLS", 3)
    monkeypatch.setattr(merging, "MAX_SOURCE", 10)
    merged = done(insert(answered(), "f", *[new_code_cell(f"x = {i}" * 9) for i in range(5)]))
    own = [one for one in merged.notebook.cells if "grading" in one.metadata]
    assert [one.source for one in own] == ["x = 0x = 0", "x = 1x = 1", "x = 2x = 2"]
    assert "Of 5 extra cells, the first 3 were kept." in merged.changes
    assert merged.answers["f"] == "def f(x):\n"


# Plain cells belong to the student


def test_an_edited_plain_cell_counts_and_is_no_tampering():
    merged = done(answered(imports="import json, os", end="The <script>end"))
    assert text(merged, "imports") == "import json, os"
    assert text(merged, "end") == "The < script>end"
    assert (merged.changes, merged.tampered) == ([], False)


def test_a_plain_cell_whose_id_was_lost_is_found_by_its_place():
    submitted = answered(imports="import json, os")
    for one in submitted.cells:
        one.id = f"new-{one.id}"
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert ids(merged) == [one.id for one in SOURCE.cells]
    assert text(merged, "imports") == "import json, os"


def test_a_plain_cell_that_was_deleted_or_retyped_comes_back():
    submitted = without(answered(), "imports", "try")
    merged = done(submitted)
    assert (ids(merged), merged.changes) == ([one.id for one in SOURCE.cells], [])
    retyped = answered()
    at = retyped.cells.index(by_id(retyped, "imports"))
    retyped.cells[at] = new_markdown_cell("my notes", id="imports")
    merged = done(retyped)
    assert_sound(SOURCE, merged)
    assert text(merged, "imports") == "import json"
    assert "my notes" in [one.source for one in merged.notebook.cells]


# Tests and locked cells belong to the instructor


@pytest.mark.parametrize("name", ["test_f", "setup"])
def test_an_edited_locked_cell_is_tampering_and_comes_from_the_source(name):
    merged = done(answered(**{name: "pass"}))
    assert_sound(SOURCE, merged)
    assert merged.tampered
    assert len(merged.changes) == 1
    assert f"cell {name} had been edited" in merged.changes[0]


def test_trailing_space_is_no_edit():
    merged = done(answered(test_f="assert f(1) == 2  \n\n", setup="import math \n"))
    assert (merged.changes, merged.tampered) == ([], False)


@pytest.mark.parametrize(
    ("name", "mark", "word"),
    [
        ("test_f", {"points": 300}, "points"),
        ("test_f", {"points": None}, "points"),
        ("essay", {"points": 50}, "points"),
        ("test_f", {"grade": False}, "settings"),
        ("test_f", {"solution": True, "locked": False}, "settings"),
        ("f", {"grade": True, "points": 100}, "settings"),
    ],
)
def test_edited_points_and_settings_are_tampering(name, mark, word):
    submitted = answered()
    by_id(submitted, name).metadata.nbgrader.update(mark)
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert merged.tampered
    assert f"The {word} of {name} had been edited; the original counts." in merged.changes


def test_an_old_schema_with_fewer_settings_is_no_tampering():
    submitted = answered()
    for one in submitted.cells:
        if "nbgrader" in one.metadata:
            one.metadata.nbgrader.pop("task")
            one.metadata.nbgrader.schema_version = 1
    assert (done(submitted).changes, done(submitted).tampered) == ([], False)


def test_a_retyped_test_is_tampering():
    submitted = answered()
    test = by_id(submitted, "test_f")
    at = submitted.cells.index(test)
    submitted.cells[at] = new_markdown_cell(test.source, id="test_f", metadata=test.metadata)
    assert done(submitted).tampered


def test_deleted_tests_are_put_back_without_blame():
    merged = done(without(answered(), "test_f", "setup"))
    assert_sound(SOURCE, merged)
    assert not merged.tampered
    assert merged.changes == [
        "The read-only cell setup was missing; it was put back.",
        "The test cell test_f was missing; it was put back.",
    ]


def test_an_edited_copy_of_a_test_is_the_students_own_cell():
    submitted = answered()
    copy = deepcopy(by_id(submitted, "test_f"))
    copy.source, copy.id = "print(f(1))", "copy"
    merged = done(insert(submitted, "test_f", copy))
    assert_sound(SOURCE, merged)
    assert not merged.tampered
    assert len(merged.changes) == 1
    assert by_id(merged.notebook, "copy").source == "print(f(1))"


@pytest.mark.parametrize("seed", range(20))
def test_shuffled_doubled_and_deleted_cells_leave_the_tests_alone(seed):
    dice = random.Random(seed)
    submitted = answered()
    cells = [deepcopy(one) for one in submitted.cells for _ in range(dice.choice([0, 1, 1, 2]))]
    dice.shuffle(cells)
    submitted.cells = cells
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert not merged.tampered


# Answers


def test_a_missing_answer_is_the_stub_never_the_solution():
    merged = done(without(answered(), "f", "essay"))
    assert text(merged, "f") == by_id(RELEASE, "f").source
    assert text(merged, "essay") == "YOUR ANSWER HERE"
    assert merged.changes == ["The answer f is missing.", "The answer essay is missing."]
    assert not merged.tampered


def test_without_a_release_no_solution_is_shown_either():
    for submitted in (new_notebook(), without(answered(), "f")):
        merged = merge(SOURCE, new_notebook(), submitted)
        assert_sound(SOURCE, merged)
        assert text(merged, "f") == ""


def test_an_answer_whose_mark_is_lost_is_found_by_id_or_by_what_it_defines():
    submitted = answered()
    for one in submitted.cells:
        one.metadata = {}
    assert done(submitted).changes == []
    assert done(submitted).answers["f"] == "def f(x):\n    return 2"
    for number, one in enumerate(submitted.cells):
        one.id = f"new-{number}"
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert text(merged, "f") == "def f(x):\n    return 2"
    assert not any("grading" in one.metadata for one in merged.notebook.cells)
    assert "The answer f had lost its metadata; it was found by what it defines." in merged.changes


def test_one_cell_may_answer_two_questions():
    both = "def f(x):\n    return 2\ndef g(x):\n    return 3"
    unmarked = insert(without(answered(), "f", "g"), "try", new_code_cell(both, id="both"))
    joined = without(answered(), "g")
    by_id(joined, "f").source = both
    for submitted in (unmarked, joined):
        merged = done(submitted)
        assert_sound(SOURCE, merged)
        assert text(merged, "f") == text(merged, "g") == both
        assert "both" not in ids(merged)


def test_of_several_answers_the_last_that_was_worked_on_counts():
    submitted = answered()
    stub, early = deepcopy(by_id(RELEASE, "f")), deepcopy(by_id(RELEASE, "f"))
    early.source = "helper = 1"
    submitted.cells.insert(3, early)
    insert(submitted, "end", stub)
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert text(merged, "f") == "def f(x):\n    return 2"
    assert merged.changes == ["The answer f occurs 2 times; the last one counts."]
    sources = [one.source for one in merged.notebook.cells]
    assert sources.index("helper = 1") < sources.index("def f(x):\n    return 2")


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_code_answer_of_another_type_is_code_all_the_same(kind):
    submitted = answered()
    at = submitted.cells.index(by_id(submitted, "f"))
    old = submitted.cells[at]
    submitted.cells[at] = NEW[kind]("def f(x): return x <b", id="f", metadata=old.metadata)
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert merged.answers["f"] == "def f(x): return x <b"
    assert not merged.tampered
    assert f"become a {kind} cell" in merged.changes[0]


def test_an_unknown_mark_makes_an_own_cell():
    stray = cell("elsewhere", "x = 1", grade=True, points=99, locked=True)
    merged = done(insert(answered(), "f", stray))
    assert_sound(SOURCE, merged)
    assert not merged.tampered
    assert "elsewhere" in ids(merged)


def test_what_was_written_into_a_task_is_kept_after_it():
    merged = done(answered(task="Draw something.\nMy drawing"))
    assert_sound(SOURCE, merged)
    after = merged.notebook.cells[ids(merged).index("task") + 1]
    assert after.source.endswith("My drawing")
    assert not merged.tampered


def test_a_source_of_format_4_4_gets_unique_ids():
    source, release = deepcopy(SOURCE), deepcopy(RELEASE)
    for one in source.cells + release.cells:
        del one["id"]
    merged = merge(source, release, answered())
    nbformat.validate(merged.notebook)
    assert fixed(merged.notebook) == fixed(SOURCE)
    assert len(set(ids(merged))) == len(ids(merged)) == len(SOURCE.cells)


# What students write cannot run


@pytest.mark.parametrize(
    "wicked",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!-- x --><svg/onload=alert(1)>",
        "<<a href=x>",
        "<?php x ?>",
        "[x](javascript:alert(1))",
        "[x]( <JaVaScript:alert(1)>)",
        "[x](java&#115;cript:alert(1))",
        "[x](" + " " * 20 + "&#106;avascript:alert(1))",
        "[x](<&#106;ava\tscript:alert(1)>)",
        "[x](&amp;#106;avascript:alert(1))",
        "[x](&amp&amp;#106;avascript:alert(1))",
        "[x](](&#0000106;avascript:alert(1))",
        r"[x](javascript\:alert(1))",
        "> [x]: java&Tab;script:alert(1)\n\n[x]",
        "[x](&#x6a;avascript&colon;alert(1))",
        "![x](data:text/html;base64,AAAA)",
        "[x]\n\n[x]: vbscript:x",
        "<javascript:alert(1)>",
        r"$\href{javascript:alert(1)}{x}$",
        "$\\href{java\nscript:alert(1)}{x}$",
    ],
)
def test_written_answers_cannot_run_a_script(wicked):
    links = []

    class Page(HTMLParser):
        def handle_starttag(self, tag, attributes):
            assert tag in {"p", "a", "img", "em", "blockquote"}, tag
            assert not any(name.startswith("on") for name, _ in attributes)
            links.extend(value for name, value in attributes if name in {"href", "src"})

    merged = done(insert(answered(essay=wicked), "f", new_markdown_cell(wicked, id="own")))
    for name in ("essay", "own"):
        page = markdown2html(text(merged, name))
        Page().feed(page)
        assert "javascript:" not in "".join(page.lower().split("\n"))
    assert not any(link.partition(":")[0].lower() in {"javascript", "data"} for link in links)


@pytest.mark.parametrize(
    "honest",
    [
        "$a < b$ and 1<2",
        "[slides](https://example.org/a:b) [mail](mailto:a@b.c) [here](#top) [file](x/y.png)",
        "[data]: see: below",
        "code: `x[0](y)`",
    ],
)
def test_honest_markdown_stays_as_it_is(honest):
    assert sanitise_markdown(honest) == honest


def test_code_is_not_touched():
    merged = done(insert(answered(), "f", new_code_cell("a = b <c", id="own")))
    assert text(merged, "own") == "a = b <c"


# Random damage


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_handed_in_the_graded_cells_are_the_sources(seed):
    dice = random.Random(seed)
    raw = json.loads(nbformat.writes(answered(essay="<b>")))
    for _ in range(8):
        try:
            submitted, _ = read_notebook(json.dumps(damaged(raw, dice)).encode(), "ps1.ipynb")
        except Refused:
            continue
        merged = done(submitted)
        assert_sound(SOURCE, merged)
        json.dumps(merged.answers).encode()
        nbformat.writes(merged.notebook).encode()
        again = merge(SOURCE, RELEASE, merged.notebook)
        assert_sound(SOURCE, again)


# An edit that changes nothing is no tampering

HARMLESS = [
    "# why\n\n\nassert f(1) == 2",
    "# what is this?\nassert f(1) == 2  # aha",
    "assert f(1)==2",
    "assert f(1,) == 2",
    "assert (f(1) == 2)",
    "print(f(1))\nassert f(1) == 2\nprint('done')\ndisplay(3)",
]


@pytest.mark.parametrize("source", HARMLESS)
def test_an_edit_of_a_test_that_changes_nothing_is_a_note(source):
    merged = done(answered(test_f=source))
    assert_sound(SOURCE, merged)
    assert not merged.tampered
    assert merged.changes == [
        "The test cell test_f had been edited, but still does the same; the original counts."
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# assert f(1) == 2",
        "assert f(1) == 3",
        "f = lambda x: 2\nassert f(1) == 2",
        "print(f := lambda x: 2)\nassert f(1) == 2",
        "if False:\n    assert f(1) == 2",
        "%reset -f\nassert f(1) == 2",
        "assert f(1) == 2; 3.0",
        "f(1)\nassert f(1) == 2",
        "assert f(1) ==",
        "-" * 30_000 + "1",
        "f" + "()" * 9000,
    ],
)
def test_an_edit_of_a_test_that_changes_what_it_does_is_tampering(source):
    merged = done(answered(test_f=source))
    assert_sound(SOURCE, merged)
    assert merged.tampered


def test_an_edited_text_that_is_read_only_is_a_note():
    course, given = deepcopy(SOURCE), deepcopy(RELEASE)
    for one in (course, given):
        by_id(one, "end").metadata.nbgrader = cell("end", "", locked=True).metadata.nbgrader
    submitted = deepcopy(given)
    by_id(submitted, "end").source = "The end, at last"
    merged = merge(course, given, submitted)
    assert len(merged.changes) == 1
    assert not merged.tampered


# Answers that lost their mark and define nothing


def written(*answers, between=True):
    """A course with two written answers and a code answer without a function, and a submission."""
    names = ["first", "second", "value"][: len(answers)]
    cells = [cell("title", "# Title", "markdown")]
    for name in names:
        kind = "code" if name == "value" else "markdown"
        more = {"grade": True, "points": 5} if kind == "markdown" else {}
        cells.append(
            cell(
                name,
                "x = 3" if kind == "code" else "class struggle, for a model",
                kind,
                solution=True,
                **more,
            )
        )
        if between:
            cells.append(cell(f"test_{name}", f"assert {name!r}", **TEST))
    cells.append(cell("end", "The end", "markdown"))
    course = new_notebook(cells=cells)
    given, submitted = deepcopy(course), deepcopy(course)
    for name, answer in zip(names, answers, strict=True):
        by_id(given, name).source = f"stub of {name}" if name != "value" else "# stub"
        by_id(submitted, name).source = answer
    for number, one in enumerate(submitted.cells):
        one.id, one.metadata = f"new-{number}", {}
    return course, given, submitted


@pytest.mark.parametrize("between", [True, False])
def test_text_at_the_place_of_an_answer_that_lost_its_mark_counts(between):
    course, given, submitted = written("class struggle", "Two.", between=between)
    merged = merge(course, given, submitted)
    assert_sound(course, merged)
    assert [text(merged, name) for name in ("first", "second")] == ["class struggle", "Two."]
    assert len(merged.notebook.cells) == len(course.cells)
    found = "The answer first had lost its metadata; the text at its place counts."
    assert found in merged.changes
    assert not merged.tampered


def test_code_at_the_place_of_an_answer_that_lost_its_mark_counts():
    course, given, submitted = written("One.", "Two.", "x = 4")
    assert merge(course, given, submitted).answers["value"] == "x = 4"


def test_all_of_the_text_at_its_place_is_the_answer():
    course, given, submitted = written("One.", "Two.")
    insert(submitted, "new-1", new_markdown_cell("More.", id="more"), new_code_cell("1", id="own"))
    submitted.cells.insert(0, new_markdown_cell("My notes", id="notes"))
    merged = merge(course, given, submitted)
    assert_sound(course, merged)
    assert text(merged, "first") == "One.\n\nMore."
    assert ids(merged).count("own") == 1
    assert "more" not in ids(merged)


def test_where_text_may_be_the_answer_a_person_is_asked_to_read():
    course, given, submitted = written("One.", "Two.", between=False)
    lone = without(deepcopy(submitted), "new-2")  # one text, and two answers it may be
    moved = without(deepcopy(submitted), "new-1", "new-2")
    moved.cells.insert(0, new_markdown_cell("One. Two.", id="above"))
    for one in (lone, moved):
        merged = merge(course, given, one)
        assert_sound(course, merged)
        assert text(merged, "second") == merging.READ
    nothing = merge(course, given, without(deepcopy(submitted), "new-1", "new-2"))
    assert text(nothing, "second") == "stub of second"


def test_thousands_of_cells_take_no_longer_than_they_must():
    many = [new_code_cell(f"def x{i}(): return {i}", id="same") for i in range(5000)]
    submitted = without(insert(answered(), "f", *many), "f", "g")
    merged = done(submitted)
    assert_sound(SOURCE, merged)
    assert merged.changes[0] == "The answer f is missing."
