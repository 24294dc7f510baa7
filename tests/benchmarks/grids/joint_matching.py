"""Trains the models behind the sliders of lecture 7 and packs them: about five minutes on one core.

``python tests/benchmarks/grids/joint_matching.py`` writes
``course_lib/figures/joint_matching/trained.npz``. Two grids on binary 8x8 digits, seed 0:

- the adversarial autoencoder with z of two dimensions, for each weight of the KL and of the JSD
  and at several steps of training: the posteriors of 200 validation images, KL(q(z), p(z)) with
  its error and its floor, the ELBO and MMD^2;
- VAE + GAN for each weight of the JSD in x-space: samples, the bound, precision, recall and C2ST.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from course_lib.data import digits
from course_lib.evaluation import (
    classifier_two_sample,
    evaluate,
    marginal_kl,
    marginal_kl_floor,
    precision_and_recall,
)
from course_lib.models import VAEGAN, AdversarialAutoencoder
from course_lib.objectives import mmd2
from course_lib.randomness import fork_seed
from course_lib.training import cosine, fit

TARGET = Path(__file__).parents[3] / "course_lib/figures/joint_matching/trained.npz"
KL_WEIGHTS = (1.0, 0.3, 0.0)
Z_WEIGHTS = (0.0, 3.0, 30.0)
STEPS = (0, 50, 150, 400, 1000)
X_WEIGHTS = (0.0, 3.0, 10.0, 30.0, 100.0)
SHOWN, SAMPLES, X_STEPS = 200, 32, 1000


def autoencoder(kl_weight: float, weight: float) -> AdversarialAutoencoder:
    """Return the untrained model of one point of the first grid."""
    torch.manual_seed(0)
    return AdversarialAutoencoder.build(
        x_shape=(1, 8, 8),
        z_dim=2,
        hidden=(128, 128),
        critic_hidden=(64, 64),
        weight=weight,
        kl_weight=kl_weight,
    )


def train_until(model: AdversarialAutoencoder, start: int, stop: int) -> None:
    """Train from one entry of ``STEPS`` to the next, on batches that no other part has seen."""
    train = digits.load("binary").train.x
    options = {"betas": (0.5, 0.9), "learning_rate": 1e-3, "seed": start, "progress": False}
    fit(model, train, steps=stop - start, **options)


@torch.no_grad()
def posteriors(model: AdversarialAutoencoder) -> dict[str, np.ndarray]:
    """Return what the figure shows of one model at one step, on validation images."""
    x = digits.load("binary").validation.x[:SHOWN]
    q = model.posterior(x)
    with fork_seed(0, x.device):
        distance = mmd2(q.sample(), model.prior().sample((5000,)))
        bound = model.elbo(x, samples=20).total.mean()
    divergence, floor = marginal_kl(q), marginal_kl_floor(q)
    return {
        "kl": np.float32(divergence.value),
        "kl_error": np.float32(divergence.error),
        "floor": np.float32(floor.value),
        "mu": q.mu.numpy().astype(np.float32),
        "log_scale": q.log_scale.numpy().astype(np.float32),
        "elbo": np.float32(bound),
        "mmd2": np.float32(distance),
    }


def latent_grid() -> dict[str, np.ndarray]:
    """Train the first grid: arrays of shape (kl weights, weights, steps, ...)."""
    found: list[dict[str, np.ndarray]] = []
    for kl_weight in KL_WEIGHTS:
        for weight in Z_WEIGHTS:
            model = autoencoder(kl_weight, weight)
            for start, stop in zip((0, *STEPS), STEPS, strict=False):
                if stop > start:
                    train_until(model, start, stop)
                found.append(posteriors(model))
            print(f"KL weight {kl_weight}, JSD weight {weight}: ELBO {found[-1]['elbo']:.2f}")
    grid = (len(KL_WEIGHTS), len(Z_WEIGHTS), len(STEPS))
    stacked = {name: np.stack([one[name] for one in found]) for name in found[0]}
    return {f"z_{name}": a.reshape(*grid, *a.shape[1:]) for name, a in stacked.items()}


def sample_grid() -> dict[str, np.ndarray]:
    """Train the second grid: arrays of shape (weights, ...)."""
    splits, found = digits.load("binary"), []
    for weight in X_WEIGHTS:
        torch.manual_seed(0)
        model = VAEGAN.build((1, 8, 8), 8, (200, 200), weight=weight)
        model.critic.penalty = 0.01
        options = {"betas": (0.5, 0.9), "progress": False}
        fit(model, splits.train.x, steps=X_STEPS, learning_rate=cosine(1e-3, X_STEPS), **options)
        found.append(_samples(model.eval(), splits.validation.x))
        print(f"weight {weight}: bound {found[-1]['bound']:.2f}, C2ST {found[-1]['c2st']:.3f}")
    return {f"x_{name}": np.stack([one[name] for one in found]) for name in found[0]}


def _samples(model: VAEGAN, x: torch.Tensor) -> dict[str, np.ndarray]:
    with fork_seed(0, x.device):
        samples = model.sample(1000)
    real, fake = precision_and_recall(x, samples), samples[: len(x)]
    numbers = {
        "bound": evaluate(model, x, k=100).importance_bound.mean().item(),
        "precision": real.precision,
        "recall": precision_and_recall(x, fake).recall,
        "c2st": classifier_two_sample(x, fake).statistic,
    }
    images = samples[:SAMPLES, 0].numpy().astype(np.uint8)
    return {"images": images, **{name: np.float32(value) for name, value in numbers.items()}}


if __name__ == "__main__":
    torch.set_num_threads(1)
    axes = {"kl_weights": KL_WEIGHTS, "z_weights": Z_WEIGHTS, "steps": STEPS}
    axes |= {"x_weights": X_WEIGHTS}
    np.savez_compressed(TARGET, **axes, **latent_grid(), **sample_grid())
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")
