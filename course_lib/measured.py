"""What was measured for each claim of the lecture, read from the packaged file.

``make claims`` writes ``measured.json``; lectures, README and site read it through this module, so
that no measured number is typed twice.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

__all__ = ["Measured", "claims", "figures", "measured", "verdict", "with_spread"]


@dataclass(frozen=True)
class Measured:
    """One figure of a claim, measured with several seeds.

    The two errors answer different questions. The half range says what another seed would change:
    initialisation, batches and noise. The sampling error says what other held-out examples would
    change; all seeds share their held-out examples, so more seeds do not make it smaller.

    Attributes:
        mean: the mean over the seeds.
        half_range: half of the largest minus the smallest value over the seeds.
        sampling_error: the standard error over the held-out examples, or None where the figure is
            no mean over examples or its error was not recorded.
        units: e.g. ``"nats per image"``.
        seeds: how many seeds there were.
        values: (seeds,) one value per seed; empty where only their spread was recorded.
    """

    mean: float
    half_range: float
    sampling_error: float | None
    units: str
    seeds: int
    values: tuple[float, ...] = ()

    @property
    def spread(self) -> str:
        """Mean ± half range, without units."""
        return with_spread(self.mean, self.half_range) if self.seeds > 1 else f"{self.mean:.4g}"

    def __str__(self) -> str:
        error = self.sampling_error
        sampling = "" if error is None else f" (sampling ± {error:.2g})"
        return f"{self.spread}{sampling} {self.units}".rstrip()


def measured(claim: str, figure: str) -> Measured:
    """Return a figure of a claim as ``make claims`` measured it.

    Args:
        claim: the claim's short name, e.g. ``"bound_identity"``.
        figure: the figure's name as it stands in the table of claims.

    Raises:
        KeyError: if there is no such claim or figure; it lists the names that come nearest.

    Example:
        >>> residual = measured("bound_identity", "largest residual, float64")
        >>> residual.mean < 1e-9, residual.units
        (True, 'nats per image')
    """
    entry = _look_up(_packaged_figures(claim), figure, f"figure of {claim!r}")
    return Measured(**{**entry, "values": tuple(entry["values"])})


def verdict(claim: str) -> str:
    """Return whether a claim holds, with its condition or the reason why it is not shown.

    Args:
        claim: the claim's short name.

    Returns:
        ``"holds exactly"``, ``"holds, with this condition: ..."`` or ``"not shown here, because
        ..."``.

    Raises:
        KeyError: if there is no such claim; it lists the names that come nearest.

    Example:
        >>> verdict("bound_identity")
        'holds exactly'
    """
    return _look_up(_packaged(), claim, "claim")["verdict"]


def claims() -> tuple[str, ...]:
    """Return the short names of all claims."""
    return tuple(_packaged())


def figures(claim: str) -> tuple[str, ...]:
    """Return the names of a claim's figures, in the order of the table.

    Raises:
        KeyError: if there is no such claim.
    """
    return tuple(_packaged_figures(claim))


def with_spread(mean: float, half_range: float) -> str:
    """Return ``mean ± half range`` with two significant digits of the half range.

    Example:
        >>> with_spread(1.2512, 0.253), with_spread(2e-13, 1e-14)
        ('1.25 ± 0.25', '2e-13 ± 1e-14')
    """
    digits = 1 - math.floor(math.log10(half_range)) if half_range > 0 else -1
    if 0 <= digits < 5:
        return f"{mean:.{digits}f} ± {half_range:.{digits}f}"
    return f"{mean:.4g} ± {half_range:.2g}"


def _packaged_figures(claim: str) -> Mapping[str, Any]:
    return _look_up(_packaged(), claim, "claim")["figures"]


@functools.cache
def _packaged() -> Mapping[str, Any]:
    return json.loads((files("course_lib") / "measured.json").read_text("utf-8"))


def _look_up(entries: Mapping[str, Any], name: str, kind: str) -> Any:
    if name not in entries:
        near = _nearest(name, entries)
        raise KeyError(f"no {kind} is called {name!r}; the nearest are {', '.join(near)}")
    return entries[name]


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return up to five names that resemble this one, or the first five if none does."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
    holding = [other for other in names if name.lower() in other.lower()]
    return [repr(other) for other in dict.fromkeys([*close, *holding, *names])][:5]
