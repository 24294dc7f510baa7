"""PixelVAE with a net and a regularisation of its own, beside the same net with z := 0.

In ``pixelvae_parents`` all contenders have one small net that was chosen for none of them. Here
PixelVAE has what a PixelCNN gets in ``pixelcnn_digits``: more features, a longer reach, more
dropout, and weight decay. Two gated layers, a MAF as prior; encoder, z, steps and warm-up as there.
The setting was chosen, on one seed, by the importance bound of the 200 validation images. The
control is the likelihood's net with z := 0, trained alike: what a PixelCNN of this size and
regularisation does without a code; a PixelCNN whose own setting was chosen is in
``pixelcnn_digits``. The importance bound is an upper bound on -log p(x); without z it is exact.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from claims.pixelvae_parents import BATCH, RATE, STEPS, WARM_UP
from course_lib.data import digits
from course_lib.data.splits import Splits
from course_lib.evaluation import Estimate, evaluate, mean_and_error
from course_lib.models import PixelCNN, PixelVAE
from course_lib.training import cosine, fit

CLAIM = "PixelVAE: state-of-the-art likelihood, its net chosen as for its rivals (slide 4)"
HELD_OUT = "300 test images"
SETTINGS = "Weights and settings by the 200 validation images."
VERDICT = (
    "holds, with this condition: with weight decay and dropout, which PixelCNN needs as well, "
    "PixelVAE is well ahead of the same net with z := 0"
)
EVIDENCE = (("PixelVAE, importance bound k = 300", "<", "z := 0 (PixelCNN), exact -log p"),)
SIZES: dict[str, Any] = {"features": 24, "layers": 2, "half_width": 2, "dropout": 0.4}
WEIGHT_DECAY = 0.3
FIGURES = dict.fromkeys(
    (
        "PixelVAE, -ELBO",
        "PixelVAE, importance bound k = 300",
        "PixelVAE, KL",
        "z := 0 (PixelCNN), exact -log p",
    ),
    "nats per image",
)


def build() -> PixelVAE:
    """Return the net that validation chose."""
    options = {"prior": "autoregressive", "warm_up": WARM_UP}
    return PixelVAE.build((1, 8, 8), 8, (128,), **SIZES, **options)


def train(model: nn.Module, data: Splits, seed: int) -> nn.Module:
    """Return the model with the weights that validation chose."""
    fit(
        model,
        data.train.x,
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=cosine(RATE, STEPS),
        validation=data.validation.x,
        weight_decay=WEIGHT_DECAY,
        seed=seed,
        progress=False,
    )
    return model


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return bounds and rate of the PixelVAE, and -log p of its net with z := 0."""
    began, data = time.process_time(), digits.load()
    torch.manual_seed(seed)
    result = evaluate(train(build(), data, seed), data.test.x, k=300, batch_size=25)
    torch.manual_seed(seed)
    parent = train(PixelCNN(build().likelihood), data, seed)
    with torch.no_grad():
        exact = parent.log_prob(data.test.x)
    return {
        "PixelVAE, -ELBO": mean_and_error(-result.elbo),
        "PixelVAE, importance bound k = 300": mean_and_error(-result.importance_bound),
        "PixelVAE, KL": mean_and_error(result.kl),
        "z := 0 (PixelCNN), exact -log p": mean_and_error(-exact),
        "CPU s": time.process_time() - began,
    }
