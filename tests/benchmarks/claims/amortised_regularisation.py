"""Noise on the encoder's input: the gap of images never seen, and the model that results.

Binary 8x8 digits, z of two dimensions, nets 64-128-128-4 with the mirrored decoder, 3000 steps of
100 without early stopping, Adam's rate 2e-3 falling along a cosine. While a model trains its
encoder sees x plus Gaussian noise of the given standard deviation; in evaluation it sees x. log
p(x) is exact, by quadrature over z, so the gap log p(x) - L(x) is no difference of two bounds:
on the training images it is what a Gaussian cannot express and the net cannot reach, and what the
test images add to it is what the encoder has learnt by heart. 200 images of each part.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.evaluation import Estimate, mean_and_error, quadrature_world
from course_lib.exact.grid import Grid
from course_lib.models import VAE
from course_lib.training import cosine, fit

CLAIM = "Amortised inference regularises the model; smoothing q(z|x) does so more (slide 12)"
HELD_OUT = "200 test and 200 training images, log p(x) exact"
SETTINGS = (
    "Not recorded: read the figures as if the settings had been chosen with test figures in sight."
)
VERDICT = (
    "holds, with this condition: noise on the encoder's input makes the gap on unseen images "
    "smaller, and the difference between training and test log p(x) as well, yet log p(x) of "
    "unseen images does not rise"
)
EVIDENCE = (
    ("noise 0.15, gap, test", "<", "noise 0, gap, test"),
    ("noise 0.3, gap, test", "<", "noise 0.15, gap, test"),
    ("noise 0.3, log p(x), test", "<", "noise 0, log p(x), test"),
)
STEPS = 3000
NOISES = (0.0, 0.15, 0.3)
FIGURES = {
    f"noise {noise:g}, {key}, {part}": "nats per image"
    for noise in NOISES
    for part in ("test", "training")
    for key in ("log p(x)", "gap")
}


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return log p(x) and the gap, on both parts, for each amount of noise."""
    began = time.process_time()
    splits = digits.load()
    figures = {}
    for noise in NOISES:
        torch.manual_seed(seed)
        model = VAE.build((1, 8, 8), z_dim=2, hidden=(128, 128), input_noise=noise)
        schedule = cosine(2e-3, STEPS)
        fit(model, splits.train.x, steps=STEPS, learning_rate=schedule, seed=seed, progress=False)
        for part, x in (("test", splits.test.x[:200]), ("training", splits.train.x[:200])):
            evidence, gap = scores(model, x)
            figures[f"noise {noise:g}, log p(x), {part}"] = evidence
            figures[f"noise {noise:g}, gap, {part}"] = gap
    return {**figures, "CPU s": time.process_time() - began}


@torch.no_grad()
def scores(model: VAE, x: Tensor) -> tuple[Estimate, Estimate]:
    """Return the mean of log p(x), and of log p(x) - L(x)."""
    world = quadrature_world(model, Grid(-7.0, 7.0, 281, dim=2))
    evidence = world.log_prob(x)
    gap = evidence - model.elbo(x, samples=100).total.double()
    return mean_and_error(evidence), mean_and_error(gap)
