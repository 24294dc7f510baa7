"""Break the core in one place at a time and see whether the tests notice.

Run ``python tests/mutants``, or with words to try only the mutants whose name has one of them.
``python tests/mutants --check`` only looks whether each can still be planted, in a second.
Every mutant is one plausible mistake, planted in a temporary copy; the tests named beside it must
fail. The table says which did; the exit status is 1 if any mutant survives.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch  # imported once, before the forks that run the tests
from adversarial import ADVERSARIAL
from capstone import CAPSTONE
from checks import CHECKS
from core import CORE
from evaluations import EVALUATIONS
from exact_worlds import EXACT
from flow_figures import FLOW_FIGURES
from flows import FLOWS
from foundations import FOUNDATIONS
from grading import GRADING
from live_figures import LIVE_FIGURES
from matching import MATCHING
from measuring import MEASURING
from modalities import MODALITIES
from mutant import Mutant
from pixels import PIXELS
from preference import PREFERENCE
from sequences import SEQUENCES
from students import STUDENTS
from walls import WALLS_DOWN

ROOT = Path(__file__).parents[2]
MUTANTS = [
    *ADVERSARIAL,
    *CAPSTONE,
    *CHECKS,
    *CORE,
    *EVALUATIONS,
    *EXACT,
    *FOUNDATIONS,
    *GRADING,
    *LIVE_FIGURES,
    *MATCHING,
    *MEASURING,
    *MODALITIES,
    *PIXELS,
    *PREFERENCE,
    *SEQUENCES,
    *STUDENTS,
    *FLOWS,
    *FLOW_FIGURES,
    *WALLS_DOWN,
]


def run_tests(root: Path, tests: list[str]) -> int:
    """Return pytest's exit status for the tests of the tree at ``root``, in a fork."""
    process = multiprocessing.get_context("fork").Process(target=_pytest, args=(root, tests))
    process.start()
    process.join()
    return process.exitcode


def _pytest(root: Path, tests: list[str]) -> None:
    os.chdir(root)
    sys.path.insert(0, str(root))
    options = ["-q", "-x", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
    options += ["-c", f"{root}/pyproject.toml", f"--rootdir={root}"]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        status = pytest.main([*options, *(f"tests/{test}" for test in tests)])
    os._exit(int(status))


def try_mutant(root: Path, mutant: Mutant) -> bool:
    """Plant the mutant in the copy at ``root`` and return whether its tests fail.

    Raises:
        ValueError: if the text to break is not there exactly once, or the tests cannot even run.
    """
    file = root / "course_lib" / mutant.file
    source = file.read_text()
    if source.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: {mutant.old!r} is {source.count(mutant.old)} times there")
    file.write_text(source.replace(mutant.old, mutant.new))
    try:
        status = run_tests(root, [mutant.tests])
    finally:
        file.write_text(source)
    if status not in (0, 1):
        raise ValueError(f"{mutant.name}: pytest ended with status {status}")
    return status == 1


def cannot_be_planted() -> list[str]:
    """Return the mutants whose text is not exactly once in its file, or whose tests are gone."""
    return [
        mutant.name
        for mutant in MUTANTS
        if (ROOT / "course_lib" / mutant.file).read_text().count(mutant.old) != 1
        or not (ROOT / "tests" / mutant.tests).is_file()
    ]


def main(words: list[str]) -> int:
    """Try the mutants whose name has one of the words, all without words; 1 if one survives."""
    torch.set_num_threads(1)
    sys.dont_write_bytecode = True
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    if not chosen:  # --help, or a slip of the pen
        print(__doc__)
        return 2
    survivors = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)  # tests of the grader's walls look at it as somebody else
        for name in ("course_lib", "tests", "lectures", "solutions", "assignments"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "nbgrader_config.py"):
            shutil.copy(ROOT / name, root)
        if run_tests(root, sorted({m.tests for m in chosen})) != 0:
            print("the tests fail without any mutant")
            return 1
        for mutant in chosen:
            caught = try_mutant(root, mutant)
            survivors += not caught
            print(
                f"{'red     ' if caught else 'SURVIVED'}  {mutant.name:50} {mutant.tests}",
                flush=True,
            )
    print(f"{len(chosen) - survivors} of {len(chosen)} caught in {time.monotonic() - began:.0f} s")
    return int(survivors > 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        lost = cannot_be_planted()
        print(f"{len(MUTANTS)} mutants; cannot be planted: {', '.join(lost) or 'none'}")
        sys.exit(bool(lost))
    sys.exit(main(sys.argv[1:]))
