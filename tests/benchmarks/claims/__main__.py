"""Measure the lecture's claims and print them as one table.

python tests/benchmarks/claims [rows ...] [--seeds 3] [--fresh] [--show]

Every result is stored under results/claims/ as soon as it is there: an interrupted run goes on
where it was. A stored result is measured anew when its row's code changes. The table is printed
as text and written as Markdown to results/claims/table.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RESULTS = ROOT / "results" / "claims"
sys.path[:0] = [str(ROOT), str(HERE.parent)]

import torch  # noqa: E402

from claims import Unavailable  # noqa: E402

HEADER = ("claim", "figure", "mean ± half range", "units", "seeds")


@dataclass
class Result:
    """What one row gave for one seed: its figures, or why there are none."""

    row: str
    seed: int
    source: str
    library: str
    figures: dict[str, float] = field(default_factory=dict)
    missing: str = ""


def hash_of(paths: Iterable[Path]) -> str:
    """Return a short hash of the files' text."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def rows_in(folder: Path, names: list[str]) -> dict[str, ModuleType]:
    """Return the modules of the folder that measure a claim, all or those named.

    Raises:
        SystemExit: if there is no row of a name.
    """
    found = {}
    for path in sorted(folder.glob("[!_]*.py")):
        if names and path.stem not in names:
            continue
        module = importlib.import_module(f"{folder.name}.{path.stem}")
        if hasattr(module, "measure"):
            found[path.stem] = module
    unknown = sorted(set(names) - set(found))
    if unknown:
        raise SystemExit(f"claims: no row called {', '.join(unknown)}")
    return found


def stored(path: Path, source: str) -> Result | None:
    """Return the result in a file, unless there is none or the row's code was another."""
    try:
        result = Result(**json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return result if result.source == source else None


def store(path: Path, result: Result) -> None:
    """Write a result so that an interruption leaves the file old or new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(asdict(result), indent=1))
    os.replace(partial, path)


def measure(module: ModuleType, result: Result) -> None:
    """Fill in the figures; what the row lacks is written down, not raised."""
    began = time.process_time()
    try:
        figures = module.measure(result.seed)
    except Unavailable as reason:
        result.missing = f"unavailable: {reason}"
        return
    except Exception as error:
        traceback.print_exc()
        result.missing = f"failed: {type(error).__name__}: {error}"
        return
    figures.setdefault("CPU s", time.process_time() - began)
    result.figures = {name: float(value) for name, value in figures.items()}


def spread(values: list[float]) -> str:
    """Return mean ± half range, or the number alone where there is one.

    >>> spread([1.0, 1.5, 1.25]), spread([2e-13])
    ('1.25 ± 0.25', '2e-13')
    """
    mean, half = sum(values) / len(values), (max(values) - min(values)) / 2
    if len(values) == 1:
        return f"{mean:.4g}"
    digits = 1 - math.floor(math.log10(half)) if half > 0 else -1  # two of the half range count
    return (
        f"{mean:.{digits}f} ± {half:.{digits}f}" if 0 <= digits < 5 else f"{mean:.4g} ± {half:.2g}"
    )


def table(modules: dict[str, ModuleType], results: list[Result]) -> list[tuple[str, ...]]:
    """Return the lines of the table: claim, figure, spread, units, seeds."""
    lines = []
    for name, module in modules.items():
        own = [result for result in results if result.row == name]
        good = [result for result in own if result.figures]
        labels = list(dict.fromkeys(label for result in good for label in result.figures))
        for label in labels:
            values = [result.figures[label] for result in good if label in result.figures]
            units = "s" if label == "CPU s" else module.UNITS
            lines.append((module.CLAIM, label, spread(values), units, str(len(values))))
        for reason in dict.fromkeys(result.missing for result in own if result.missing):
            lines.append((module.CLAIM, reason, "", "", ""))
        if not own:
            lines.append((module.CLAIM, "not measured yet", "", "", ""))
    return lines


def as_text(lines: list[tuple[str, ...]]) -> str:
    """Return the table with claim and units once, above their figures."""
    widths = [max((len(line[i]) for line in lines), default=0) for i in (1, 2)]
    text, heading = [], None
    for claim, label, value, units, seeds in lines:
        if label != "CPU s" and (claim, units) != heading:
            heading = (claim, units)
            text += ["", claim, f"  [{units}]" if units else ""]
        of = f"  ({seeds} seeds)" if seeds else ""
        text.append(f"  {label:{widths[0]}}  {value:>{widths[1]}}{of}")
    return "\n".join(text)


def as_markdown(lines: list[tuple[str, ...]]) -> str:
    """Return the table in Markdown, one row a figure."""
    rows = [HEADER, ("---",) * len(HEADER), *lines]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows)


def run(
    modules: dict[str, ModuleType], seeds: int, results: Path, *, fresh: bool, show: bool
) -> list[Result]:
    """Return all results, measuring those that are not stored; a progress line for each."""
    library = hash_of((ROOT / "course_lib").rglob("*.py"))
    jobs = [(name, seed) for seed in range(seeds) for name in modules]
    found = []
    for number, (name, seed) in enumerate(jobs, 1):
        path = results / f"{name}-{seed}.json"
        source = hash_of([Path(modules[name].__file__)])
        result = None if fresh else stored(path, source)
        if result is None and not show:
            print(f"[{number}/{len(jobs)}] {name}, seed {seed}", file=sys.stderr, flush=True)
            result = Result(name, seed, source, library)
            measure(modules[name], result)
            if result.figures:
                store(path, result)
        found += [result] if result is not None else []
    if any(result.figures and result.library != library for result in found):
        print("some stored results were measured with other library code", file=sys.stderr)
    return found


def main(words: list[str], folder: Path = HERE, results: Path = RESULTS) -> int:
    """Measure, print the table, and return 1 if a row failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="names of rows; all of them if none is given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="measure what is stored as well")
    parser.add_argument("--show", action="store_true", help="measure nothing, print what is there")
    options = parser.parse_args(words)
    if options.seeds < 1:
        parser.error("--seeds: expected 1 or more")
    torch.set_num_threads(1)
    modules = rows_in(folder, options.rows)
    found = run(modules, options.seeds, results, fresh=options.fresh, show=options.show)
    lines = table(modules, found)
    print(as_text(lines))
    results.mkdir(parents=True, exist_ok=True)
    (results / "table.md").write_text(as_markdown(lines) + "\n")
    return int(any(result.missing.startswith("failed") for result in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
