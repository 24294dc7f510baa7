"""A joint VAE of a grey digit and the same digit in one of seven colours: likelihoods and time.

Run ``python tests/benchmarks/bench_pair.py``. Data: MNIST-5k (4000 / 500), shrunk to 14x14 and
binary; the colour picture is the digit in one of the seven corners of the RGB cube that are not
black, drawn evenly. So log p(colour | grey) cannot exceed -log 7 = -1.95 and log p(grey | colour)
could be 0. Model: three nets with 200 hidden units, z = 16, 497,880 weights; 1000 steps of 100.

Reported on the test pairs, in nats with k = 500: the importance bound on log p(x1, x2); for each
direction a bound on the log-probability of what is drawn given the other picture, with z proposed
by q(z|x1,x2) ("conditional") and by q(z|x1) alone ("conditional, own q", what most papers print);
the share of drawn colour pictures whose every lit pixel has one colour ("legal"). Beside them the
same model written plainly in torch, trained in turns with ours on one thread: CPU time ratio.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, relu

from course_lib import objectives
from course_lib.data import mnist
from course_lib.models import MultimodalVAE
from course_lib.models.multimodal_vae import jmvae_objective
from course_lib.training import fit

GREY, COLOUR, Z, HIDDEN = (1, 14, 14), (3, 14, 14), 16, 200
STEPS, BATCH, BLOCK, BLOCKS, K, SEEDS = 1000, 100, 40, 20, 500, 3
RATE = 1e-3


def pairs(x: Tensor, seed: int) -> dict[str, Tensor]:
    """Return grey and coloured pictures: (n, 1, 14, 14) and (n, 3, 14, 14) bits."""
    grey = (avg_pool2d(x, 2) > 127).float()
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(1, 8, (len(x), 1), generator=generator)
    colour = (corner >> torch.arange(3)) % 2
    return {"grey": grey, "colour": grey * colour[:, :, None, None]}


class PlainNet(nn.Module):
    """What one would write without a library: a net with one hidden layer."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(n_in, HIDDEN), nn.Linear(HIDDEN, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_in) to (batch, n_out)."""
        return self.last(relu(self.first(x)))


class PlainJointVAE(nn.Module):
    """The joint VAE with tied nets, written out for two flat binary pictures."""

    def __init__(self, d1: int, d2: int) -> None:
        super().__init__()
        self.q1, self.q2, self.q12 = (PlainNet(d, 2 * Z) for d in (d1, d2, d1 + d2))
        self.p1, self.p2 = PlainNet(Z, d1), PlainNet(Z, d2)

    def loss(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the batch mean of -ELBO + the two KLs of the tie, the joint net held still."""
        mu, log_scale = self.q12(torch.cat([x1, x2], 1)).chunk(2, 1)
        z = mu + log_scale.exp() * torch.randn_like(mu)
        loss = binary_cross_entropy_with_logits(self.p1(z), x1, reduction="sum")
        loss = loss + binary_cross_entropy_with_logits(self.p2(z), x2, reduction="sum")
        loss = loss + 0.5 * (mu.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum()
        mu, log_scale = mu.detach(), log_scale.detach()
        for q, x in ((self.q1, x1), (self.q2, x2)):
            m, s = q(x).chunk(2, 1)
            ratio = (2 * (log_scale - s)).exp() + ((mu - m) / s.exp()).square() - 1
            loss = loss + (0.5 * ratio + s - log_scale).sum()
        return loss / len(x1)


class PlainLoop:
    """Adam, shuffled batches; goes on where the last block stopped."""

    def __init__(self, data: dict[str, Tensor]) -> None:
        self.x1, self.x2 = (value.flatten(1) for value in data.values())
        self.model = PlainJointVAE(self.x1.shape[1], self.x2.shape[1])
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=RATE, fused=True)

    def run(self, steps: int) -> None:
        """Take some steps."""
        order = torch.randperm(len(self.x1))
        for step in range(steps):
            index = order[step * BATCH : (step + 1) * BATCH]
            loss = self.model.loss(self.x1[index], self.x2[index])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return the CPU time that ``action`` takes in this process."""
    began = time.process_time()
    action()
    return time.process_time() - began


def timed(train: dict[str, Tensor]) -> dict[str, list[float]]:
    """Return for each contender the CPU seconds of every block of 40 steps, in turns."""
    build = partial(MultimodalVAE.build, {"grey": GREY, "colour": COLOUR}, Z, (HIDDEN,))
    held, moving = build(), build(objective=partial(jmvae_objective, detach_joint=False))
    plain = PlainLoop(train)
    options = {"steps": BLOCK, "batch_size": BATCH, "learning_rate": RATE, "progress": False}
    contenders = {
        "course_lib": lambda: fit(held, train, **options),
        "course_lib, joint net moves too": lambda: fit(moving, train, **options),
        "plain": lambda: plain.run(BLOCK),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for block in range(BLOCKS + 2):
        for name, action in contenders.items():
            seconds = cpu_seconds(action)
            if block >= 2:  # the first two blocks warm the caches
                times[name].append(seconds)
    return times


@torch.no_grad()
def scores(model: MultimodalVAE, x: dict[str, Tensor]) -> dict[str, float]:
    """Return the figures of one trained model on the test pairs."""
    found = {"joint, importance bound": model.importance_bound(x, K)}
    for given, other in (("grey", "colour"), ("colour", "grey")):
        q = model.posterior({given: x[given]})
        own = objectives.importance_bound(q, model.likelihood, q, {other: x[other]}, K)
        found[f"{other} given {given}, conditional"] = model.conditional_bound(x, [given], K)
        found[f"{other} given {given}, conditional, own q"] = own
        found[f"{other} given {given}, L(x1,x2) - L(x1)"] = model.conditional_estimate(
            x, [given], K
        )
    drawn = model.sample_given({"grey": x["grey"]})["colour"][0]
    found["drawn colour pictures that are legal"] = is_legal(drawn)
    return {name: value.mean().item() for name, value in found.items()}


def is_legal(colour: Tensor) -> Tensor:
    """Return 1 where all lit pixels of a picture have one colour: (n, 3, h, w) -> (n,)."""
    lit = colour.amax(1, keepdim=True)
    used = colour.amax((-2, -1), keepdim=True)
    return (colour == lit * used).flatten(1).all(1).float()


def trained(seed: int, train: dict[str, Tensor], alpha: float, hold: bool) -> MultimodalVAE:
    """Return the model after its 1000 steps."""
    torch.manual_seed(seed)
    objective = partial(jmvae_objective, alpha=alpha, detach_joint=hold)
    sizes = {"grey": GREY, "colour": COLOUR}
    model = MultimodalVAE.build(sizes, Z, (HIDDEN,), objective=objective)
    options = {"steps": STEPS, "batch_size": BATCH, "learning_rate": RATE, "seed": seed}
    fit(model, train, **options, progress=False)
    return model


def main() -> None:
    """Print the figures over the seeds, then the time ratios."""
    torch.set_num_threads(1)
    digits = mnist.load("grey")
    train, test = pairs(digits.train.x, 0), pairs(digits.test.x, 1)
    for title, alpha, hold in (("held", 1.0, True), ("moves too, alpha 0.1", 0.1, False)):
        rows = [scores(trained(seed, train, alpha, hold), test) for seed in range(SEEDS)]
        print(f"joint net {title}, {SEEDS} seeds, mean ± half range")
        for name in rows[0]:
            values = [row[name] for row in rows]
            half = (max(values) - min(values)) / 2
            print(f"  {name:45} {statistics.mean(values):9.3f} ± {half:.3f}", flush=True)
    times = timed(train)
    plain = times.pop("plain")
    print(f"plain: {1e3 * statistics.median(plain) / BLOCK:.3f} ms a step")
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, plain, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name}: {middle:.3f} of plain [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
