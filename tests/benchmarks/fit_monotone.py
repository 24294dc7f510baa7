"""Fit the monotone networks that the explorable of lecture 2 shows, and store them.

Run ``python tests/benchmarks/fit_monotone.py`` (two minutes). For each of three values of x_1 the
conditional density of x_2 in the three rings is fitted with 1 to 12 sigmoids: the KL, a sum over a
grid, is minimised by Adam. Fits of different sizes start from evenly spaced quantiles, and from the
fit with one sigmoid less and its heaviest sigmoid doubled; the better one is kept.
"""

import json
import math
from pathlib import Path

import torch

from course_lib.figures.autoregressive_flows import rings_line
from course_lib.figures.autoregressive_flows.rings_line import NODES, PLACES, STEP, UNITS, Monotone

FILE = Path(rings_line.__file__).with_name("monotone.json")
STEPS, RATE, EVERY = 1500, 0.05, 4


def loss(x_1, raw):
    """Return KL(p(x_2 | x_1), p) on a coarser grid, differentiable in raw = log a, b, logits."""
    log_slope, offset, logits = raw
    x, log_target = NODES[::EVERY], rings_line.target(x_1)[::EVERY]
    z, log_derivative = rings_line.monotone(x, log_slope.exp(), offset, logits)
    log_p = rings_line.log_density(z, log_derivative)
    return (log_target.exp() * (log_target - log_p)).sum() * STEP * EVERY


def descend(x_1, raw):
    """Return raw after Adam with a falling rate, and its KL."""
    raw = raw.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([raw], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss(x_1, raw).backward()
        optimiser.step()
        schedule.step()
    raw = raw.detach()
    return raw, float(loss(x_1, raw))


def at_quantiles(x_1, units):
    """Return a start: sigmoids at evenly spaced quantiles, each as wide as its share."""
    cumulative = rings_line.target(x_1).exp().cumsum(0) * STEP
    places = torch.searchsorted(
        cumulative, (torch.arange(2 * units + 1) / (2 * units)).clamp(1e-3, 1 - 1e-3).double()
    )
    quantiles = NODES[places]
    slope = 4 / (quantiles[2::2] - quantiles[:-1:2])
    return torch.stack((slope.log(), -slope * quantiles[1::2], torch.zeros_like(slope)))


def one_more(raw, logits):
    """Return a start: the heaviest sigmoid twice, a little apart, with half its weight each."""
    heavy = int(logits.argmax())
    copy = raw[:, heavy : heavy + 1].clone()
    copy[2] -= math.log(2)
    raw = raw.clone()
    raw[2, heavy] -= math.log(2)
    raw[1, heavy] += 0.5
    copy[1] -= 0.5
    return torch.cat((raw, copy), 1)


def fit(x_1, units, before=None):
    """Return the better of the fits from both starts, and its KL."""
    starts = [at_quantiles(x_1, units)]
    if before is not None:
        starts.append(one_more(before, before[2]))
    return min((descend(x_1, start) for start in starts), key=lambda found: found[1])


def main():
    """Fit all and write the file."""
    stored = {}
    for x_1 in PLACES:
        row, before = {}, None
        for units in UNITS:
            before, kl = fit(x_1, units, before)
            order = (-before[1] / before[0].exp()).argsort()
            log_slope, offset, logits = before[:, order]
            fitted = Monotone(log_slope.exp(), offset, logits.log_softmax(-1))
            row[str(units)] = [[float(f"{v:.6g}") for v in part.tolist()] for part in fitted]
            print(f"x_1 = {x_1:g}, {units} units: KL {kl:.4f}", flush=True)
        stored[f"{x_1:g}"] = row
    FILE.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
