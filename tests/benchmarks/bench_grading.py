"""Throughput of the grader beside stock ``nbgrader autograde``, on the same submissions.

python tests/benchmarks/bench_grading.py [--rounds 2] [--batch 40] [--assignment small]

Batches alternate between the two, so that both meet the same load; each has a course of its own.
Fixed costs (start, imports, warm hosts, gradebook) are in both. Scores must be equal. The small
assignment imports torch, takes an optimiser step, and has three exercises with tests; for
ps1_elbo_gap stock also runs the training behind the last test, on which no grade depends.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
SETUP = """import torch
from torch import nn
w = nn.Parameter(torch.zeros(3))
step = torch.optim.Adam([w], lr=0.1)"""
PLOT = """import matplotlib.pyplot as plt
plt.plot(torch.linspace(0, 1, 50), torch.linspace(0, 1, 50) ** 2)
plt.show()"""
EXERCISES = {
    "scale": ("return 2 * x", "assert torch.equal(scale(torch.ones(3)), torch.full((3,), 2.0))"),
    "center": ("return x - x.mean()", "assert abs(float(center(torch.rand(9)).sum())) < 1e-5"),
    "energy": ("return (x**2).sum()", "assert float(energy(torch.ones(4))) == 4"),
}
WRONG = ("return x", "return x * 3", "return torch.zeros(2)", "raise ValueError('hm')")


def small() -> nbformat.NotebookNode:
    """Return a notebook of ten cells, three of them tests."""
    cells = [marked(new_code_cell(SETUP), "setup", locked=True), new_code_cell(PLOT)]
    for name, (answer, test) in EXERCISES.items():
        source = f"def {name}(x):\n    ### BEGIN SOLUTION\n    {answer}\n    ### END SOLUTION"
        cells.append(new_markdown_cell(f"Write `{name}`."))
        cells.append(marked(new_code_cell(source), name, solution=True))
        marks = {"grade": True, "locked": True, "points": 2}
        cells.append(marked(new_code_cell(test), f"test_{name}", **marks))
    train = "loss = (w - 1).square().sum()\nloss.backward()\nstep.step()"
    cells.insert(2, new_code_cell(train))
    made = new_notebook(cells=cells)
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def marked(cell: nbformat.NotebookNode, grade_id: str, **marks: object) -> nbformat.NotebookNode:
    """Return a cell with nbgrader's metadata."""
    usual = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    cell.metadata.nbgrader = {**usual, **marks, "grade_id": grade_id}
    return cell


def answers(assignment: str, number: int) -> dict[str, str]:
    """Return what one student writes in place of the reference: nothing, or one other answer."""
    if assignment == "small":
        name = list(EXERCISES)[number % 3]
        wrong = f"def {name}(x):\n    {WRONG[number % 4]}  # {number}"
        return {} if number % 5 == 0 else {name: wrong}
    found = [
        (path.stem, entry["source"])
        for path in sorted((ROOT / "tests/wrong_answers" / assignment).glob("*.toml"))
        for group in tomllib.loads(path.read_text()).values()
        for entry in group
        if entry["name"] != "in_place"
    ]
    return dict([found[number * 7 % len(found)]]) if number % 5 else {}


class Arena:
    """A course in which one of the two grades."""

    def __init__(self, folder: Path, assignment: str) -> None:
        self.root, self.assignment = folder, assignment
        source = folder / "solutions" / assignment
        source.mkdir(parents=True)
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        if assignment == "small":
            nbformat.write(small(), source / "small.ipynb")
        else:
            shutil.copy(ROOT / "solutions" / assignment / f"{assignment}.ipynb", source)
        self.call("nbgrader", "generate_assignment", assignment, "--force")

    def submit(self, number: int) -> None:
        """Hand in a notebook."""
        name = f"{self.assignment}.ipynb"
        notebook = nbformat.read(self.root / "solutions" / self.assignment / name, 4)
        given = answers(self.assignment, number)
        for cell in notebook.cells:
            cell.source = given.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        folder = self.root / "submitted" / f"s{number:03d}" / self.assignment
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / name)

    def call(self, *arguments: str) -> tuple[float, float]:
        """Run a module of Python and return its wall time and its CPU time, children's included."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["NBGRADER_UNPROTECTED"] = "1"  # stock grades as it always does
        began, spent = time.monotonic(), children()
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
        return time.monotonic() - began, children() - spent

    def scores(self) -> dict[str, float]:
        """Return the points of each student."""
        self.call("nbgrader", "export")
        with (self.root / "grades.csv").open(newline="") as file:
            return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def children() -> float:
    """Return the CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--assignment", default="small")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stock, ours = (Arena(Path(folder) / who, options.assignment) for who in ("stock", "ours"))
        ratios = [one_round(stock, ours, number, options) for number in range(options.rounds)]
        same = stock.scores() == ours.scores()
        points = sorted(ours.scores().values())
    print(f"median ratio {statistics.median(ratios):.2f} of {sorted(round(r, 2) for r in ratios)}")
    print(f"{len(points)} submissions, points {points[0]:g} to {points[-1]:g}, equal: {same}")


def one_round(stock: Arena, ours: Arena, number: int, options: argparse.Namespace) -> float:
    """Grade a batch with each and return how many times faster ours was."""
    for arena in (stock, ours):
        shutil.rmtree(arena.root / "submitted", ignore_errors=True)
        for student in range(number * options.batch, (number + 1) * options.batch):
            arena.submit(student)
    name = options.assignment
    wall, cpu = stock.call("nbgrader", "autograde", name)
    our_wall, our_cpu = ours.call("course_lib.grading", "run", name, "--workers", options.workers)
    each = options.batch
    print(f"stock {wall / each:.2f} s ({cpu / each:.2f} CPU), ", end="")
    print(f"ours {our_wall / each:.2f} s ({our_cpu / each:.2f} CPU) a submission", flush=True)
    return wall / our_wall


if __name__ == "__main__":
    main()
