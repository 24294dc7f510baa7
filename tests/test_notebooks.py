"""The builder: the same bytes every time, nothing leaks, and broken rules are named."""

import ast
import re
import shutil

import nbformat
import pytest
from notebook_runs import ROOT

from course_lib.notebooks.build import drift, generated, write
from course_lib.notebooks.names import bound_names, free_names
from course_lib.notebooks.percent import from_percent
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.release import NameStubs
from course_lib.notebooks.rules import problems

SOURCE = '''# %% [markdown]
# # A title

# %% grade="locked" grade_id="setup"
import math

# %% grade="solution" grade_id="double"
def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    secret_answer = 2 * x
    return secret_answer
    ### END SOLUTION

# %% grade="test" grade_id="test_double" points=2
assert double(3) == 6, "three doubled is six"
### BEGIN HIDDEN TESTS
assert double(5) == 10, "hidden five doubled is ten"
### END HIDDEN TESTS

# %% [markdown] grade="written" grade_id="why" points=4
# The model answer.
#
# ### BEGIN MARK SCHEME
# Two points for the secret criterion.
# ### END MARK SCHEME

# %% tags=["raises-exception"]
print(math.pi)

# %% tags=["raises-exception"]
print(math.pi)
'''


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "solutions" / "ps9"
    folder.mkdir(parents=True)
    (folder / "ps9.py").write_text(SOURCE)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


def percent(tmp_path, text):
    path = tmp_path / "sheet.py"
    path.write_text(text)
    return path


def test_two_builds_give_the_same_bytes_and_leave_no_gradebook(course):
    assert generated(course) == generated(course)
    assert {path.name for path in course.iterdir()} == {"solutions", "nbgrader_config.py"}


def test_write_then_check_is_clean_and_a_second_write_does_nothing(course):
    assert {str(path) for path in write(course)} == {
        "solutions/ps9/ps9.ipynb",
        "assignments/ps9/ps9.ipynb",
    }
    assert drift(course) == []
    assert write(course) == []


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_every_kind_of_drift_is_seen_and_all_but_a_strange_file_is_mended(course, change):
    write(course)
    released = course / "assignments" / "ps9" / "ps9.ipynb"
    if change == "edit":
        released.write_text(released.read_text().replace("A title", "Another title"))
    elif change == "remove":
        released.unlink()
    else:
        (released.parent / "mine.ipynb").write_text("someone's work")
    assert len(drift(course)) == 1
    assert "assignments/ps9" in drift(course)[0]
    write(course)
    assert (drift(course) == []) == (change != "add")


def test_the_release_keeps_no_answer_no_hidden_test_and_no_mark_scheme(course):
    write(course)
    (released,) = (course / "assignments").rglob("*.*")
    text = released.read_text()
    for secret in ("secret_answer", "hidden five", "model answer", "secret criterion", "BEGIN"):
        assert secret not in text
    assert "NotImplementedError" in text
    assert "three doubled is six" in text


def test_graded_cells_carry_nbgraders_six_keys_and_test_cells_do_not_stop_a_run(course):
    write(course)
    notebook = nbformat.read(course / "assignments/ps9/ps9.ipynb", as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    assert keys <= cells["double"].metadata.nbgrader.keys()
    assert cells["test_double"].metadata.nbgrader.points == 2
    assert cells["test_double"].metadata.tags == ["raises-exception"]
    assert cells["why"].metadata.nbgrader.points == 4
    assert len(cells) == len(notebook.cells), "ids are unique, also for equal sources"
    assert "jupytext" not in notebook.metadata


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("### BEGIN SOLUTION\n", "\n", "do not alternate: END"),
        ("### END HIDDEN TESTS", "", "do not alternate: BEGIN"),
        ("import math", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS", "outside a test cell"),
        ("# # A title", "# ### BEGIN MARK SCHEME\n# ### END MARK SCHEME", "outside a written cell"),
        (
            "    ### BEGIN SOLUTION\n    secret",
            "### BEGIN SOLUTION\n    secret",
            "inside a function",
        ),
        (', "three doubled is six"', "", "without a message"),
        ("double(3) == 6", "isinstance(double, object)", "other than by calling"),
        ("double(3) == 6", "double.__code__", "other than by calling"),
        ("assert double(3)", "import pickle\nassert double(3)", "imports pickle"),
        ("double(3) == 6", "math.isclose(double(3), 6)", "without a tolerance"),
        ("double(3) == 6", "double(three) == 6", "reads three"),
        ("assert double(3)", "double = abs\nassert double(3)", "binds the student's name"),
    ],
)
def test_a_rule_that_is_broken_is_named_with_its_line(course, old, new, message):
    path = course / "solutions/ps9/ps9.py"
    assert old in SOURCE
    path.write_text(SOURCE.replace(old, new))
    with pytest.raises(NotebookProblems, match=message) as caught:
        write(course)
    assert "ps9.py: line " in str(caught.value)
    assert not (course / "assignments").exists()


EXERCISE = """
# %% grade="solution" grade_id="quadruple"
def quadruple(x):
    ### BEGIN SOLUTION
    return 2 * double(x)
    ### END SOLUTION


# %% grade="test" grade_id="test_quadruple" points=1
assert quadruple(2) == double(4), "four times two is twice four"

# %% grade="test" grade_id="test_nothing" points=1
assert math.pi > 3, "pi is more than three"
"""


def test_exercises_that_lean_on_each_other_and_free_points_are_named(tmp_path):
    found = "\n".join(problems(from_percent(percent(tmp_path, SOURCE + EXERCISE))))
    assert "quadruple: needs the answer to double" in found
    assert "test_quadruple: tests the answers to several exercises: double, quadruple" in found
    assert "test_nothing: uses none of the student's names" in found


def test_cells_that_lean_on_an_unsolved_exercise_do_not_stop_a_run(course):
    more = "\n# %%\nvalue = double(3)\n\n# %%\nprint(value)\n\n# %%\nprint('the end')\n"
    (course / "solutions/ps9/ps9.py").write_text(SOURCE + more)
    write(course)
    *_, first, second, last = nbformat.read(course / "assignments/ps9/ps9.ipynb", 4).cells
    assert first.metadata.tags == second.metadata.tags == ["raises-exception"]
    assert "tags" not in last.metadata


def test_only_declared_data_is_released(course):
    folder = course / "solutions" / "ps9"
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("1,2")
    assert b"1,2" in generated(course).values()
    (folder / "marking_notes.md").write_text("secret")
    with pytest.raises(NotebookProblems, match=r"marking_notes\.md would be released"):
        generated(course)


def test_stub_names_the_function_and_the_class_around_it():
    stub = NameStubs.stub
    source = f"class Flow:\n    def forward(self):\n        {stub}\n\ndef g():\n    {stub}"
    named = NameStubs().named(source)
    assert "Flow.forward: your code" in named
    assert '"g: your code' in named


def test_stub_stands_next_to_its_docstring_wherever_the_answer_began():
    named = NameStubs().named(f'def f():\n    """Return it."""\n\n    {NameStubs.stub}')
    assert '"""\n    raise NotImplementedError("f: your' in named


def test_an_interrupted_write_leaves_the_old_file(course, monkeypatch):
    write(course)
    path = course / "solutions/ps9/ps9.ipynb"
    before = path.read_bytes()
    (course / "solutions/ps9/ps9.py").write_text(SOURCE.replace("A title", "Another"))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(course)
    assert path.read_bytes() == before
    assert {p.name for p in path.parent.iterdir()} == {"ps9.ipynb", "ps9.py"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" points=2", "", "needs a positive number"),
        (" points=2", " points=0", "needs a positive number"),
        ('grade="locked"', 'grade="open"', "expected one of"),
        ('grade_id="test_double"', 'grade_id="double"', "grade_id already used in line"),
        ('grade_id="setup"', 'grade_id="set up"', "letters, digits"),
        ('grade_id="setup"', 'grade_id="setup" colour="red"', "unknown key colour"),
    ],
)
def test_a_header_that_is_not_understood_is_named(tmp_path, old, new, message):
    assert old in SOURCE
    with pytest.raises(NotebookProblems, match=message):
        from_percent(percent(tmp_path, SOURCE.replace(old, new)))


def test_a_sound_notebook_has_no_problems(tmp_path):
    assert problems(from_percent(percent(tmp_path, SOURCE))) == []


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"root: expected a course"):
        generated(tmp_path)


def test_names():
    assert free_names("def f(x):\n    return g(x, y)") == {"g", "y"}
    assert bound_names("from a import b as c\nfor i in (1,):\n    pass") == {"c", "i"}


def test_what_is_committed_is_what_the_percent_files_make():
    assert drift(ROOT) == []


def test_the_release_holds_notebooks_only():
    for path in (ROOT / "assignments").rglob("*"):
        if path.is_file() and ".ipynb_checkpoints" not in path.parts:
            assert path.suffix == ".ipynb"


def test_every_column_of_a_table_on_a_page_has_a_name():
    """A screen reader says the name of a column before each of its cells."""
    for path in [*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("assignments/*/*.ipynb")]:
        text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells)
        heads = re.findall(r"^(\|.*)\n\|[-:| ]+\|$", text, re.MULTILINE)
        assert not [head for head in heads if re.search(r"\|\s*\|", head)], path.name


def test_code_cells_parse_in_every_percent_file():
    for path in (*ROOT.glob("lectures/*.py"), *ROOT.glob("solutions/*/*.py")):
        ast.parse(path.read_text())
