"""Checks of an answer's noise: independent within and between draws, and from torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import Problem, Step

__all__ = ["ERRORS", "draws_own_noise", "is_torch_noise"]

ERRORS = 7.5  # standard errors; correct noise exceeds them once in 10^13 comparisons
TWINS = 0.01  # share of rows that may repeat an absolute value; by chance: below 0.001
OWN_NOISE = "every entry of the sample has its own noise, in every call"
ONE_CALL = "draw all of it in one call: torch.randn of the sample's shape"


def draws_own_noise(inputs: tuple[Tensor, ...], centre: Tensor) -> Step:
    """Return the check that no noise is shared between rows, dimensions or calls.

    Args:
        inputs: one example, repeated some ten thousand times; the answer is (batch, dim).
        centre: (batch, dim) or (dim,) the mean of the draws, about which they are symmetric.
    """

    def step(answer: Answer) -> Problem | None:
        draws = [answer.draw(*inputs).detach() for _ in range(4)]
        if any(torch.equal(a, b) for i, a in enumerate(draws) for b in draws[:i]):
            return Problem(
                "two calls return the same draw.",
                "the same numbers again",
                "new noise in each call",
                why="each call must draw new noise, or training sees the same sample forever",
                hint="no torch.manual_seed, no noise that is stored between calls",
            )
        return _shared_in(draws[0], centre) or _shared_between(draws)

    return step


def is_torch_noise(inputs: tuple[Tensor, ...]) -> Step:
    """Return the check that only ``torch.manual_seed`` determines the noise."""

    def step(answer: Answer) -> Problem | None:
        first, again, other = (answer.seeded(seed, *inputs) for seed in (1, 1, 2))
        if not torch.equal(first, again):
            return Problem(
                "the noise does not follow torch.manual_seed.",
                "after the same seed, another draw",
                "after the same seed, the same draw",
                why="a run of the notebook can be repeated only if all noise is torch's",
                hint="torch.randn, not numpy or random, and no separate generator",
            )
        if torch.equal(first, other):
            return Problem(
                "the function sets the seed itself.",
                "after another seed, the same draw",
                "after another seed, another draw",
                why="the caller decides the seed; here every call would repeat itself",
                hint="no torch.manual_seed inside a function that draws",
            )
        return None

    return step


def _shared_in(draw: Tensor, centre: Tensor) -> Problem | None:
    """Return a problem if entries of one draw share noise, whatever its scale."""
    centred = draw - draw.mean(0)
    if (centred.std(0) < 1e-9).any():
        got = "the same noise in every row" if draw.std() > 0 else "no noise"
        return _not_own("one noise is used for the whole batch.", got, "independent rows")
    unit = centred / centred.std(0, correction=0)
    limit = ERRORS / math.sqrt(len(unit))
    dims = (unit.T @ unit / len(unit)).fill_diagonal_(0).abs().max().item()
    if dims > limit:
        whole = dims > 0.99
        headline = "one noise is used for all dimensions."
        return _correlated("dimensions", dims, limit, headline, whole)
    lag, rows = _strongest_lag(unit)
    if rows > limit:
        headline = "each row repeats the noise of the row before."
        return _correlated("rows", rows, limit, headline, lag == 1 and rows > 0.99)
    twins = max(_share_of_twins(column) for column in (draw - centre).T)
    if twins > TWINS:
        got = f"{twins:.0%} of the rows have the noise of another, or its negative"
        return _not_own("the noise of rows is not independent.", got, "no two rows alike")
    return None


def _shared_between(draws: list[Tensor]) -> Problem | None:
    """Return a problem if later draws can be predicted from earlier ones."""
    units = [(draw - draw.mean(0)) / draw.std(0) for draw in draws]
    limit = ERRORS / math.sqrt(len(units[0]))
    pairs = [(a * b).mean(0).abs().max() for i, a in enumerate(units) for b in units[:i]]
    strongest = float(torch.stack(pairs).max())
    if strongest <= limit:
        return None
    return _correlated("calls", strongest, limit)


def _strongest_lag(unit: Tensor) -> tuple[int, float]:
    """Return the lag between rows with the strongest correlation of noise, and its strength."""
    spectrum = torch.fft.rfft(unit, dim=0)
    by_lag = torch.fft.irfft(spectrum.abs() ** 2, n=len(unit), dim=0) / len(unit)  # (lag, dim)
    strength = by_lag[1 : len(unit) // 2 + 1].abs().amax(1)
    lag = int(strength.argmax())
    return lag + 1, float(strength[lag])


def _share_of_twins(noise: Tensor) -> float:
    """Return the share of values that occur twice, up to sign; the largest is not counted."""
    sizes = torch.sort(noise.abs()).values
    sizes = sizes[sizes < sizes[-1] - 1e-9]  # clipped noise contains the bound many times
    return float((sizes.diff() < 1e-9).double().mean())


def _correlated(
    what: str, strength: float, limit: float, headline: str = "", whole: bool = False
) -> Problem:
    general = f"the noise of {what} is not independent."
    got = f"correlation {strength:.3f} between {what}"
    return _not_own(headline if whole else general, got, f"below {limit:.3f}")


def _not_own(headline: str, got: str, expected: str) -> Problem:
    return Problem(headline, got, expected, why=OWN_NOISE, hint=ONE_CALL)
