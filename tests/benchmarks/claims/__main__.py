"""Measure the lecture's claims, record them in the package, and print them as one table.

python tests/benchmarks/claims [claims ...] [--seeds 3] [--fresh] [--show] [--choose]

Every result is stored under results/claims/ as soon as it is there: an interrupted run continues
where it stopped. A stored result is measured again when the claim's code changes, but not when
only its words change. Once a claim has all its seeds, course_lib/measured.json and the table.md
beside this file are written. A run with fewer seeds than the package has writes neither.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

import torch  # noqa: E402

from claims import Unavailable, _record  # noqa: E402
from claims._record import Result  # noqa: E402

RESULTS = ROOT / "results" / "claims"
PACKAGED, TABLE = ROOT / "course_lib" / "measured.json", HERE / "table.md"
WORDS = {"CLAIM", "HELD_OUT", "SETTINGS", "FIGURES", "VERDICT", "EVIDENCE"}


def hash_of(paths: Iterable[Path]) -> str:
    """Return a short hash of the files' code, whatever its layout and the words of a claim."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        tree = ast.parse(path.read_text("utf-8"))
        tree.body = [node for node in tree.body if not _is_words(node)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_words(node: ast.stmt) -> bool:
    """Return whether a statement is a docstring, or declares what a claim says of itself."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    names = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(name, ast.Name) and name.id in WORDS for name in names)


def claims_in(folder: Path, names: list[str]) -> dict[str, ModuleType]:
    """Return the modules of the folder that measure a claim, all or those named.

    Raises:
        SystemExit: if there is no claim of a name.
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
        raise SystemExit(f"claims: no claim called {', '.join(unknown)}")
    return found


def stored(path: Path, source: str) -> Result | None:
    """Return the result in a file, unless there is none or the claim's code was another."""
    try:
        result = Result(**json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return result if result.source == source else None


def measure(module: ModuleType, result: Result) -> None:
    """Fill in the figures; what the claim lacks is written down, not raised."""
    began = time.process_time()
    try:
        figures = dict(module.measure(result.seed))
        result.cpu_seconds = float(figures.pop("CPU s", time.process_time() - began))
        _check_declared(module, figures)
    except Unavailable as reason:
        result.missing = f"unavailable: {reason}"
        return
    except Exception as error:
        traceback.print_exc()
        result.missing = f"failed: {type(error).__name__}: {error}"
        return
    result.figures = {name: float(getattr(v, "value", v)) for name, v in figures.items()}
    result.errors = {n: float(v.error) for n, v in figures.items() if hasattr(v, "error")}


def _check_declared(module: ModuleType, figures: dict[str, Any]) -> None:
    unknown = [name for name in figures if name not in module.FIGURES]
    if unknown:
        raise ValueError(f"FIGURES: expected the units of {unknown[0]!r}, got none")


class Recorder:
    """Keeps the packaged file and the table in step with the results.

    Args:
        modules: the claims of this run.
        complete: whether they are all the claims that there are; others are then dropped.
        packaged: the packaged file.
        table: the table made from it.
    """

    def __init__(
        self, modules: dict[str, ModuleType], complete: bool, packaged: Path, table: Path
    ) -> None:
        self.modules, self.packaged, self.table = modules, packaged, table
        self.claims = _record.read(packaged)
        if complete:
            self.claims = {name: self.claims[name] for name in self.claims if name in modules}
        for name in set(modules) & set(self.claims):  # the words may have changed
            self.claims[name] |= _record.declaration(modules[name])

    def add(self, name: str, results: list[Result]) -> None:
        """Take in the results of all seeds of a claim, unless the package has more seeds."""
        known = self.claims.get(name, {"figures": {}})["figures"].values()
        if len(results) >= max((figure["seeds"] for figure in known), default=0):
            self.claims[name] = _record.entry(self.modules[name], results)

    def write(self) -> None:
        """Write both files."""
        self.claims = _record.in_order(self.claims)
        _record.write(self.packaged, self.claims)
        _record.write_text(self.table, _record.as_table(self.claims))


def run(
    modules: dict[str, ModuleType], seeds: int, results: Path, *, fresh: bool, show: bool
) -> Iterable[tuple[str, list[Result]]]:
    """Yield each claim with the results of all its seeds, measuring those that are not stored."""
    library = hash_of((ROOT / "course_lib").rglob("*.py"))
    jobs = [(name, seed) for name in modules for seed in range(seeds)]
    found: list[Result] = []
    for number, (name, seed) in enumerate(jobs, 1):
        path = results / f"{name}-{seed}.json"
        source = hash_of([Path(modules[name].__file__)])
        result = None if fresh else stored(path, source)
        if result is None and not show:
            print(f"[{number}/{len(jobs)}] {name}, seed {seed}", file=sys.stderr, flush=True)
            result = Result(name, seed, source, library)
            measure(modules[name], result)
            if result.figures:
                _record.write(path, asdict(result))
        found += [result] if result is not None else []
        if seed == seeds - 1:
            yield name, [result for result in found if result.claim == name]
    if any(result.figures and result.library != library for result in found):
        print("some stored results were measured with other library code", file=sys.stderr)


def main(
    words: list[str],
    folder: Path = HERE,
    results: Path = RESULTS,
    packaged: Path = PACKAGED,
    table: Path = TABLE,
) -> int:
    """Measure, record, print the table, and return 1 if a claim failed."""
    options = _options(words)
    torch.set_num_threads(1)
    modules = claims_in(folder, options.claims)
    if options.choose:
        return choose(modules)
    recorder = Recorder(modules, not options.claims, packaged, table)
    failed, remarks = False, []
    for name, found in run(modules, options.seeds, results, fresh=options.fresh, show=options.show):
        good = [result for result in found if result.figures]
        if len(good) == options.seeds:
            recorder.add(name, good)
            recorder.write()
        reasons = dict.fromkeys(result.missing for result in found if result.missing)
        failed |= any(reason.startswith("failed") for reason in reasons)
        remarks += [f"{name}: {reason}" for reason in reasons]
        if name not in recorder.claims and not reasons:
            remarks.append(f"{name}: not measured yet")
    recorder.write()
    print(_record.as_table({n: c for n, c in recorder.claims.items() if n in modules}))
    print("\n".join(remarks))
    return int(failed)


def choose(modules: dict[str, ModuleType]) -> int:
    """Print the validation score of each setting tried; return 1 if the best is not the chosen."""
    wrong = 0
    for name, module in modules.items():
        if hasattr(module, "CHOICES"):
            scores = {choice: module.validation_score(choice) for choice in module.CHOICES}
            best = min(scores, key=scores.get)
            wrong |= int(best != module.CHOSEN)
            tried = ", ".join(f"{choice:g}: {score:.4g}" for choice, score in scores.items())
            print(f"{name}: {tried}; best {best:g}, chosen {module.CHOSEN:g}")
    return wrong


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("claims", nargs="*", help="names of claims; all of them if none is given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="measure what is stored as well")
    parser.add_argument("--show", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--choose", action="store_true", help="score settings on validation")
    options = parser.parse_args(words)
    if options.seeds < 1:
        parser.error("--seeds: expected 1 or more")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
