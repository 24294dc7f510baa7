"""Bach's chorales: what a latent adds to a memory once the 88 keys of a step see each other.

Data and units are those of ``vrnn_chorales``: test nats a step over all steps of all pieces at full
length, one step a quarter note. Both models have a state of 128 and the same output, a MADE of 512
hidden units in which a key sees the keys below it, given the state alone or the state and z of 16.
The RNN's log p is exact; of the VRNN there are an ELBO and bounds of 32 paths. Dropout 0.2, batches
of 32 pieces of at most 60 steps, 1200 steps with a cosine from 0.01; the KL's weight rises over the
first 300.
"""

from __future__ import annotations

import time

import torch

from claims import Unavailable
from claims._sequences import PlainRNN, per_step, train, train_vrnn
from course_lib.data import chorales
from course_lib.models import VariationalRNN

CLAIM = "Chorales: a latent adds to a memory whose outputs see each other (slide 9)"
HELD_OUT = "77 test pieces, 4725 steps"
SETTINGS = (
    "Weights by the 76 validation pieces; by them also, with seed 0, the rate and the dropout of "
    "the RNN and the steps of the VRNN, which both models share."
)
VERDICT = (
    "not shown here, because the VRNN's tightest bound and the RNN's log p differ by less than "
    "another seed changes the VRNN; the VRNN's ELBO is lower in the mean, not with every seed"
)
EVIDENCE = (
    ("ELBO, VRNN with MADE", "<", "importance bound, VRNN with MADE"),
    ("importance bound, VRNN with MADE", "<", "filtering bound, VRNN with MADE"),
)
HIDDEN, Z, DROPOUT, BATCH, CROP, K = 128, 16, 0.2, 32, 60, 32
STEPS, RATE, WARM_UP = 1200, 1e-2, 300
FIGURES = dict.fromkeys(
    (
        "log p, RNN with MADE, no z",
        *(
            f"{key}, VRNN with MADE"
            for key in ("ELBO", "importance bound", "filtering bound", "KL")
        ),
    ),
    "nats per step",
)


def measure(seed: int) -> dict[str, float]:
    """Return exact log p of the RNN, and what is known of the VRNN.

    Raises:
        Unavailable: if no file with the chorales is named.
    """
    began = time.process_time()
    try:
        data = chorales.load()
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    settings = ((chorales.crop(data.train, CROP), data.validation), STEPS, BATCH, seed, RATE)
    torch.manual_seed(seed)
    rnn = train(PlainRNN(chorales.KEYS, HIDDEN, True, DROPOUT), *settings)
    torch.manual_seed(seed)
    model = VariationalRNN.build(chorales.KEYS, Z, HIDDEN, "autoregressive", dropout=DROPOUT)
    train_vrnn(model, WARM_UP, *settings)
    bounds = {
        "log p, RNN with MADE, no z": rnn.log_prob,
        "ELBO, VRNN with MADE": lambda batch: model.elbo(batch, 2).total,
        "importance bound, VRNN with MADE": lambda batch: model.importance_bound(batch, K),
        "filtering bound, VRNN with MADE": lambda batch: model.filtering_bound(batch, K),
        "KL, VRNN with MADE": lambda batch: model.elbo(batch, 2).kl,
    }
    figures = {name: per_step(bound, data.test) for name, bound in bounds.items()}
    return {**figures, "CPU s": time.process_time() - began}
