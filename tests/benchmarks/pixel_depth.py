"""Train the models behind the depth slider of lecture 3 and write what the package ships of them.

python tests/benchmarks/pixel_depth.py [--seeds 2]

For 0 to 4 autoregressive layers: PixelVAE and its twin, the same net with z := 0, at the size and
budget of ``claims/pixelvae_parents``. Kept are the importance bound, KL, I_q and shares of variance
of the PixelVAE, the exact -log p of the twin, and a few sample images of the first seed, as bits.
Every trained point is stored under results/: an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmarks")]

from claims.pixelvae_parents import build, train  # noqa: E402

from course_lib.data import digits  # noqa: E402
from course_lib.evaluation import evaluate, information_terms, variance_shares  # noqa: E402
from course_lib.models import PixelCNN, PixelVAE  # noqa: E402

DEPTHS = (0, 1, 2, 3, 4)
SHIPPED = ROOT / "course_lib" / "figures" / "pixel_vae" / "depth.json"
RESULTS = ROOT / "results" / "pixel_depth"
ROWS, COLUMNS = 4, 8


def twin(layers: int, seed: int) -> float:
    """Return the exact held-out -log p of the net with z := 0, in nats per image."""
    data = digits.load()
    torch.manual_seed(seed)
    model = train(PixelCNN(build(layers).likelihood), data, seed)
    with torch.no_grad():
        return -model.log_prob(data.test.x).mean().item()


@torch.no_grad()
def pairs(model: PixelVAE, rows: int, columns: int) -> Tensor:
    """Return the images of every z with every noise: (rows, columns, 1, 8, 8)."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z = model.prior().sample((rows,))
    noise = torch.rand(columns, 1, 1, 8, 8, generator=generator).expand(-1, rows, -1, -1, -1)
    return model.likelihood(z).sample_from(noise).transpose(0, 1)


def point(layers: int, seed: int) -> dict[str, Any]:
    """Return all figures of one depth and one seed."""
    data = digits.load()
    torch.manual_seed(seed)
    model = train(build(layers), data, seed)
    result = evaluate(model, data.test.x, k=300, batch_size=25)
    shares = variance_shares(pairs(model, 64, 64))
    return {
        "bound": -result.importance_bound.mean().item(),
        "kl": result.kl.mean().item(),
        "information": information_terms(model, data.train.x).information.value,
        "shares": list(shares),
        "twin": twin(layers, seed),
        "samples": "".join(str(int(bit)) for bit in pairs(model, ROWS, COLUMNS).flatten()),
    }


def stored(layers: int, seed: int) -> dict[str, Any]:
    """Return the figures of one point, from its file if it was measured before."""
    path = RESULTS / f"{layers}-{seed}.json"
    if not path.exists():
        print(f"{layers} layers, seed {seed}", file=sys.stderr, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(point(layers, seed)))
    return json.loads(path.read_text())


def pack(points: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what is shipped: rounded figures of all seeds, and one seed's samples in hex."""
    depths = {}
    for layers, seeds in points.items():
        bits = seeds[0]["samples"]
        figures = {
            key: [round(seed[key], 3) for seed in seeds]
            for key in ("bound", "kl", "information", "twin")
        }
        figures["shares"] = [[round(share, 3) for share in seed["shares"]] for seed in seeds]
        depths[str(layers)] = figures | {"samples": f"{int(bits, 2):0{len(bits) // 4}x}"}
    return {"rows": ROWS, "columns": COLUMNS, "depths": depths}


def main() -> None:
    """Train what is missing and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    found = {(layers, seed): stored(layers, seed) for seed in seeds for layers in DEPTHS}
    points = {layers: [found[layers, seed] for seed in seeds] for layers in DEPTHS}
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    SHIPPED.write_text(json.dumps(pack(points), indent=1) + "\n")


if __name__ == "__main__":
    main()
