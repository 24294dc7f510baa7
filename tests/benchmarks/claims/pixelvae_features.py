"""What PixelVAE's z knows, and what it spares: linear probes, layers and cost per step.

Thresholded 8x8 digits, the nets and the budget of ``pixelvae_parents``. The probe is a logistic
regression from the mean of q(z|x), 8 numbers, to the class, fitted on the 1,297 training images and
scored on the 300 test images. The null is an encoder that was never trained, the reference are the
64 pixels themselves. A PixelCNN has no code, but it has features: of the one with four layers, the
probe gets the average over the pixels of what all layers tell the output, 16 numbers. Beside it the
cost of one training step and the likelihood of PixelVAE with one autoregressive layer and of that
PixelCNN, the net of the same width with z := 0.
"""

from __future__ import annotations

import time

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from claims.pixelvae_parents import BATCH, build, train
from course_lib.data import digits
from course_lib.data.splits import Splits
from course_lib.evaluation import Estimate, evaluate, mean_and_error
from course_lib.models import PixelCNN, PixelVAE

CLAIM = "PixelVAE learns features, and is shallower and cheaper than PixelCNN (slide 4)"
HELD_OUT = "300 test images; CPU time on two shared cores, one thread"
SETTINGS = "Weights and settings by the 200 validation images."
VERDICT = (
    "holds, with this condition: PixelVAE is shallower, cheaper and more likely than the "
    "PixelCNN, and its z says more of the class than the PixelCNN's features, but no more than "
    "that of a VAE without an autoregressive decoder, and less than the pixels"
)
EVIDENCE = (
    ("PixelVAE, L = 1, linear probe", ">", "null: untrained encoder, linear probe"),
    ("PixelVAE, L = 1, linear probe", ">", "PixelCNN, L = 4, linear probe of its features"),
    ("PixelVAE, L = 1, linear probe", "<", "64 pixels, linear probe"),
    ("PixelVAE, L = 1, importance bound k = 300", "<", "PixelCNN, L = 4, exact -log p"),
    ("PixelVAE, L = 1, ms a step", "<", "PixelCNN, L = 4, ms a step"),
)
TIMED_STEPS = 40


def accuracy(train_z: Tensor, test_z: Tensor, data: Splits) -> float:
    """Return the share of test images whose class a linear probe of z names."""
    mean, scale = train_z.mean(0), train_z.std(0) + 1e-6
    probe = LogisticRegression(max_iter=2000)
    probe.fit(((train_z - mean) / scale).numpy(), data.train.label.numpy())
    return float(probe.score(((test_z - mean) / scale).numpy(), data.test.label.numpy()))


@torch.no_grad()
def probe(vae: PixelVAE, data: Splits) -> float:
    """Return the probe's accuracy on the means of q(z|x)."""
    return accuracy(vae.posterior(data.train.x).mean, vae.posterior(data.test.x).mean, data)


@torch.no_grad()
def pooled(model: PixelCNN, x: Tensor) -> Tensor:
    """Return the input of the network's head, averaged over the pixels: (batch, features)."""
    caught: list[Tensor] = []
    hook = model.brick.network.head.register_forward_pre_hook(
        lambda _, found: caught.append(*found)
    )
    model.log_prob(x)
    hook.remove()
    return caught[0].mean((-1, -2))


def milliseconds(model: nn.Module, x: Tensor) -> float:
    """Return the CPU time of one loss and its gradient."""
    for step in range(TIMED_STEPS + 5):
        if step == 5:
            began = time.process_time()
        model.losses(x)["model"].backward()
    return 1e3 * (time.process_time() - began) / TIMED_STEPS


FIGURES = {
    "PixelVAE, L = 1, linear probe": "accuracy",
    "VAE, linear probe": "accuracy",
    "null: untrained encoder, linear probe": "accuracy",
    "64 pixels, linear probe": "accuracy",
    "PixelCNN, L = 4, linear probe of its features": "accuracy",
    "PixelVAE, L = 1, importance bound k = 300": "nats per image",
    "PixelCNN, L = 4, exact -log p": "nats per image",
    "PixelVAE, L = 1, ms a step": "ms of CPU",
    "PixelCNN, L = 4, ms a step": "ms of CPU",
}


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return accuracies of the probes, and bound, cost and layers of both models."""
    began, data = time.process_time(), digits.load()
    x = data.train.x[:BATCH]
    torch.manual_seed(seed)
    untrained = probe(build(1), data)
    torch.manual_seed(seed)
    vae, pixelvae = (train(build(layers), data, seed) for layers in (0, 1))
    torch.manual_seed(seed)
    pixelcnn = train(PixelCNN(build(4).likelihood), data, seed)
    bound = evaluate(pixelvae, data.test.x, k=300, batch_size=25).importance_bound
    with torch.no_grad():
        exact = pixelcnn.log_prob(data.test.x)
    return {
        "PixelVAE, L = 1, linear probe": probe(pixelvae, data),
        "VAE, linear probe": probe(vae, data),
        "null: untrained encoder, linear probe": untrained,
        "64 pixels, linear probe": accuracy(data.train.x.flatten(1), data.test.x.flatten(1), data),
        "PixelCNN, L = 4, linear probe of its features": accuracy(
            pooled(pixelcnn, data.train.x), pooled(pixelcnn, data.test.x), data
        ),
        "PixelVAE, L = 1, importance bound k = 300": mean_and_error(-bound),
        "PixelCNN, L = 4, exact -log p": mean_and_error(-exact),
        "PixelVAE, L = 1, ms a step": milliseconds(pixelvae, x),
        "PixelCNN, L = 4, ms a step": milliseconds(pixelcnn, x),
        "CPU s": time.process_time() - began,
    }
