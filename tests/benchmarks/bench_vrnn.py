"""Time of one training step of our VRNN against the same VRNN written plainly in torch.

Run ``python tests/benchmarks/bench_vrnn.py``. Both have the same layers and so the same number of
parameters, which is printed. The plain one does everything inside the loop over time, as one
writes it down from the paper; ours has only the inference net and the recurrence there. Ours is
the whole of ``training.fit``, the plain loop only ``zero_grad``, ``backward`` and ``step`` of
torch's fused Adam. Blocks are interleaved in one process with one thread; the figure is the median
over blocks of the ratio of CPU times, with the quartiles.
"""

from __future__ import annotations

import statistics

import torch
from bench_step import cpu_seconds
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from course_lib.models import VariationalRNN
from course_lib.training import fit

CASES = {
    "rows of 8x8 digits: 8 steps of 8 bits, state 64, z 16": (8, 8, 64, 16, 100, 20),
    "chorales: 60 steps of 88 keys, state 128, z 16": (60, 88, 128, 16, 32, 3),
}
BLOCKS = 15


class PlainVRNN(nn.Module):
    """What one would write without a library: every part called at every step."""

    def __init__(self, x_dim: int, hidden: int, z_dim: int) -> None:
        super().__init__()
        h = hidden
        self.features = nn.Linear(x_dim, h)
        self.prior = nn.Sequential(nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 2 * z_dim))
        self.inference = nn.Sequential(nn.Linear(2 * h, h), nn.ReLU(), nn.Linear(h, 2 * z_dim))
        self.generation = nn.Sequential(nn.Linear(h + z_dim, h), nn.ReLU(), nn.Linear(h, x_dim))
        self.cell, self.hidden = nn.GRUCell(h + z_dim, h), hidden

    def loss(self, x: Tensor) -> Tensor:
        """Return the batch mean of -ELBO, x (batch, time, dim)."""
        h, loss = x.new_zeros(len(x), self.hidden), x.new_zeros(())
        for t in range(x.shape[1]):
            seen = relu(self.features(x[:, t]))
            q_mu, q_log_scale = self.inference(torch.cat((seen, h), 1)).chunk(2, 1)
            p_mu, p_log_scale = self.prior(h).chunk(2, 1)
            z = q_mu + q_log_scale.exp() * torch.randn_like(q_mu)
            logits = self.generation(torch.cat((z, h), 1))
            loss = loss + binary_cross_entropy_with_logits(logits, x[:, t], reduction="sum")
            square = ((q_mu - p_mu) / p_log_scale.exp()).square()
            log_ratio = q_log_scale - p_log_scale
            loss = loss + (0.5 * ((2 * log_ratio).exp() + square - 1) - log_ratio).sum()
            h = self.cell(torch.cat((seen, z), 1), h)
        return loss / len(x)


def plain_loop(model: PlainVRNN, data: Tensor, steps: int, batch: int) -> None:
    """Train for ``steps`` steps."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    for _ in range(steps):
        loss = model.loss(data[torch.randperm(len(data))[:batch]])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def main() -> None:
    """Print one line a case."""
    torch.set_num_threads(1)
    for title, (time, x_dim, hidden, z_dim, batch, steps) in CASES.items():
        data = torch.bernoulli(torch.full((400, time, x_dim), 0.2))
        ours = VariationalRNN.build(x_dim, z_dim, hidden)
        plain = PlainVRNN(x_dim, hidden, z_dim)
        times: tuple[list[float], list[float]] = ([], [])
        for block in range(BLOCKS + 2):
            pair = (
                cpu_seconds(lambda: fit(ours, data, steps=steps, batch_size=batch, progress=False)),  # noqa: B023
                cpu_seconds(lambda: plain_loop(plain, data, steps, batch)),  # noqa: B023
            )
            for record, seconds in zip(times, pair, strict=True):
                record += [seconds] if block >= 2 else []  # the first two blocks warm the caches
        low, middle, high = statistics.quantiles([a / b for a, b in zip(*times, strict=True)], n=4)
        ms = [1e3 * statistics.median(record) / steps for record in times]
        sizes = {sum(p.numel() for p in model.parameters()) for model in (ours, plain)}
        print(
            f"{title} ({sizes} parameters): course_lib {ms[0]:.1f} ms a step, plain {ms[1]:.1f},"
            f" ratio {middle:.3f} [{low:.3f}, {high:.3f}]"
        )


if __name__ == "__main__":
    main()
