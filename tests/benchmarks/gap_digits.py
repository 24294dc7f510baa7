"""Held-out ELBO, importance bound (k = 300) and gap on binary 8x8 digits, three seeds each.

Gaussian, planar and IAF posteriors, encoder 64-128-128, z = 8, trained jointly with the decoder,
best weights by validation. Run: python tests/benchmarks/gap_digits.py [--steps 6000]
"""

from __future__ import annotations

import argparse
import time

import torch

from course_lib.data import digits
from course_lib.evaluation import evaluate
from course_lib.models import VAE, FlowPosteriorVAE
from course_lib.training import cosine, fit

SIZES = {"x_shape": (1, 8, 8), "z_dim": 8, "hidden": (128, 128)}
FAMILIES = {
    "Gaussian": lambda: VAE.build(**SIZES),
    "planar x 8": lambda: FlowPosteriorVAE.build(**SIZES, flow="planar", layers=8),
    "IAF x 2": lambda: FlowPosteriorVAE.build(**SIZES, flow="iaf", layers=2),
}


def measure(family: str, seed: int, steps: int) -> tuple[float, float, float, float]:
    """Return mean ELBO, importance bound and gap on the test part, and the CPU seconds to train."""
    splits = digits.load("binary")
    torch.manual_seed(seed)
    model = FAMILIES[family]()
    began = time.process_time()
    fit(
        model,
        splits.train.x,
        steps=steps,
        validation=splits.validation.x,
        learning_rate=cosine(2e-3, steps),
        seed=seed,
        progress=False,
    )
    seconds = time.process_time() - began
    result = evaluate(model, splits.test.x, k=300)
    parts = (result.elbo, result.importance_bound, result.gap)
    return (*(part.mean().item() for part in parts), seconds)


def main() -> None:
    """Print one line a family: mean and half range over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.steps} steps of 100, {options.seeds} seeds: mean ± half range, nats an image")
    print(f"{'posterior':12s} {'ELBO':>16s} {'bound (k=300)':>16s} {'gap':>14s} {'CPU s':>7s}")
    for family in FAMILIES:
        runs = torch.tensor([measure(family, s, options.steps) for s in range(options.seeds)])
        mean = runs.mean(0).tolist()
        half = ((runs.max(0).values - runs.min(0).values) / 2).tolist()
        cells = [f"{m:8.2f} ± {h:.2f}" for m, h in zip(mean[:3], half[:3], strict=True)]
        print(f"{family:12s} {cells[0]:>16s} {cells[1]:>16s} {cells[2]:>14s} {mean[3]:7.1f}")


if __name__ == "__main__":
    main()
