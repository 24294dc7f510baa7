"""The course's models in one table: same images, same sizes, same budget, several measures.

Thresholded 8x8 digits: bits, because all these models but the flows have a likelihood of bits. A
FlowGAN has a density of real numbers; its nats are per grey level and stand in ``flow_gan``, and no
constant turns them into nats of bits. Encoder 64-128 with the mirrored decoder, z of 8 numbers,
PixelCNN layers of 16 features (one in PixelVAE, two in the PixelCNN without z). 1000 steps of 100,
Adam's rate falling from 2e-3 along a cosine, no early stopping. Sizes and budget were fixed before
the first run; two models were looked at on the validation images, and nothing was changed after it.
-log p(x) is an upper bound by 300 importance samples, exact for the PixelCNN; the gap is the ELBO's
distance from that bound; I_q is of 300 posteriors, at most log 300. C2ST is the accuracy of a
kernel classifier on the test images and as many samples, the mean of four sets; its floor has
training images in the samples' place. Costs are CPU times, the shortest of 15 that are measured in
turns, divided by the plain VAE's: a step is loss and gradient on 100 images, for every player, and
sampling is of 100 images.
"""

from __future__ import annotations

import time

from course_lib.data import digits
from course_lib.evaluation import Estimate, Score, rank_correlation, relative_costs, score
from course_lib.figures.combine.recipe import BATCH, BUDGET, COURSE, build, pixelcnn, train

CLAIM = "Many combinations, and which is best depends on the measure (slides 2, 19)"
HELD_OUT = "300 test images; costs as multiples of the plain VAE's, measured side by side"
SETTINGS = (
    "Fixed before the first run: sizes, budget and the weights of the comparisons, those that the "
    "claims on each model had then. The validation images were used once, to look at two models."
)
VERDICT = (
    "holds, with this condition: at this size and budget PixelVAE is first by likelihood and takes "
    "two hundred times a VAE's time to sample, InfoVAE is first by information and behind by "
    "likelihood; likelihood and a classifier's view of the samples agree in part"
)
EVIDENCE = (
    ("PixelVAE, -log p(x)", "<", "VAE, MAF prior, -log p(x)"),
    ("VAE, MAF prior, -log p(x)", "<", "VAE, -log p(x)"),
    ("PixelVAE, sampling", ">", 100.0),
    ("InfoVAE, I_q", ">", "PixelVAE, I_q"),
    ("InfoVAE, -log p(x)", ">", "VAE, -log p(x)"),
    ("PixelCNN, C2ST", ">", "VAE, C2ST"),
    ("VAE, IAF posterior, gap", "<", "VAE, gap"),
    ("beta-VAE, I_q", "<", "AAE, I_q"),
    ("rank correlation: -log p(x) and sampling", "<", 0.0),
    ("rank correlation: -log p(x) and C2ST", "<", 0.95),
)
WITHOUT_Z = "PixelCNN"
NAMES = (*COURSE, WITHOUT_Z)
SCORES = {
    "-log p(x)": "nats per image, at most",
    "gap": "nats per image, at least",
    "I_q": "nats",
    "C2ST": "accuracy",
    "step": "x VAE",
    "sampling": "x VAE",
}
ORDERS = {
    "-log p(x) and C2ST": ("-log p(x)", "C2ST"),
    "-log p(x) and sampling": ("-log p(x)", "sampling"),
    "-log p(x) and gap": ("-log p(x)", "gap"),
    "-log p(x) and I_q": ("-log p(x)", "I_q"),
}
FIGURES = {
    **{f"{name}, {key}": unit for name in NAMES for key, unit in SCORES.items()},
    f"{WITHOUT_Z}, -log p(x)": "nats per image, exact",
    "floor: C2ST, train for samples": "accuracy",
    **{f"rank correlation: {pair}": "" for pair in ORDERS},
}
for _name in ("gap", "I_q"):
    del FIGURES[f"{WITHOUT_Z}, {_name}"]


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return every column of every model, the floor, and how far the orders agree."""
    began, splits = time.process_time(), digits.load()
    models = {name: build(choices, BUDGET, seed) for name, choices in COURSE.items()}
    models[WITHOUT_Z] = pixelcnn(seed)
    for model in models.values():
        train(model, splits, BUDGET, seed)
    costs = relative_costs(models, splits.train.x[:BATCH], base="VAE")
    figures: dict[str, Estimate | float] = {}
    for name, model in models.items():
        found = score(model, splits.test.x, splits.train.x, seed=seed)
        figures |= {f"{name}, {key}": v for key, v in columns(found).items()}
        figures |= {f"{name}, step": costs[name].step, f"{name}, sampling": costs[name].sampling}
        figures["floor: C2ST, train for samples"] = found.floor
    for pair, keys in ORDERS.items():
        both = [n for n in NAMES if all(f"{n}, {key}" in figures for key in keys)]
        ordered = [[number(figures[f"{n}, {key}"]) for n in both] for key in keys]
        figures[f"rank correlation: {pair}"] = rank_correlation(*ordered)
    return {**figures, "CPU s": time.process_time() - began}


def columns(found: Score) -> dict[str, Estimate | float]:
    """Return the columns of a score that the model has."""
    have = {"-log p(x)": found.nats, "gap": found.gap, "I_q": found.information}
    return {key: value for key, value in have.items() if value is not None} | {
        "C2ST": found.accuracy
    }


def number(figure: Estimate | float) -> float:
    """Return the value of a figure."""
    return getattr(figure, "value", figure)
