"""p(x_2 | x_1) of the three rings, and monotone networks fitted to it, stored (slide 5).

A neural autoregressive layer has one monotone network per dimension. Stored here are the parameters
that its masked network would put out for one value of x_1. They were fitted by
``tests/benchmarks/fit_monotone.py``; every number about them is a sum over a grid in float64.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data import toys
from course_lib.distributions.transforms.neural import SigmoidalFlow, sigmoidal_flow

__all__ = [
    "NODES",
    "PLACES",
    "UNITS",
    "Monotone",
    "kl",
    "log_density",
    "monotone",
    "stored",
    "target",
]

PLACES = (0.0, 1.5, 2.5)
"""The values of x_1: the line crosses three rings, two, or one."""

UNITS = tuple(range(1, 13))
NODES = torch.linspace(-10, 10, 4001, dtype=torch.float64)
STEP = float(NODES[1] - NODES[0])


class Monotone(NamedTuple):
    """The parameters of z = logit sum_k w_k sigmoid(a_k x + b_k), each (units,).

    Attributes:
        slope: a, positive.
        offset: b.
        logits: w = softmax(logits).
    """

    slope: Tensor
    offset: Tensor
    logits: Tensor


def monotone(x: Tensor, slope: Tensor, offset: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return z = f(x) and log f'(x), each (n,), for x of (n,) and parameters of (units,)."""
    return sigmoidal_flow(x, SigmoidalFlow(slope.log(), offset, logits.log_softmax(-1)))


def log_density(z: Tensor, log_slope: Tensor) -> Tensor:
    """Return log p(x) = log N(f(x); 0, 1) + log f'(x): (n,), (n,) -> (n,)."""
    return log_slope - 0.5 * z.square() - 0.5 * math.log(2 * math.pi)


@cache
def target(x_1: float) -> Tensor:
    """Return log p(x_2 | x_1) of the rings at the nodes, (n,)."""
    points = torch.stack((torch.full_like(NODES, x_1), NODES), -1)
    log_joint = toys.rings().log_prob(points)
    return log_joint - (log_joint.logsumexp(0) + math.log(STEP))


def kl(x_1: float, log_p: Tensor) -> float:
    """Return KL(p(x_2 | x_1), p) in nats, for log p at the nodes, (n,)."""
    log_target = target(x_1)
    return float((log_target.exp() * (log_target - log_p)).sum() * STEP)


@cache
def stored(x_1: float, units: int) -> Monotone:
    """Return the parameters that were fitted for ``units`` sigmoids, in float64.

    Raises:
        KeyError: if there are none for this place and number.
    """
    rows = _fits()[f"{x_1:g}"][str(units)]
    return Monotone(*(torch.tensor(row, dtype=torch.float64) for row in rows))


@cache
def _fits() -> dict[str, dict[str, list[list[float]]]]:
    path = files("course_lib.figures.autoregressive_flows") / "monotone.json"
    return json.loads(path.read_text(encoding="utf-8"))
