"""PixelVAE's z as a map, with a PixelCNN over its places as prior, as the paper has it.

z is a map of 2x2x2, two numbers for each quarter of an image; convolutions alone bring it to the
image's resolution. Three priors of the same map: N(0, I), a MAF over its eight numbers, and one
autoregressive layer whose mean and scale come from masked convolutions over the map (Gulrajani et
al., 2017, arXiv:1611.05013; there a further latent stands above it). All else, training included,
as in ``pixelvae_parents`` with one gated layer.
"""

from __future__ import annotations

import time

import torch

from claims.pixelvae_parents import WARM_UP, train
from course_lib.data import digits
from course_lib.evaluation import Estimate, evaluate, mean_and_error
from course_lib.models import PixelVAE

CLAIM = "PixelVAE's prior is autoregressive: a PixelCNN over a map of z (slide 4)"
HELD_OUT = "300 test images"
SETTINGS = "Weights by the 200 validation images; the settings are those of pixelvae_parents."
VERDICT = (
    "holds, with this condition: both autoregressive priors are ahead of N(0, I), and on a map so "
    "small they are about as good; a vector z of the same size, in pixelvae_parents, does better"
)
EVIDENCE = (
    ("PixelCNN, importance bound k = 300", "<", "N(0, I), importance bound k = 300"),
    ("MAF, importance bound k = 300", "<", "N(0, I), importance bound k = 300"),
)
PRIORS = {"N(0, I)": "standard", "MAF": "autoregressive", "PixelCNN": "pixelcnn"}
FIGURES = {
    f"{name}, {key}": "nats per image"
    for name in PRIORS
    for key in ("-ELBO", "importance bound k = 300", "KL")
}


def build(prior: str) -> PixelVAE:
    """Return the net with one of the priors."""
    sizes = {"features": 16, "layers": 1, "dropout": 0.2, "warm_up": WARM_UP}
    return PixelVAE.build((1, 8, 8), (2, 2, 2), (128,), prior=prior, **sizes)


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return bounds and rate with each prior."""
    began, data = time.process_time(), digits.load()
    figures: dict[str, Estimate | float] = {}
    for name, prior in PRIORS.items():
        torch.manual_seed(seed)
        vae = train(build(prior), data, seed)
        result = evaluate(vae, data.test.x, k=300, batch_size=25)
        figures[f"{name}, -ELBO"] = mean_and_error(-result.elbo)
        figures[f"{name}, importance bound k = 300"] = mean_and_error(-result.importance_bound)
        figures[f"{name}, KL"] = mean_and_error(result.kl)
    return {**figures, "CPU s": time.process_time() - began}
