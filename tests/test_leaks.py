"""No way for an answer, a hidden test or a mark scheme into ``assignments/``."""

import json

import pytest
from notebook_runs import ROOT
from test_notebooks import SOURCE, course  # noqa: F401  (a fixture)

from course_lib.notebooks.build import generated, write
from course_lib.notebooks.leaks import leaks
from course_lib.notebooks.percent import from_percent
from course_lib.notebooks.problems import NotebookProblems

FAULTS = {
    "both markers of a hidden test misspelt": (
        [("BEGIN HIDDEN TESTS", "BEGIN HIDEN TESTS"), ("END HIDDEN TESTS", "END HIDEN TESTS")],
        "test_double: a marker that clears nothing: ### BEGIN HIDEN TESTS",
    ),
    "markers in small letters": (
        [("BEGIN HIDDEN TESTS", "begin hidden tests"), ("END HIDDEN TESTS", "end hidden tests")],
        "test_double: a marker that clears nothing",
    ),
    "markers with too few signs": (
        [("### BEGIN MARK SCHEME", "## BEGIN MARK SCHEME"), ("### END MARK", "## END MARK")],
        "why: a marker that clears nothing",
    ),
    "a hidden test in the singular": (
        [("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TEST"), ("END HIDDEN TESTS", "END HIDDEN TEST")],
        "test_double: a marker that clears nothing",
    ),
    "a mark scheme without a grade header": (
        [(' grade="written" grade_id="why" points=4', "")],
        "MARK SCHEME markers outside a written cell",
    ),
    "a mark scheme told in a plain cell": (
        [("# # A title", "# # A title\n#\n# Mark scheme: two points for the criterion.")],
        "line 1: students would see what follows 'Mark scheme'",
    ),
    "a model answer after the written one": (
        [("\n# %% tags", "\n# %% [markdown]\n# A model answer: because it is so.\n\n# %% tags")],
        "students would see what follows 'model answer'",
    ),
    "a sample solution in a comment": (
        [("import math", "import math  # sample solution: multiply by two")],
        "setup: students would see what follows 'sample solution'",
    ),
    "a line of the answer in a locked cell": (
        [("import math", "import math\nsecret_answer = 2 * x")],
        "double: the release contains this line of it: secret_answer = 2 * x",
    ),
    "a line of the answer in a comment": (
        [("import math", "import math\n\n# secret_answer = 2 * x")],
        "double: the release contains this line of it: secret_answer = 2 * x",
    ),
    "a hidden test that is shown as well": (
        [
            (
                "assert double(3)",
                'assert double(5) == 10, "hidden five doubled is ten"\nassert double(3)',
            )
        ],
        "test_double: the release contains this line of it: assert double",
    ),
    "a hidden test in a docstring": (
        [
            (
                '"""Return 2x."""',
                '"""Return.\n\n    assert double(5) == 10, "hidden five doubled is ten"\n    """',
            )
        ],
        "test_double: the release contains this line of it: assert double",
    ),
    "the written answer repeated below": (
        [
            ("\n# %% tags", "\n# %% [markdown]\n# The model is linear.\n\n# %% tags"),
            ("# The model answer.", "# The model is linear."),
        ],
        "why: the release contains this line of it: The model is linear.",
    ),
    "a sentence of the mark scheme in a tag": (
        [('tags=["raises-exception"]', 'tags=["Two points for the secret criterion."]')],
        "why: the release contains this line of it: Two points for the secret criterion.",
    ),
    "an answer without markers": (
        [("    ### BEGIN SOLUTION\n", ""), ("    ### END SOLUTION\n", "")],
        "double: a solution cell needs ### BEGIN SOLUTION",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_course_with_this_fault_is_refused_with_the_cell_named(course, fault):  # noqa: F811
    changes, message = FAULTS[fault]
    text = SOURCE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (course / "solutions/ps9/ps9.py").write_text(text)
    with pytest.raises(NotebookProblems) as caught:
        write(course)
    assert message in str(caught.value)
    assert "ps9.py: line " in str(caught.value)
    assert not (course / "assignments").exists()


@pytest.mark.parametrize("name", ["old.ipynb", "answers.py"])
def test_no_notebook_and_no_program_is_released_as_data(course, name):  # noqa: F811
    (course / "solutions/ps9/data").mkdir()
    (course / "solutions/ps9/data" / name).write_text("{}")
    with pytest.raises(NotebookProblems, match=rf"data/{name} would be released"):
        write(course)


def test_what_a_training_run_left_beside_the_solution_is_no_part_of_it(course):  # noqa: F811
    before = generated(course)
    (course / "solutions/ps9/checkpoints").mkdir()
    (course / "solutions/ps9/checkpoints/VAE-0.pt").write_bytes(b"weights")
    assert generated(course) == before


@pytest.mark.parametrize("grade_id", ["double", "test_double", "why"])
def test_a_cell_that_the_release_forgot_to_clear_is_named(course, grade_id):  # noqa: F811
    """The search stands behind nbgrader's own steps, one of which might be left out."""
    made = {str(path): json.loads(content) for path, content in generated(course).items()}
    given, whole = made["assignments/ps9/ps9.ipynb"], made["solutions/ps9/ps9.ipynb"]
    cells = {cell["id"]: cell for cell in given["cells"]}
    cells[grade_id]["source"] = next(c for c in whole["cells"] if c["id"] == grade_id)["source"]
    found = leaks(from_percent(course / "solutions/ps9/ps9.py"), json.dumps(given).encode())
    assert found
    assert all(f", {grade_id}: the release contains" in sentence for sentence in found)


@pytest.mark.parametrize("where", ["outputs", "metadata", "attachments"])
def test_an_answer_outside_the_source_of_a_cell_is_found_too(course, where):  # noqa: F811
    path = course / "solutions/ps9/ps9.py"
    made = {str(path): content for path, content in generated(course).items()}
    notebook = json.loads(made["assignments/ps9/ps9.ipynb"])
    secret = "secret_answer = 2 * x"
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    text = next(cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    if where == "outputs":
        code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [secret]}]
    elif where == "metadata":
        code["metadata"]["note"] = secret
    else:
        text["attachments"] = {"a.txt": {"text/plain": secret}}
    assert leaks(from_percent(path), json.dumps(notebook).encode()) == [
        f"line 7, double: the release contains this line of it: {secret}"
    ]


@pytest.mark.parametrize("path", sorted(ROOT.glob("solutions/*/*.py")), ids=lambda path: path.stem)
def test_no_release_of_the_course_holds_a_secret_line(path):
    released = ROOT / "assignments" / path.parent.name / f"{path.stem}.ipynb"
    assert leaks(from_percent(path), released.read_bytes()) == []
    # the solution itself, searched in the same way, holds them all
    assert len(leaks(from_percent(path), path.with_suffix(".ipynb").read_bytes())) > 20
