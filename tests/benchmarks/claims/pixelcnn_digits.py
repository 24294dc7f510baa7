"""What a PixelCNN reaches on thresholded 8x8 digits, exactly, and what it has to beat.

1,297 images to train, weights and settings by 200 validation images, figures on 300 test images;
every figure is an exact -log p. The floor is the same net without layers: independent pixels. MADE
is one masked perceptron over the 64 pixels. The second PixelCNN also learns shifted and mirrored
images, told which is which (see ``_views``).
"""

from __future__ import annotations

import time

import torch

from claims._views import ViewedPixelCNN
from course_lib.data import digits
from course_lib.distributions import ConditionalAutoregressiveBernoulli
from course_lib.evaluation import Estimate, mean_and_error
from course_lib.models import PixelCNN
from course_lib.models.density import DensityModel
from course_lib.training import cosine, fit

CLAIM = "PixelCNN: exact likelihood, state of the art among models without z (slides 2, 4)"
HELD_OUT = "exact, 300 test images"
SETTINGS = "Weights and settings by the 200 validation images."
VERDICT = (
    "not shown here, because on 8x8 images a masked perceptron that sees all earlier pixels at "
    "once does as well; the likelihood of both is exact"
)
EVIDENCE = (("PixelCNN, exact -log p", "<", "independent pixels, exact -log p"),)
SHAPE, BATCH = (1, 8, 8), 50


def build(seed: int) -> dict[str, tuple[DensityModel, int, float]]:
    """Return each model with its steps and learning rate."""
    torch.manual_seed(seed)
    made = ConditionalAutoregressiveBernoulli(SHAPE, hidden=(256,))
    return {
        "independent pixels": (PixelCNN.build(SHAPE, 1, 0), 800, 1e-1),
        "MADE, 256 units": (DensityModel(made), 5000, 2e-3),
        "PixelCNN": (PixelCNN.build(SHAPE, 24, 4, half_width=1, dropout=0.2), 1000, 3e-3),
        "PixelCNN, views of the data": (ViewedPixelCNN.build(8, 24, 4, 0.25), 2600, 3e-3),
    }


NAMES = ("independent pixels", "MADE, 256 units", "PixelCNN", "PixelCNN, views of the data")
FIGURES = {f"{name}, exact -log p": "nats per image" for name in NAMES}


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return -log p of each model on the test images."""
    began, data = time.process_time(), digits.load()
    figures: dict[str, Estimate | float] = {}
    for name, (model, steps, rate) in build(seed).items():
        fit(
            model,
            data.train.x,
            steps=steps,
            batch_size=BATCH,
            learning_rate=cosine(rate, steps),
            validation=data.validation.x,
            seed=seed,
            progress=False,
        )
        with torch.no_grad():
            figures[f"{name}, exact -log p"] = mean_and_error(-model.log_prob(data.test.x))
    return {**figures, "CPU s": time.process_time() - began}
