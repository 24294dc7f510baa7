"""The rows of the 8x8 digits as a sequence: what z_t adds to a recurrent network.

Data: ``course_lib.data.rows``, 1297 / 200 / 300 images, eight rows of eight bits. Every model is
trained on the training part with its best weights on the validation part; figures are of the test
part, in nats an image, so that they stand beside those of any model of whole images. The two plain
RNNs know log p(x) exactly; the VRNNs and the VAE of single rows have an ELBO and bounds of k = 100.

Models: state and hidden layers of 64 (MADE's 256), z = 16, dropout 0.3, 1500 steps of 100 with a
cosine; the KL's weight rises over the first third. "With MADE" lets the bits of a row see those
before them: the sceptic's control, for it repairs by itself what z repairs in the VRNN, namely
that the bits of one row are independent given the past.
"""

from __future__ import annotations

import time

import torch

from claims._sequences import PlainRNN, all_steps, coins, per_step, train, train_vrnn
from course_lib.data import rows
from course_lib.models import VAE, VariationalRNN

CLAIM = "Steps that share a memory and have a z: VRNN beats VAEs of steps and RNN (slide 9)"
HELD_OUT = "300 test images"
SETTINGS = "Weights by the 200 validation images; how the settings were chosen is not recorded."
VERDICT = (
    "holds, with this condition: the bits of one row are independent given the past, and the VRNN "
    "is scored by its importance bound, for its ELBO and the RNN's log p differ by less than the "
    "seeds do; once the bits see each other, z adds little"
)
EVIDENCE = (
    ("importance bound, VAE of single rows", "<", "log p, RNN"),
    ("log p, RNN", "<", "importance bound, VRNN"),
    ("log p, RNN with MADE", ">", "importance bound, VRNN"),
    ("log p, RNN with MADE", "<", "importance bound, VRNN with MADE"),
)
HIDDEN, Z, STEPS, BATCH, K = 64, 16, 1500, 100, 100
DROPOUT = 0.3
FIGURES = dict.fromkeys(
    (
        "log p, independent bits, one coin for all rows",
        "log p, independent bits, a coin for each place",
        "importance bound, VAE of single rows",
        *(
            f"{key}, {name}"
            for made in ("", " with MADE")
            for key, name in (
                ("log p", f"RNN{made}"),
                ("ELBO", f"VRNN{made}"),
                ("importance bound", f"VRNN{made}"),
                ("filtering bound", f"VRNN{made}"),
                ("KL", f"VRNN{made}"),
            )
        ),
    ),
    "nats per image",
)


def measure(seed: int) -> dict[str, float]:
    """Return exact log p or its bounds for each model, floors first."""
    began = time.process_time()
    data = rows.load()
    parts, test = (data.train, data.validation), data.test
    torch.manual_seed(seed)
    vae = train(VAE.build(8, 4, (HIDDEN,)), tuple(all_steps(p) for p in parts), 1500, 200, seed)
    test_rows = all_steps(test)
    with torch.no_grad():
        alone = 8 * vae.importance_bound(test_rows, K).mean().item()
    figures = {
        "log p, independent bits, one coin for all rows": 8
        * coins(all_steps(data.train), test_rows),
        "log p, independent bits, a coin for each place": coins(
            data.train["x"].flatten(1), test["x"].flatten(1)
        ),
        "importance bound, VAE of single rows": alone,
    }
    for kind, name in (("bernoulli", ""), ("autoregressive", " with MADE")):
        torch.manual_seed(seed)
        rnn = PlainRNN(8, HIDDEN, kind == "autoregressive", DROPOUT)
        train(rnn, parts, STEPS, BATCH, seed)
        figures[f"log p, RNN{name}"] = 8 * per_step(rnn.log_prob, test)
        figures |= {f"{key}, VRNN{name}": v for key, v in vrnn(kind, parts, test, seed).items()}
    return {**figures, "CPU s": time.process_time() - began}


def vrnn(kind: str, parts: tuple, test: dict[str, torch.Tensor], seed: int) -> dict[str, float]:
    """Return what a trained VRNN says of the test images, each figure an average over them."""
    torch.manual_seed(seed)
    model = VariationalRNN.build(8, Z, HIDDEN, kind, dropout=DROPOUT)
    train_vrnn(model, STEPS // 3, parts, STEPS, BATCH, seed)
    found = {
        "ELBO": lambda batch: model.elbo(batch, 20).total,
        "importance bound": lambda batch: model.importance_bound(batch, K),
        "filtering bound": lambda batch: model.filtering_bound(batch, K),
        "KL": lambda batch: model.elbo(batch, 20).kl,
    }
    return {name: 8 * per_step(bound, test) for name, bound in found.items()}
