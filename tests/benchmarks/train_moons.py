"""Train the six MAF layers that the explorable of lecture 2 shows, and store them.

Run ``python tests/benchmarks/train_moons.py`` (some ten seconds): 1,500 steps of 256 fresh points
of the two moons, Adam at 5e-3 falling to zero along a cosine.
"""

import json
from pathlib import Path

import torch
from torch import nn

from course_lib.data import toys
from course_lib.distributions import StandardGaussian
from course_lib.figures.autoregressive_flows import stack
from course_lib.models.flow_model import FlowModel
from course_lib.training import cosine, fit

FILE = Path(stack.__file__).with_name(stack.FILE)
STEPS, BATCH, RATE = 1500, 256, 5e-3


def train(steps=STEPS):
    """Return the trained layers and their KL to the moons over 10,000 test points."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    moons, layers = toys.two_moons(), stack.moons_layers(trained=False)
    model = FlowModel(StandardGaussian(2), layers)
    points = moons.sample(steps * BATCH, torch.Generator().manual_seed(0))
    rate = cosine(RATE, steps)
    fit(model, points, steps=steps, batch_size=BATCH, learning_rate=rate, progress=False)
    return layers, kl(layers)


@torch.no_grad()
def kl(layers):
    """Return the mean of log p_data(x) - log p(x) over 10,000 test points."""
    moons = toys.two_moons()
    test = moons.sample(10_000, torch.Generator().manual_seed(77))
    log_p = FlowModel(StandardGaussian(2), layers).log_prob(test)
    return float((moons.log_prob(test) - log_p).mean())


if __name__ == "__main__":
    layers, divergence = train()
    weights = nn.utils.parameters_to_vector(layers.parameters()).tolist()
    rounded = [float(f"{weight:.4g}") for weight in weights]
    FILE.write_text(json.dumps(rounded, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"KL {divergence:.4f} nats, {FILE.stat().st_size / 1000:.0f} kB")
