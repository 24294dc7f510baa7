"""Rate and distortion of beta-VAEs, and the slope of the curve.

Binary 8x8 digits, z = 8, nets 64-128-128-(2 x 8) with the mirrored decoder, 3000 steps of 100 for
each of five values of beta, Adam's rate rising to 2e-3 and falling. R = E KL(q(z|x), p(z)) is in
closed form, D = -E log p(x|z) the mean of 20 draws. The slope at beta is a finite difference: the
trained model is trained on for 5000 steps, so that what it would still learn does not pass for the
effect of beta, and from there two more for 2000 steps each, at beta / 1.2 and 1.2 beta; the slope
is their (D2 - D1) / (R2 - R1). It belongs to the objective that was minimised, so it is taken on
the training images; on others the curve is that of a model which has seen too few. At beta = 10 the
rate is zero and there is no slope. The line D + R >= H needs the entropy of the data: the negative
log-likelihood of any model is above it on average, here that of a masked autoregressive network on
the same test images.
"""

from __future__ import annotations

import copy
import time

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.distributions import ConditionalAutoregressiveBernoulli
from course_lib.models import BetaVAE
from course_lib.models.density import DensityModel
from course_lib.training import cosine, fit

CLAIM = "beta trades distortion for rate: dD/dR = -beta (slide 18)"
HELD_OUT = "300 test images; slopes on the 1297 training images"
SETTINGS = (
    "Not recorded: read the figures as if the settings had been chosen with test figures in sight."
)
VERDICT = (
    "holds, with this condition: training has settled, and the slope is taken on the images whose "
    "objective was minimised; on other images the largest rate no longer lowers the distortion"
)
EVIDENCE = (
    ("beta 0.1, D", ">", "beta 0.3, D"),
    ("beta 0.1, -(dD/dR) / beta", ">", 0.85),
    ("beta 0.1, -(dD/dR) / beta", "<", 1.15),
    ("beta 0.3, -(dD/dR) / beta", ">", 0.85),
    ("beta 0.3, -(dD/dR) / beta", "<", 1.15),
    ("beta 1, -(dD/dR) / beta", ">", 0.85),
    ("beta 1, -(dD/dR) / beta", "<", 1.15),
    ("beta 3, -(dD/dR) / beta", ">", 0.85),
    ("beta 3, -(dD/dR) / beta", "<", 1.15),
)
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)
STEPS, SETTLING, MORE_STEPS, FACTOR = 3000, 5000, 2000, 1.2
FIGURES = {"-log p(x), autoregressive": "nats per image"} | {
    f"beta {beta:g}, {key}": unit
    for beta in BETAS
    for key, unit in (
        ("R", "nats per image"),
        ("D", "nats per image"),
        ("D + R", "nats per image"),
        ("-(dD/dR) / beta", "ratio"),
    )
    if (beta, key) != (BETAS[-1], "-(dD/dR) / beta")  # no rate, no slope
}


def measure(seed: int) -> dict[str, float]:
    """Return both coordinates and the slope at every beta, and the autoregressive line."""
    began = time.process_time()
    splits = digits.load()
    figures = {"-log p(x), autoregressive": autoregressive(splits, seed)}
    for beta in BETAS:
        torch.manual_seed(seed)
        model = BetaVAE.build((1, 8, 8), z_dim=8, hidden=(128, 128), beta=beta)
        fit(model, splits.train.x, steps=STEPS, learning_rate=rate, seed=seed, progress=False)
        r, d = point(model, splits.test.x)
        figures |= {f"beta {beta:g}, R": r, f"beta {beta:g}, D": d, f"beta {beta:g}, D + R": d + r}
        if r > 0.5:
            ratio = -slope(model, splits.train.x, seed) / beta
            figures[f"beta {beta:g}, -(dD/dR) / beta"] = ratio
    return {**figures, "CPU s": time.process_time() - began}


def rate(step: int) -> float:
    """Return Adam's rate: a rise, a plateau, a fall to nearly zero."""
    return 2e-3 * min(1.0, (step + 1) / 200, (STEPS - step) / 1500)


def slope(model: BetaVAE, x: Tensor, seed: int) -> float:
    """Return dD/dR by the difference of two models trained on from this one."""
    settled = trained_on(model, x, model.beta, SETTLING, 2e-3, seed)
    ends = []
    for beta in (model.beta / FACTOR, model.beta * FACTOR):
        ends.append(point(trained_on(settled, x, beta, MORE_STEPS, 1e-3, seed), x))
    (r1, d1), (r2, d2) = ends
    return (d2 - d1) / (r2 - r1)


def trained_on(
    model: BetaVAE, x: Tensor, beta: float, steps: int, rate: float, seed: int
) -> BetaVAE:
    """Return a copy of the model after more training, at this beta."""
    moved = copy.deepcopy(model)
    moved.beta = beta
    schedule = cosine(rate, steps)
    fit(moved, x, steps=steps, learning_rate=schedule, seed=seed, progress=False)
    return moved


@torch.no_grad()
def point(model: BetaVAE, x: Tensor) -> tuple[float, float]:
    """Return R and D."""
    bound = model.elbo(x, samples=20)
    return bound.kl.mean().item(), -bound.reconstruction.mean().item()


def autoregressive(splits: digits.Splits, seed: int) -> float:
    """Return the mean -log p(x) of test images, exact, without any z."""
    torch.manual_seed(seed)
    model = DensityModel(ConditionalAutoregressiveBernoulli((1, 8, 8), (200,)))
    held = splits.validation.x
    schedule = cosine(2e-3, 1500)
    fit(model, splits.train.x, steps=1500, learning_rate=schedule, validation=held, progress=False)
    return -model.log_prob(splits.test.x).mean().item()
