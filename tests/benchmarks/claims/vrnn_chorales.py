"""Bach's chorales, 88 keys a step: VAEs of single steps, RNN, VRNN, and the sceptic's control.

Data: ``course_lib.data.chorales``, the standard set (229 / 76 / 77 pieces, 4725 test steps, one a
quarter note), from the file that the environment variable COURSE_CHORALES names. Training pieces
are cut to at most 60 steps; validation chooses the weights; figures are test nats a step, averaged
over all steps of all pieces at full length. Nats of other time grids or keys are other numbers.

Models: state and hidden layers of 128, z = 16, dropout 0.2, batches of 32, a cosine from 0.003 (the
RNN with MADE: from 0.01, at which one VRNN of three lost its z), and the KL's weight rising over
the first 300 steps. The last line of the ladder, an RNN whose 88 outputs see
each other (MADE), has no z: what z repairs is that the RNN's outputs are independent.
"""

from __future__ import annotations

import time

import torch

from claims import Unavailable
from claims._sequences import PlainRNN, all_steps, coins, per_step, train, train_vrnn
from course_lib.data import chorales
from course_lib.models import VAE, VariationalRNN

CLAIM = "Chorales: VAEs of steps < RNN < VRNN with N(0, I) prior < VRNN (slide 9)"
HELD_OUT = "77 test pieces, 4725 steps"
SETTINGS = (
    "Weights by the 76 validation pieces; by them also, with seed 0, the rate of the RNN with "
    "MADE. How the other settings were chosen is not recorded."
)
VERDICT = (
    "holds, with this condition: the outputs of one step are independent given the past; an RNN "
    "whose outputs see each other is ahead of all of them without any z"
)
EVIDENCE = (
    ("importance bound, VAE of single steps", "<", "log p, RNN"),
    ("log p, RNN", "<", "ELBO, VRNN, prior N(0, I)"),
    ("ELBO, VRNN, prior N(0, I)", "<", "ELBO, VRNN"),
    ("filtering bound, VRNN", "<", "log p, RNN with MADE, no z"),
)
HIDDEN, Z, DROPOUT, BATCH, CROP, K = 128, 16, 0.2, 32, 60, 32
STEPS = {"VAE": 1500, "RNN": 1000, "VRNN": 1800}
FIGURES = dict.fromkeys(
    (
        "log p, independent keys",
        "importance bound, VAE of single steps",
        "log p, RNN",
        "log p, RNN with MADE, no z",
        *(
            f"{key}, {name}"
            for name in ("VRNN, prior N(0, I)", "VRNN")
            for key in ("ELBO", "importance bound", "filtering bound", "KL")
        ),
    ),
    "nats per step",
)


def measure(seed: int) -> dict[str, float]:
    """Return exact log p or its bounds for each model of the ladder, floor first.

    Raises:
        Unavailable: if no file with the chorales is named.
    """
    began = time.process_time()
    try:
        data = chorales.load()
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    parts, test = (chorales.crop(data.train, CROP), data.validation), data.test
    steps = [all_steps(part) for part in (data.train, data.validation, test)]
    figures = {
        "log p, independent keys": coins(steps[0], steps[2]),
        "importance bound, VAE of single steps": step_vae(steps, seed),
    }
    for name, autoregressive, rate in (("RNN", False, 3e-3), ("RNN with MADE, no z", True, 1e-2)):
        torch.manual_seed(seed)
        rnn = PlainRNN(chorales.KEYS, HIDDEN, autoregressive, DROPOUT)
        train(rnn, parts, STEPS["RNN"], BATCH, seed, rate)
        figures[f"log p, {name}"] = per_step(rnn.log_prob, test)
    for name, learned in (("VRNN, prior N(0, I)", False), ("VRNN", True)):
        figures |= {f"{key}, {name}": v for key, v in vrnn(learned, parts, test, seed).items()}
    return {**figures, "CPU s": time.process_time() - began}


def step_vae(steps: list[torch.Tensor], seed: int) -> float:
    """Return the importance bound of a VAE that takes every step for a piece of its own."""
    torch.manual_seed(seed)
    vae = VAE.build(chorales.KEYS, Z, (HIDDEN,))
    train(vae, (steps[0], steps[1]), STEPS["VAE"], 200, seed)
    with torch.no_grad():
        return vae.importance_bound(steps[2], K).mean().item()


def vrnn(learned: bool, parts: tuple, test: dict, seed: int) -> dict[str, float]:
    """Return what a trained VRNN says of the test pieces."""
    torch.manual_seed(seed)
    model = VariationalRNN.build(chorales.KEYS, Z, HIDDEN, learned_prior=learned, dropout=DROPOUT)
    train_vrnn(model, 300, parts, STEPS["VRNN"], BATCH, seed)
    bounds = {
        "ELBO": lambda batch: model.elbo(batch, 2).total,
        "importance bound": lambda batch: model.importance_bound(batch, K),
        "filtering bound": lambda batch: model.filtering_bound(batch, K),
        "KL": lambda batch: model.elbo(batch, 2).kl,
    }
    return {name: per_step(bound, test) for name, bound in bounds.items()}
