"""PixelVAE against its two parents on thresholded 8x8 digits, at one size and one budget.

All models are one net: encoder 64-128, z of 8 numbers, L gated layers of 16 features. With
L = 0 it is a VAE; with z := 0 it is a PixelCNN with the very same positional bias. 1,297 images to
train, weights by 200 validation images, figures on 300 test images. -ELBO and the importance bound
are upper bounds on -log p(x) of a model with z; of the parents without z it is exact.
"""

from __future__ import annotations

import time

import torch

from course_lib.data import digits
from course_lib.evaluation import evaluate
from course_lib.models import PixelCNN, PixelVAE
from course_lib.training import cosine, fit

CLAIM = "PixelVAE with few autoregressive layers beats VAE and PixelCNN (slide 4)"
UNITS = "nats an image, test n = 300"
STEPS, WARM_UP, BATCH, RATE = 2500, 1000, 50, 3e-3


def build(layers: int) -> PixelVAE:
    """Return the net of all contenders."""
    return PixelVAE.build(
        (1, 8, 8), z_dim=8, hidden=(128,), features=16, layers=layers, warm_up=WARM_UP
    )


def train(model: PixelVAE | PixelCNN, data: digits.Splits, seed: int) -> PixelVAE | PixelCNN:
    """Return the model with the weights that validation chose."""
    fit(
        model,
        data.train.x,
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=cosine(RATE, STEPS),
        validation=data.validation.x,
        seed=seed,
        progress=False,
    )
    return model


def measure(seed: int) -> dict[str, float]:
    """Return bounds and rate of the PixelVAEs, and -log p of the nets with z := 0."""
    began, data = time.process_time(), digits.load()
    figures: dict[str, float] = {}
    for layers in (0, 1, 2):
        torch.manual_seed(seed)
        vae = train(build(layers), data, seed)
        result = evaluate(vae, data.test.x, k=300, batch_size=25)
        name = f"L = {layers}" + (" (VAE)" if layers == 0 else "")
        figures[f"{name}, -ELBO"] = -result.elbo.mean().item()
        figures[f"{name}, importance bound k = 300"] = -result.importance_bound.mean().item()
        figures[f"{name}, KL"] = result.kl.mean().item()
        torch.manual_seed(seed)
        parent = train(PixelCNN(build(layers).likelihood), data, seed)
        with torch.no_grad():
            figures[f"L = {layers}, z := 0, exact -log p"] = (
                -parent.log_prob(data.test.x).mean().item()
            )
    return {**figures, "CPU s": time.process_time() - began}
