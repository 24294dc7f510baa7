"""Trains the models behind the slider of lecture 8 and packs them: about two minutes on one core.

``python tests/benchmarks/grids/information_preference.py`` writes
``course_lib/figures/information_preference/trained.npz``: for each beta a beta-VAE on binary 8x8
digits (z of 4 dimensions, networks of 64 units, 4000 steps, seed 0). For the training and for the
validation images it holds the rate, the distortion and the information I_q; for eight validation
images also the mean of a reconstruction; and the numbers of beta = 1 after 100 steps, which a test
computes again. The slope belongs to the objective that was minimised, so the tangent is drawn on
the training curve.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.evaluation import information_terms
from course_lib.models import BetaVAE
from course_lib.randomness import fork_seed
from course_lib.training import fit

TARGET = Path(__file__).parents[3] / "course_lib/figures/information_preference/trained.npz"
LOG_BETAS = tuple(i / 5 for i in range(-3, 6))  # base 10: from 0.25 to 10
STEPS, EARLY, SHOWN = 4000, 100, 8


def new(beta: float) -> BetaVAE:
    """Return the untrained model of one beta."""
    torch.manual_seed(0)
    return BetaVAE.build((1, 8, 8), z_dim=4, hidden=(64,), beta=beta)


def rate(step: int) -> float:
    """Return Adam's rate: a rise, a plateau, and a long fall to nearly zero."""
    return 4e-3 * min(1.0, (step + 1) / 200, (STEPS - step) / (0.6 * STEPS))


def trained_model(beta: float, steps: int = STEPS) -> BetaVAE:
    """Return the model of one beta after training, or after its first steps."""
    model = new(beta)
    train = digits.load("binary").train.x
    fit(model, train, steps=steps, learning_rate=rate, seed=0, progress=False)
    return model.eval()


@torch.no_grad()
def point(model: BetaVAE, x: Tensor) -> dict[str, np.float32]:
    """Return rate, distortion and information of a model on some images."""
    with fork_seed(0, x.device):
        bound = model.elbo(x, samples=20)
    information = information_terms(model, x, samples=4).information.value
    numbers = bound.kl.mean().item(), -bound.reconstruction.mean().item(), information
    return {
        name: np.float32(value)
        for name, value in zip(("rate", "distortion", "information"), numbers, strict=True)
    }


@torch.no_grad()
def pictures(model: BetaVAE, x: Tensor) -> np.ndarray:
    """Return the mean of p(x|z) for one draw of z for each image, as bytes."""
    with fork_seed(0, x.device):
        z = model.posterior(x).sample()
    return (255 * model.likelihood(z).mean[:, 0]).round().numpy().astype(np.uint8)


def grid() -> dict[str, np.ndarray]:
    """Return everything that the figure shows, one entry for each beta."""
    splits = digits.load("binary")
    shown = splits.validation.x[:SHOWN]
    packed: dict[str, list[np.ndarray]] = {}
    for log_beta in LOG_BETAS:
        beta = 10**log_beta
        model = trained_model(beta)
        parts = {"train": splits.train.x, "held_out": splits.validation.x}
        row = {
            f"{part}_{name}": value
            for part, x in parts.items()
            for name, value in point(model, x).items()
        }
        row["pictures"] = pictures(model, shown)
        numbers = {name: round(float(v), 2) for name, v in row.items() if not v.shape}
        print(f"beta {beta:.2f}", numbers, flush=True)
        for name, value in row.items():
            packed.setdefault(name, []).append(value)
    images = (255 * shown[:, 0]).numpy().astype(np.uint8)
    return {name: np.stack(values) for name, values in packed.items()} | {"images": images}


def early() -> dict[str, np.float32]:
    """Return the numbers of beta = 1 after few steps, on validation images."""
    numbers = point(trained_model(1.0, EARLY), digits.load("binary").validation.x)
    return {f"early_{name}": value for name, value in numbers.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    n = len(digits.load("binary").validation.x)
    packed = {"log_betas": LOG_BETAS, "held_out_images": n, **grid(), **early()}
    np.savez_compressed(TARGET, **packed)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")
