"""Check of one step of a particle filter: its evidence, and systematic resampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs

__all__ = ["filter_step"]

EVIDENCE = "evidence = log 1/k sum_j w^j: the log of the mean weight   (slide 9)"
CHOSEN = "place (j + offset)/k falls into the interval of one W^i: path i is copied"
OFFSETS = 64  # candidates, of which the one farthest from all edges is used


def right(log_w: Tensor, state: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Return the evidence, (batch,), and the states of the chosen paths, (batch, k, dim)."""
    k = log_w.shape[1]
    evidence = log_w.logsumexp(1) - math.log(k)
    edges = log_w.detach().softmax(1).cumsum(1)
    ancestors = torch.searchsorted(edges, _places(offset, k), right=True).clamp(max=k - 1)
    return evidence, state.gather(1, ancestors[..., None].expand_as(state))


def _places(offset: Tensor, k: int) -> Tensor:
    return ((torch.arange(k, dtype=offset.dtype) + offset[..., None]) / k).contiguous()


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on equal weights, one path, a dominant path, other weights, and edges."""
    log_w, state, offset = _draw(inputs, 7, 6, 3)
    one = log_w.clone()
    one[:, 2] = 60.0
    no_weight = torch.tensor([-2000.0, 0.0, 0.0]).double().repeat(4, 1)
    ends = torch.tensor([0.0, 1 - 2.0**-24, 0.25, 0.0]).double()  # in float32 (2 + u)/3 may be 1
    return [
        Case((0 * log_w, state, 0.25 + 0.5 * offset), where="for equal weights"),
        Case(_draw(inputs, 5, 1, 2), where="for k = 1"),
        Case((one, state, offset), where="where one path takes all"),
        Case((log_w, state, offset), where="for k = 6"),
        Case(_draw(inputs, 9, 13, 1), where="for k = 13"),
        Case(_draw(inputs, 4, 4, 4), where="for k = 4 and 4 dims"),
        Case((log_w - 1000, state, offset), where="far out"),
        Case((no_weight, inputs.normal(4, 3, 2), ends), where="for places near 0 and 1"),
    ]


def _draw(inputs: RandomInputs, batch: int, k: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights, states and offsets whose places are not near the edges of intervals."""
    log_w = inputs.normal(batch, k, scale=1 / inputs.input_scale)
    tried = torch.rand(OFFSETS, batch, generator=inputs.generator, dtype=torch.float64)
    edges = log_w.softmax(1).cumsum(1)[:, :-1]
    apart = (_places(tried, k)[..., None] - edges[:, None]).abs().flatten(2)
    best = apart.amin(2).argmax(0) if k > 1 else torch.zeros(batch, dtype=torch.int64)
    return log_w, inputs.normal(batch, k, dim), tried[best, torch.arange(batch)]


filter_step = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("log_w", "state", "offset"),
    gradients=("log_w", "state"),
    parts=("evidence", "chosen"),
    formulas={"evidence": EVIDENCE, "chosen": CHOSEN},
    why=EVIDENCE + ";\n" + CHOSEN,
    hint="softmax(1), cumsum(1), then torch.searchsorted(sums, places, right=True)",
    passed="right evidence; heavy paths copied, light ones dropped.",
)
