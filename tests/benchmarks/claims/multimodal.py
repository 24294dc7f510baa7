"""Two views of a digit, in black and white and in colour: what one tells about the other.

Data: ``course_lib.data.pairs``, 1297 to train, 300 to test. At stay = 0.7 the hue is the digit's
own in 70 % of the pairs, so in draws from q(z|grey) its frequency should be near 0.70; at stay =
0.1 hue and digit are independent, so the entropy of the hues drawn for one digit should be that of
50 even draws from ten (the ceiling; the average within one image is plug-in, hence below log 10).
A hue is read off the mean of p(colour|z), z ~ q(z|grey), without training anything.

Model: z = 16, one hidden layer of 256, Bernoulli grey and Gaussian colour (48 values with noise of
standard deviation 0.05, so that log p(colour) cannot exceed 75.7 nats), 1200 steps of 100 (1500
where q(z|x_m) is a flow of three MAF layers), noise of 0.1 on the encoders' inputs in training.
Forward and reverse tie leave q(z|x1,x2) alone: their joint models are the same to the last bit,
and only the nets of one view differ. All bounds have k = 100; a difference of two bounds is none,
and is flattered by a poor q(z|grey), whose bound it subtracts.
"""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal
from torch.nn.functional import avg_pool2d, one_hot

from course_lib.data import digits, pairs
from course_lib.distributions import (
    AffineAutoregressive,
    ConcatNetwork,
    ConditionalGaussian,
    Flow,
    mlp,
)
from course_lib.evaluation import Estimate, mean_and_error
from course_lib.models import MultimodalVAE
from course_lib.models.multimodal_vae import jmvae_objective
from course_lib.training import cosine, fit

CLAIM = "A VAE learns p(x1,x2); q(z|x1) keeps what x1 does not tell (slide 8)"
HELD_OUT = "300 test pairs"
SETTINGS = (
    "Chosen on validation: the weight decay, which --choose scores by log p(colour | grey) of the"
    " forward tie; steps and input noise were tried there, too. Not recorded: the rest."
)
VERDICT = (
    "holds, with this condition: the net of one view is fitted by the forward tie or is a product "
    "of experts; the reverse tie settles on a few of the hues that x1 leaves open"
)
EVIDENCE = (
    ("hue entropy, reverse tie", "<", "hue entropy, forward tie"),
    ("hue entropy, forward tie, flows", ">", "hue entropy, forward tie"),
    ("hue entropy, product", ">", "hue entropy, reverse tie"),
    ("log p(colour | grey) of draws, forward tie", ">", "log p(colour | grey), one Gaussian"),
    ("log p(colour | grey) of draws, product", ">", "log p(colour | grey), one Gaussian"),
    ("log p(colour | grey), ceiling", ">", "log p(colour | grey) of draws, forward tie, flows"),
)
SHAPES = {"grey": (1, 8, 8), "colour": (3, 4, 4)}
KINDS = {"grey": "bernoulli", "colour": "gaussian"}
Z, HIDDEN, DRAWS, K = 16, 256, 50, 100
STEPS = {"forward tie": 1200, "reverse tie": 1200, "forward tie, flows": 1500, "product": 1200}
NOISE = 0.1
CHOICES, CHOSEN = (0.0, 0.3, 1.0, 3.0), 1.0  # weight decay
KINDS_OF_INFERENCE = tuple(STEPS)
FIGURES = (
    dict.fromkeys((f"hue entropy, {kind}" for kind in ("ceiling", *KINDS_OF_INFERENCE)), "nats")
    | {"class hue frequency, test data": "share of pairs"}
    | {f"class hue frequency, {kind}": "share of draws" for kind in KINDS_OF_INFERENCE}
    | dict.fromkeys(
        (
            "log p(colour), one Gaussian",
            "log p(colour | grey), one Gaussian",
            "log p(colour | grey), ceiling",
        ),
        "nats per pair",
    )
    | {
        f"{name}, {kind}": "nats per pair"
        for kind in KINDS_OF_INFERENCE
        for name in (
            "log p(grey, colour)",
            "log p(colour)",
            "log p(colour | grey) of draws",
            "L(colour, grey) - L(grey)",
            "log p(grey)",
            "log p(grey | colour) of draws",
            "L(grey, colour) - L(colour)",
        )
    }
)


def measure(seed: int) -> dict[str, Estimate | float]:
    """Return hue entropies, hue frequencies and log-likelihoods both ways, with their floors."""
    began = time.process_time()
    free = pairs.load(0.1)
    figures = {"hue entropy, ceiling": ceiling(seed)}
    for kind in ("forward tie", "reverse tie", "product", "forward tie, flows"):
        model = trained(kind, free.train, seed)
        figures[f"hue entropy, {kind}"] = hue_entropy(drawn_hues(model, free.test))
    tied = pairs.load(0.7)
    share = (tied.test.hue == tied.test.label).float().mean().item()
    figures["class hue frequency, test data"] = share
    figures |= gaussian_floor(tied)
    figures["log p(colour | grey), ceiling"] = mean_and_error(ceiling_given_grey(tied.test, 0.7))
    for kind in ("forward tie", "reverse tie", "product", "forward tie, flows"):
        model = trained(kind, tied.train, seed)
        hues = drawn_hues(model, tied.test)
        frequency = (hues == tied.test.label).float().mean().item()
        figures[f"class hue frequency, {kind}"] = frequency
        figures |= {f"{name}, {kind}": value for name, value in scores(model, tied.test).items()}
    return {**figures, "CPU s": time.process_time() - began}


def validation_score(weight_decay: float) -> float:
    """Return minus log p(colour | grey) of the forward tie's draws, validation, three seeds."""
    cut, scores = pairs.load(0.7), []
    for seed in range(3):
        model = trained("forward tie", cut.train, seed, weight_decay)
        with torch.no_grad():
            scores.append(-model.conditional_bound(cut.validation.x, ["grey"], K).mean().item())
    return sum(scores) / len(scores)


def trained(
    kind: str, train: pairs.Pairs, seed: int, weight_decay: float = CHOSEN
) -> MultimodalVAE:
    """Return a model of this kind after its steps."""
    torch.manual_seed(seed)
    inference = "product" if kind == "product" else "nets"
    objective = partial(jmvae_objective, direction="reverse") if kind == "reverse tie" else None
    options = {"inference": inference, "objective": objective, "input_noise": NOISE}
    model = MultimodalVAE.build(SHAPES, Z, (HIDDEN,), KINDS, **options)
    if kind == "forward tie, flows":
        for name, size in (("grey", 64), ("colour", 48)):
            model.posterior.nets[name] = flow_net(name, size)
    rate = cosine(3e-3, STEPS[kind])
    options = {"steps": STEPS[kind], "learning_rate": rate, "weight_decay": weight_decay}
    fit(model, train.x, **options, seed=seed, progress=False)
    return model.eval()


def flow_net(name: str, size: int, width: int = 128) -> Flow:
    """Return a q(z|x_m) that can have more than one peak: three MAF layers given x_m."""
    trunk = nn.Sequential(ConcatNetwork([name], mlp(size, (width,), width)), nn.ReLU())
    order = torch.arange(Z)
    orders = (order, order.flip(0), order)
    maps = [AffineAutoregressive(Z, (64,), context_dim=width, order=o) for o in orders]
    return Flow(ConditionalGaussian(nn.Linear(width, 2 * Z), Z), maps, trunk)


@torch.no_grad()
def drawn_hues(model: MultimodalVAE, test: pairs.Pairs) -> Tensor:
    """Return the hue of each of 50 draws for each digit: (draws, n)."""
    z = model.posterior({"grey": test.x["grey"]}).sample((DRAWS,))
    return pairs.hue_of(model.likelihood.of(["colour"])(z).mean["colour"])


def hue_entropy(hues: Tensor) -> float:
    """Return the mean over digits of the plug-in entropy of their drawn hues, in nats."""
    frequency = one_hot(hues, pairs.HUES).float().mean(0)
    return -torch.special.xlogy(frequency, frequency).sum(-1).mean().item()


def ceiling(seed: int) -> float:
    """Return what the plug-in entropy of 50 even draws is on average."""
    generator = torch.Generator().manual_seed(seed)
    return hue_entropy(torch.randint(pairs.HUES, (DRAWS, 20_000), generator=generator))


@torch.no_grad()
def scores(model: MultimodalVAE, test: pairs.Pairs) -> dict[str, Estimate]:
    """Return bounds on log p: joint, each view alone, and each view given the other."""
    x = test.x
    found = {"log p(grey, colour)": model.importance_bound(x, K)}
    for given, other in (("grey", "colour"), ("colour", "grey")):
        found[f"log p({other})"] = model.importance_bound({other: x[other]}, K)
        found[f"log p({other} | {given}) of draws"] = model.conditional_bound(x, [given], K)
        # an estimate, no bound: the difference of two bounds
        found[f"L({other}, {given}) - L({given})"] = model.conditional_estimate(x, [given], K)
    return {name: mean_and_error(value) for name, value in found.items()}


def gaussian_floor(cut: pairs.PairSplits) -> dict[str, Estimate]:
    """Return log p(colour), alone and given grey, of one Gaussian over both (ridge 0.01)."""
    train, test = (
        torch.cat([part.x[m].flatten(1) for m in SHAPES], 1).double()
        for part in (cut.train, cut.test)
    )
    covariance = torch.cov(train.T) + 0.01 * torch.diag(torch.arange(112) < 64).double()
    both, alone = test - train.mean(0), covariance[64:, 64:]
    slope = torch.linalg.solve(covariance[:64, :64], covariance[:64, 64:]).T
    left = both[:, 64:] - both[:, :64] @ slope.T
    zero, conditional = torch.zeros(48).double(), alone - slope @ covariance[:64, 64:]
    return {
        "log p(colour), one Gaussian": _mean_log_prob(zero, alone, both[:, 64:]),
        "log p(colour | grey), one Gaussian": _mean_log_prob(zero, conditional, left),
    }


def ceiling_given_grey(part: pairs.Pairs, stay: float) -> Tensor:
    """Return log p(colour | thumbnail, class): all is known but the hue and the noise."""
    thumbnail = avg_pool2d(digits.load("grey").test.x / 16, 2)
    means = pairs.palette()[:, :, None, None] * thumbnail[:, None]  # (n, 10, 3, 4, 4)
    log_each = Normal(means, pairs.NOISE).log_prob(part.x["colour"][:, None]).sum((2, 3, 4))
    own = one_hot(part.label, pairs.HUES)
    return (log_each + torch.where(own > 0, stay, (1 - stay) / 9).log()).logsumexp(1)


def _mean_log_prob(mean: Tensor, covariance: Tensor, x: Tensor) -> Estimate:
    return mean_and_error(MultivariateNormal(mean, covariance).log_prob(x))
