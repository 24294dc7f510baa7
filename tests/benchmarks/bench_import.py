"""Time of importing the library against importing torch alone.

Run ``python tests/benchmarks/bench_import.py``. Each measurement is a fresh interpreter; the two
of a pair run one after the other, their order swapped from pair to pair. The figure is the median
over pairs of the ratio of CPU times, with the quartiles.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAIRS = 15
STATEMENTS = ("import course_lib", "import course_lib.models", "import course_lib.training")


def cpu_seconds(statement: str) -> float:
    """Return the CPU time of a fresh interpreter that runs one statement."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line a statement."""
    cpu_seconds("import course_lib.training")
    for statement in STATEMENTS:
        ratios, torchs = [], []
        for pair in range(PAIRS):
            order = (statement, "import torch") if pair % 2 else ("import torch", statement)
            seconds = {one: cpu_seconds(one) for one in order}
            torchs.append(seconds["import torch"])
            ratios.append(seconds[statement] / seconds["import torch"])
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(
            f"{statement}: ratio to import torch ({statistics.median(torchs):.2f} s CPU)"
            f" {middle:.3f} [{low:.3f}, {high:.3f}]"
        )


if __name__ == "__main__":
    main()
