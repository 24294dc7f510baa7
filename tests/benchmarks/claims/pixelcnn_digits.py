"""Exact likelihoods of the models without z on thresholded 8x8 digits: one ladder.

1,297 images to train, weights and settings by the 200 validation images, figures on 300 test
images; every figure is an exact -log p. The floor is a PixelCNN without layers: independent pixels.
MADE is one masked perceptron over the 64 pixels. The RNN with MADE reads the image row by row and
lets the pixels of one row see each other: the same net and budget as in ``vrnn_rows``. The PixelCNN
has the library's default sizes, which were chosen on the validation images together with the weight
decay: among 24 to 64 features, 2 to 4 layers, half-widths 2 and 3, dropout 0.2 to 0.5.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from claims._sequences import PlainRNN
from claims._sequences import train as train_sequences
from claims.vrnn_rows import BATCH as ROWS_BATCH
from claims.vrnn_rows import DROPOUT, HIDDEN
from claims.vrnn_rows import STEPS as ROWS_STEPS
from course_lib.data import digits, rows
from course_lib.distributions import ConditionalAutoregressiveBernoulli
from course_lib.evaluation import Estimate, mean_and_error
from course_lib.models import PixelCNN
from course_lib.models.density import DensityModel
from course_lib.training import cosine, fit

CLAIM = "PixelCNN: exact likelihood, state of the art among models without z (slides 2, 4)"
HELD_OUT = "exact, 300 test images"
SETTINGS = "Weights and settings by the 200 validation images."
VERDICT = (
    "holds, with this condition: on 8x8 images it is ahead of a masked perceptron, and an RNN over "
    "rows whose pixels see each other does better still; the likelihood of all is exact"
)
EVIDENCE = (
    ("PixelCNN, exact -log p", "<", "independent pixels, exact -log p"),
    ("PixelCNN, exact -log p", "<", "MADE, 256 units, exact -log p"),
    ("RNN with MADE, exact -log p", "<", "PixelCNN, exact -log p"),
)
SHAPE, BATCH = (1, 8, 8), 50
WEIGHT_DECAY = 0.3
NAMES = ("independent pixels", "MADE, 256 units", "PixelCNN", "RNN with MADE")
FIGURES = {f"{name}, exact -log p": "nats per image" for name in NAMES}


def build(seed: int) -> dict[str, tuple[DensityModel, int, float, float]]:
    """Return each model of whole images with its steps, learning rate and weight decay."""
    torch.manual_seed(seed)
    made = ConditionalAutoregressiveBernoulli(SHAPE, hidden=(256,))
    return {
        "independent pixels": (PixelCNN.build(SHAPE, 1, 0), 800, 1e-1, 0.0),
        "MADE, 256 units": (DensityModel(made), 5000, 2e-3, 0.0),
        "PixelCNN": (PixelCNN.build(SHAPE), 1200, 3e-3, WEIGHT_DECAY),
    }


def measure(seed: int) -> dict[str, float | Estimate]:
    """Return -log p of each model on the test images."""
    began, data = time.process_time(), digits.load()
    figures: dict[str, float | Estimate] = {}
    for name, (model, steps, rate, decay) in build(seed).items():
        fit(
            model,
            data.train.x,
            steps=steps,
            batch_size=BATCH,
            learning_rate=cosine(rate, steps),
            validation=data.validation.x,
            weight_decay=decay,
            seed=seed,
            progress=False,
        )
        figures[f"{name}, exact -log p"] = score(model, data.test.x)
    sequences = rows.load()
    torch.manual_seed(seed)
    rnn = PlainRNN(8, HIDDEN, True, DROPOUT)
    parts = (sequences.train, sequences.validation)
    train_sequences(rnn, parts, ROWS_STEPS, ROWS_BATCH, seed)
    figures["RNN with MADE, exact -log p"] = score(rnn, sequences.test)
    return {**figures, "CPU s": time.process_time() - began}


@torch.no_grad()
def score(model: DensityModel | PlainRNN, test: Tensor | dict[str, Tensor]) -> Estimate:
    """Return the mean of -log p over the test images, and its standard error."""
    return mean_and_error(-model.log_prob(test))
