"""The packaged file of results, and the table that people read: one is generated from the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib.measured import Measured
from course_lib.whole_file import write_whole

VERDICTS = re.compile(r"holds exactly|holds, with this condition: .+|not shown here, because .+")
INTRODUCTION = """# The claims, as last measured

`make claims` writes this table and the packaged file behind it, on two shared CPU cores, one
thread, with three seeds; the last column says how many a row has. The half range over the seeds
says what another seed would change. The sampling error is the standard error over the held-out
examples, which all seeds share: it says what other examples would change. It is empty where a
figure is not a mean over examples, or was not recorded.
"""
HEADER = ("figure", "mean ± half range", "sampling error", "units", "seeds")


@dataclass
class Result:
    """What one claim gave for one seed: its figures and their sampling errors, or why not."""

    claim: str
    seed: int
    source: str
    library: str
    figures: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    missing: str = ""


def declaration(module: ModuleType) -> dict[str, str]:
    """Return what a claim says of itself.

    Raises:
        ValueError: if its verdict is of none of the three kinds, or it names no slide.
    """
    if not VERDICTS.fullmatch(module.VERDICT):
        raise ValueError(f"VERDICT: expected one of the three kinds, got {module.VERDICT!r}")
    slides = re.search(r" \(slides? ([\d, -]+)\)$", module.CLAIM)
    if slides is None:
        raise ValueError(f"CLAIM: expected its slide at the end, got {module.CLAIM!r}")
    return {
        "claim": module.CLAIM[: slides.start()],
        "slides": slides.group(1),
        "held_out": module.HELD_OUT,
        "settings": module.SETTINGS,
        "verdict": module.VERDICT,
    }


def entry(module: ModuleType, results: list[Result]) -> dict[str, Any]:
    """Return what the packaged file has for one claim, from the results of all its seeds."""
    figures = {}
    for name, units in module.FIGURES.items():
        values = [result.figures[name] for result in results if name in result.figures]
        errors = [result.errors[name] for result in results if name in result.errors]
        if values:
            figures[name] = {
                "units": units,
                "seeds": len(values),
                "mean": sum(values) / len(values),
                "half_range": (max(values) - min(values)) / 2,
                # the seeds share their examples: their errors do not average out
                "sampling_error": sum(errors) / len(errors) if errors else None,
                "values": values,
            }
    cpu = sum(result.cpu_seconds for result in results) / len(results)
    return {**declaration(module), "cpu_seconds_per_seed": round(cpu, 2), "figures": figures}


def read(path: Path) -> dict[str, Any]:
    """Return the claims of a packaged file, or none if there is no file yet."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that an interruption leaves the file old or new, never half."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text so that an interruption leaves the file old or new, never half."""
    write_whole(path, text.encode())


def in_order(claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims by their first slide, then by name."""

    def place(name: str) -> tuple[int, str]:
        return int(re.match(r"\d+", claims[name]["slides"]).group()), name

    return {name: claims[name] for name in sorted(claims, key=place)}


def as_table(claims: dict[str, Any]) -> str:
    """Return the table in Markdown: each claim once, then its figures, then its verdict."""
    return (
        "\n\n".join([INTRODUCTION.strip(), *(_section(name, claims[name]) for name in claims)])
        + "\n"
    )


def _section(name: str, claim: dict[str, Any]) -> str:
    several = "s" if re.search(r"[,-]", claim["slides"]) else ""
    return "\n\n".join(
        [
            f"## {_escaped(claim['claim'])} (slide{several} {claim['slides']})",
            f"`{name}`. Figures: {claim['held_out']}. {claim['cpu_seconds_per_seed']:.0f} s of CPU"
            f" time per seed. Settings: {claim['settings']}",
            "\n".join(_table(claim["figures"])),
            f"**Verdict: {_escaped(claim['verdict'])}.**",
        ]
    )


def _table(figures: dict[str, Any]) -> Iterable[str]:
    yield f"| {' | '.join(HEADER)} |"
    yield "| " + " | ".join(["---"] * len(HEADER)) + " |"
    for name, fields in figures.items():
        figure = Measured(**{**fields, "values": tuple(fields["values"])})
        error = "" if figure.sampling_error is None else f"{figure.sampling_error:.2g}"
        cells = (_escaped(name), figure.spread, error, figure.units, str(figure.seeds))
        yield f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return the text with the characters of Markdown that occur in formulas escaped."""
    return re.sub(r"([|*_])", r"\\\1", text)
