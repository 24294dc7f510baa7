"""No cell of a lecture depends on its seed, or on being run once only."""

import ast
import functools

import pytest
import torch
from notebook_runs import ROOT

import course_lib.evaluation
import course_lib.training

STEPS = 25
LECTURES = sorted(ROOT.glob("lectures/[0-9]*.py"))
SEEDED = [path for path in LECTURES if "\nSEED = 0" in path.read_text()]


def code_cells(path, seed):
    """The sources of the code cells, with another seed in the place of 0."""
    source = path.read_text().replace("\nSEED = 0", f"\nSEED = {seed}")
    for cell in source.split("\n# %%")[1:]:
        header, _, body = cell.partition("\n")
        if "[markdown]" not in header:
            yield body


def few_steps(function):
    """The same function, which takes a few steps whatever it is asked for."""

    @functools.wraps(function)
    def shortened(*args, **options):
        return function(*args, **options | {"steps": min(options.get("steps", STEPS), STEPS)})

    return shortened


@pytest.fixture
def hurried(monkeypatch, tmp_path):
    """Train for a few steps only, and keep checkpoints out of the repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_MY", str(tmp_path))
    monkeypatch.setattr(course_lib.training, "fit", few_steps(course_lib.training.fit))
    short = functools.partial(course_lib.evaluation.gap_terms, samples=50)
    monkeypatch.setattr(course_lib.evaluation, "gap_terms", few_steps(short))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.notebook
@pytest.mark.parametrize(("seed", "times"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("path", SEEDED, ids=lambda path: path.stem)
def test_every_cell_runs_on_another_seed_and_runs_again(path, seed, times, hurried):
    names = {}
    for body in code_cells(path, seed):
        code = compile(body, f"{path.name}: {body.strip().splitlines()[0]}", "exec")
        for _ in range(times):
            exec(code, names)


def test_there_is_a_lecture_to_try_and_its_seed_is_set_once():
    assert SEEDED
    for path in SEEDED:
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("manual_seed")
        ]
        fixed = [ast.unparse(call) for call in calls if isinstance(call.args[0], ast.Constant)]
        assert fixed == [], f"{path.name}: write SEED or SEED + 1"
