"""The recipe by which the leaderboard's models and the reader's are trained and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.data.splits import Splits
from course_lib.evaluation import Row, relative_costs, score
from course_lib.models import VAE, PixelCNN, combine
from course_lib.models.combine import COMPARISONS, LIKELIHOODS, POSTERIORS, PRIORS
from course_lib.training import cosine, fit

__all__ = ["BUDGET", "COURSE", "MENUS", "build", "options", "pixelcnn", "row_of", "title", "train"]

X_SHAPE, Z_DIM, HIDDEN = (1, 8, 8), 8, (128,)
BUDGET, BATCH, RATE = 1000, 100, 2e-3  # steps, images per step, initial learning rate
MENUS = {
    "prior": PRIORS,
    "likelihood": LIKELIHOODS,
    "posterior": POSTERIORS,
    "comparison": COMPARISONS,
}
WEIGHTS: dict[str, dict[str, float]] = {
    "kl": {},
    "beta": {"beta": 3.0},
    "jsd_x": {"weight": 10.0},
    "jsd_z": {"weight": 10.0},
    "mmd": {"alpha": 0.7, "lambda_": 150.0},
}
COURSE: dict[str, dict[str, str]] = {
    "VAE": {},
    "VAE, IAF posterior": {"posterior": "iaf"},
    "VAE, MAF prior": {"prior": "autoregressive"},
    "PixelVAE": {"likelihood": "pixelcnn"},
    "beta-VAE": {"comparison": "beta"},
    "InfoVAE": {"comparison": "mmd"},
    "AAE": {"comparison": "jsd_z"},
    "VAE + GAN": {"comparison": "jsd_x"},
}
SHORT = {
    "autoregressive": "MAF prior",
    "pixelcnn": "PixelCNN",
    "planar": "planar posterior",
    "iaf": "IAF posterior",
    "beta": "beta KL",
    "jsd_x": "JSD in x",
    "jsd_z": "JSD in z",
    "mmd": "MMD",
}


def options(choices: Mapping[str, str], steps: int) -> dict[str, float]:
    """Return the options of ``combine``: the weights of the comparison, and a PixelCNN's warm-up.

    Args:
        choices: the chosen key of each menu, by the menu's name; the first key of a menu left out.
        steps: the budget: the KL of a PixelCNN likelihood is warmed up over a third of it.
    """
    warm_up = {"warm_up": steps // 3} if choices.get("likelihood") == "pixelcnn" else {}
    return WEIGHTS[choices.get("comparison", "kl")] | warm_up


def build(choices: Mapping[str, str], steps: int = BUDGET, seed: int = 0) -> VAE:
    """Return the untrained model of these choices, with the leaderboard's layer sizes.

    Args:
        choices: as for ``options``.
        steps: the number of steps it will be trained for.
        seed: of the initial weights; the global random state is left as it was.

    Raises:
        ValueError: if the combination cannot be trained by gradients, or a name is unknown.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return combine(X_SHAPE, Z_DIM, HIDDEN, **choices, **options(choices, steps))


def pixelcnn(seed: int = 0) -> PixelCNN:
    """Return the untrained model without a latent: PixelVAE's two-layer likelihood network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PixelCNN.build(X_SHAPE, 16, 2, half_width=1, dropout=0.2)


def train(
    model: nn.Module,
    splits: Splits,
    steps: int = BUDGET,
    seed: int = 0,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    stop_if: Callable[[int], bool] | None = None,
) -> nn.Module:
    """Train a model for the budget, without early stopping, and return it.

    Raises:
        Stopped: if ``stop_if`` or Ctrl-C stopped it; with ``checkpoint`` it can be resumed.
    """
    fit(
        model,
        splits.train.x,
        steps=steps,
        batch_size=BATCH,
        learning_rate=cosine(RATE, steps),
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
        stop_if=stop_if,
    )
    return model


def row_of(model: VAE, choices: Mapping[str, str], splits: Splits, steps: int, seed: int) -> Row:
    """Return the leaderboard's row of a trained model; its costs are relative to a plain VAE."""
    found = score(model, splits.test.x, splits.train.x, seed=seed)
    both = {"VAE": build({}, steps, seed), "this": model}
    cost = relative_costs(both, splits.train.x[:BATCH], base="VAE")["this"]
    words = ", ".join(f"{name} {key}" for name, key in _all(choices).items())
    return Row(title(choices, steps, seed), found, cost, f"{words}; {steps} steps; seed {seed}")


def title(choices: Mapping[str, str], steps: int = BUDGET, seed: int = 0) -> str:
    """Return the name of the reader's model in the leaderboard.

    Example:
        >>> title({"prior": "autoregressive", "posterior": "iaf"}, 500)
        'mine: MAF prior, IAF posterior (500)'
    """
    parts = [SHORT[key] for key in _all(choices).values() if key in SHORT]
    budget = [str(steps)] * (steps != BUDGET) + [f"seed {seed}"] * (seed != 0)
    said = ", ".join(parts) or "plain VAE"
    return f"mine: {said}" + (f" ({', '.join(budget)})" if budget else "")


def _all(choices: Mapping[str, str]) -> dict[str, Any]:
    return {name: choices.get(name, next(iter(keys))) for name, keys in MENUS.items()}
