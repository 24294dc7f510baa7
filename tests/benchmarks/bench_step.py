"""Time of one training step of our VAE against the same VAE written plainly in torch.

Run ``python tests/benchmarks/bench_step.py``. Ours is the whole of ``training.fit``: its batches,
checks, history and all. The plain loop shuffles, slices, and calls ``zero_grad``, ``backward`` and
``step``, once with torch's default Adam and once with its fused Adam. Blocks of the three are
interleaved in one process with one thread; the figure is the median over blocks of the ratio of CPU
times, with the quartiles.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from course_lib.models import VAE
from course_lib.training import fit

CASES = {
    "8x8 digits, 64-128-128, z 8": (64, (128, 128), 8, 200),
    "28x28 digits, 784-200-200, z 20": (784, (200, 200), 20, 60),
}
BATCH, BLOCKS = 100, 25


class PlainVAE(nn.Module):
    """What one would write without a library."""

    def __init__(self, x_dim: int, hidden: tuple[int, int], z_dim: int) -> None:
        super().__init__()
        self.e1, self.e2 = nn.Linear(x_dim, hidden[0]), nn.Linear(hidden[0], hidden[1])
        self.mu, self.log_scale = nn.Linear(hidden[1], z_dim), nn.Linear(hidden[1], z_dim)
        self.d1, self.d2 = nn.Linear(z_dim, hidden[1]), nn.Linear(hidden[1], hidden[0])
        self.logits = nn.Linear(hidden[0], x_dim)

    def loss(self, x: Tensor) -> Tensor:
        """Return the batch mean of -ELBO with the closed-form KL."""
        h = relu(self.e2(relu(self.e1(x))))
        mu, log_scale = self.mu(h), self.log_scale(h)
        z = mu + log_scale.exp() * torch.randn_like(mu)
        logits = self.logits(relu(self.d2(relu(self.d1(z)))))
        reconstruction = binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (mu.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum()
        return (reconstruction + kl) / len(x)


def plain_loop(model: PlainVAE, data: Tensor, steps: int, fused: bool | None) -> None:
    """Train for ``steps`` steps, shuffling the data once per pass."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    per_epoch = len(data) // BATCH
    for step in range(steps):
        place = step % per_epoch
        if place == 0:
            order = torch.randperm(len(data))
        loss = model.loss(data[order[place * BATCH : (place + 1) * BATCH]])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def cpu_seconds(action: Callable[[], object]) -> float:
    """Return the CPU time that ``action`` takes in this process."""
    began = time.process_time()
    action()
    return time.process_time() - began


def measure(x_dim: int, hidden: tuple[int, int], z_dim: int, steps: int) -> dict[str, list[float]]:
    """Return for each contender the CPU seconds of each block of ``steps`` steps."""
    data = torch.bernoulli(torch.rand(1437, x_dim))
    ours = VAE.build(x_dim, z_dim, hidden)
    plain, fused = PlainVAE(x_dim, hidden, z_dim), PlainVAE(x_dim, hidden, z_dim)
    contenders = {
        "course_lib": lambda: fit(ours, data, steps=steps, batch_size=BATCH),
        "plain, Adam": lambda: plain_loop(plain, data, steps, None),
        "plain, fused Adam": lambda: plain_loop(fused, data, steps, True),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for block in range(BLOCKS + 2):
        for name, action in contenders.items():
            seconds = cpu_seconds(action)
            if block >= 2:  # the first two blocks warm the caches
                times[name].append(seconds)
    return times


def main() -> None:
    """Print one table a case."""
    torch.set_num_threads(1)
    for title, (x_dim, hidden, z_dim, steps) in CASES.items():
        times = measure(x_dim, hidden, z_dim, steps)
        ours = times.pop("course_lib")
        print(f"{title}: course_lib {1e3 * statistics.median(ours) / steps:.3f} ms a step")
        for name, theirs in times.items():
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"  {name:18} {1e3 * statistics.median(theirs) / steps:.3f} ms a step,"
                f" ratio {middle:.3f} [{low:.3f}, {high:.3f}]"
            )


if __name__ == "__main__":
    main()
