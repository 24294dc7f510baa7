"""Every lecture, solution and unfinished assignment runs from its first cell to its last."""

import re
from pathlib import Path

import pytest
from notebook_runs import ROOT, errors_of, run_notebook

LECTURES = sorted(ROOT.glob("lectures/*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
ASSIGNMENTS = sorted(ROOT.glob("assignments/ps*/*.ipynb"))
BY_HAND = sorted(ROOT.glob("assignments/project_*/*.ipynb"))  # a person grades all of it

pytestmark = pytest.mark.notebook


def short(path: Path) -> str:
    return path.stem


def stderr_of(notebook):
    return [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def residuals_of(cell):
    """The lines of a cell's output that report a residual."""
    said = [out.text for out in cell.get("outputs", []) if out.output_type == "stream"]
    return [line for text in said for line in text.splitlines() if "residual" in line]


@pytest.mark.parametrize("path", LECTURES, ids=short)
def test_a_lecture_runs_and_every_identity_in_it_holds(path):
    notebook = run_notebook(path)
    assert errors_of(notebook) == []
    assert stderr_of(notebook) == []
    residuals = {cell.id: residuals_of(cell) for cell in notebook.cells if residuals_of(cell)}
    assert residuals, "a lecture executes at least one identity"
    # a cell with this tag shows on purpose what happens where a condition is dropped
    meant = {c.id for c in notebook.cells if "breaks-an-identity" in c.metadata.get("tags", [])}
    broken = {name for name, lines in residuals.items() if any("DOES NOT HOLD" in t for t in lines)}
    assert broken == meant


@pytest.mark.parametrize("path", SOLUTIONS, ids=short)
def test_the_solution_passes_its_own_checks(path):
    notebook = run_notebook(path)
    assert errors_of(notebook) == []
    assert stderr_of(notebook) == []


@pytest.mark.parametrize("path", ASSIGNMENTS, ids=short)
def test_an_untouched_assignment_reaches_its_end_and_passes_nothing(path):
    notebook = run_notebook(path)
    tests = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("points")]
    code_tests = [cell for cell in tests if cell.cell_type == "code"]
    assert code_tests
    for cell in code_tests:
        kinds = [output.output_type for output in cell.outputs]
        assert "error" in kinds, f"{cell.id} passed although nothing was written"
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", BY_HAND, ids=short)
def test_an_untouched_project_runs_as_a_draft_and_waits_for_text_alone(path):
    """The one exception to the rules for graded functions: nothing in it is graded by a test."""
    notebook = run_notebook(path)
    assert errors_of(notebook) == []
    assert stderr_of(notebook) == []
    graded = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("points")]
    assert {cell.cell_type for cell in graded} == {"markdown"}
    assert {cell.source for cell in graded} == {"YOUR ANSWER HERE"}
    solved = (ROOT / "solutions" / path.parent.name / f"{path.stem}.py").read_text()
    for cell in graded:
        flags = cell.metadata.nbgrader
        scheme = solved.split(f'grade_id="{flags.grade_id}"')[1].split("\n# %%")[0]
        rows = re.findall(r"^# \| (\d+) \|", scheme, re.MULTILINE)
        assert sum(map(int, rows)) == flags.points, f"{flags.grade_id}: the scheme's points"
        reports = re.findall(r"\*Report [AB], ([\d.]+) of (\d+)\.\*", scheme)
        assert [float(most) for _, most in reports] == 2 * [flags.points], flags.grade_id


@pytest.mark.parametrize("path", BY_HAND, ids=short)
def test_the_marks_of_a_project_add_up(path):
    solved = (ROOT / "solutions" / path.parent.name / f"{path.stem}.py").read_text()
    totals = re.findall(r"([\d.]+) of 30 in all", solved)
    for report, total in zip("AB", totals, strict=True):
        marks = [float(m) for m in re.findall(rf"\*Report {report}, ([\d.]+) of", solved)]
        assert sum(marks) == float(total), report
    points = [int(p) for p in re.findall(r"^# \| \d \| .*? \| (\d+) \|", solved, re.MULTILINE)]
    assert sum(points) == sum(int(p) for p in re.findall(r"points=(\d+)", solved)) == 30


@pytest.mark.parametrize("path", LECTURES + SOLUTIONS + ASSIGNMENTS + BY_HAND, ids=short)
def test_committed_notebooks_carry_no_outputs(path):
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    assert not [cell.id for cell in cells if cell.get("outputs") or cell.get("execution_count")]
