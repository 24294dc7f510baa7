"""Trains the small VRNN behind the explorable of lecture 5 and packs it: half a minute on one core.

``python tests/benchmarks/grids/variational_rnn.py`` writes
``course_lib/figures/variational_rnn/trained.npz``: the four matrices of a VRNN with a
two-dimensional z, trained on the rows of the 8x8 digits with the weight of the KL rising over the
first 600 steps, and ten test digits, one of each class.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from course_lib.data import digits, rows
from course_lib.figures.variational_rnn.linear import Weights, first_state, gaussian_kl, vrnn_step
from course_lib.models.warm_up import WarmUp
from course_lib.training import cosine, fit

TARGET = Path(__file__).parents[3] / "course_lib/figures/variational_rnn/trained.npz"
X, Z, STATE, STEPS, BATCH, RATE = 8, 2, 48, 2000, 100, 1e-2


class SmallVRNN(nn.Module):
    """Four matrices and the ELBO of slide 9."""

    def __init__(self) -> None:
        super().__init__()
        shapes = (2 * Z, STATE), (2 * Z, X + STATE), (X, Z + STATE), (STATE, X + Z + STATE)
        for name, (rows_, columns) in zip(Weights._fields, shapes, strict=True):
            start = 0.5 * torch.randn(rows_, columns) / columns**0.5
            setattr(self, name, nn.Parameter(start))
        self.warm_up = WarmUp(600)

    @property
    def weights(self) -> Weights:
        """The four matrices."""
        return Weights(*(getattr(self, name) for name in Weights._fields))

    def elbo(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return reconstruction and KL of each sequence, (batch,) each."""
        h, reconstruction, kl = first_state(len(x), self.weights), 0.0, 0.0
        for row in x.unbind(1):
            prior, posterior, _, logits, h = vrnn_step(
                row, h, torch.randn(len(x), Z), *self.weights
            )
            loss = binary_cross_entropy_with_logits(logits, row, reduction="none")
            reconstruction = reconstruction - loss.sum(1)
            kl = kl + gaussian_kl(posterior, prior)
        return reconstruction, kl

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the batch mean of weight * KL - reconstruction."""
        reconstruction, kl = self.elbo(batch["x"])
        return {"model": (self.warm_up() * kl - reconstruction).mean()}


def train(steps: int) -> SmallVRNN:
    """Return the model after so many steps, with the best weights on the validation part."""
    data = rows.load()
    torch.manual_seed(0)
    model = SmallVRNN()
    options = {"batch_size": BATCH, "learning_rate": cosine(RATE, STEPS), "progress": False}
    fit(model, data.train, steps=steps, validation=data.validation, record_every=50, **options)
    return model.eval()


def one_of_each() -> np.ndarray:
    """Return a test digit of each class: (10, 8, 8) zeros and ones."""
    test = digits.load().test
    first = [int((test.label == label).nonzero()[0]) for label in range(10)]
    return test.x[first, 0].numpy().astype(np.uint8)


if __name__ == "__main__":
    torch.set_num_threads(1)
    model, test = train(STEPS), rows.load().test["x"].repeat(20, 1, 1)
    with torch.no_grad():
        reconstruction, kl = (float(part.mean()) for part in model.elbo(test))
    matrices = {n: w.detach().numpy() for n, w in model.weights._asdict().items()}
    np.savez_compressed(TARGET, **matrices, x=one_of_each())
    print(f"ELBO {reconstruction - kl:.2f}, KL {kl:.2f} nats per test image")
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")
