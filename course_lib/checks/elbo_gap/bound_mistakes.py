"""The ELBO as it is written by those who slip, and what to tell them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from course_lib.checks.exercise import Mistake

__all__ = ["ELBO", "MISTAKES", "Pieces"]

ELBO = "ELBO = E_q[log p(x|z)] - KL(q(z|x), p(z))   (slide 6)"
PIXELS = "pixels are independent given z: their logs add up   (slide 3)"

Pieces = tuple[Tensor, Tensor, Tensor]


def _log_pixels(x: Tensor, logits: Tensor) -> Tensor:
    return -binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1)


def _kl_terms(mu: Tensor, log_scale: Tensor) -> Tensor:
    return 0.5 * ((2 * log_scale).exp() + mu**2 - 1) - log_scale


def _pieces(reconstruction: Tensor, kl: Tensor, sign: float = -1.0) -> Pieces:
    return reconstruction + sign * kl, reconstruction, kl


def _elbo_with(
    reconstruction: Callable[[Tensor, Tensor], Tensor] = lambda x, logits: _log_pixels(
        x, logits
    ).sum(1),
    kl: Callable[[Tensor, Tensor], Tensor] = lambda mu, s: _kl_terms(mu, s).sum(1),
    combine: Callable[[Tensor, Tensor], Pieces] = _pieces,
) -> Callable[..., Pieces]:
    """Return an elbo in which one piece is replaced by a wrong one."""
    return lambda x, logits, mu, s: combine(reconstruction(x, logits), kl(mu, s))


def _naive_log_pixels(x: Tensor, logits: Tensor) -> Tensor:
    p = logits.sigmoid().flatten(1)
    return torch.where(x.flatten(1) > 0.5, p.log(), (1 - p).log())


MISTAKES = (
    Mistake(
        "the KL is added, not subtracted.",
        "q pays for leaving the prior:\n" + ELBO,
        "total = reconstruction - kl",
        _elbo_with(combine=lambda r, kl: (r + kl, r, kl)),
    ),
    Mistake(
        "total is the loss, the negative of the ELBO.",
        "elbo is the bound; a loss is its negative   (slide 6)",
        "return the bound; the training loop changes the sign",
        _elbo_with(combine=lambda r, kl: (kl - r, r, kl)),
    ),
    Mistake(
        "reconstruction has the wrong sign.",
        "log p(x|z) of pixels is never positive; a cross-entropy is its negative",
        "binary_cross_entropy_with_logits returns -log p(x|z)",
        _elbo_with(lambda x, logits: -_log_pixels(x, logits).sum(1)),
    ),
    Mistake(
        "everything has the sign of a loss.",
        "elbo is the bound, log p(x|z) <= 0 and total = reconstruction - kl",
        "binary_cross_entropy_with_logits returns -log p(x|z)",
        _elbo_with(
            lambda x, logits: -_log_pixels(x, logits).sum(1), combine=lambda r, kl: (r + kl, r, kl)
        ),
    ),
    Mistake(
        "kl has the wrong sign.",
        "a KL is never negative   (slide 6)",
        "return the KL itself and subtract it in total",
        _elbo_with(kl=lambda mu, s: -_kl_terms(mu, s).sum(1)),
    ),
    Mistake(
        "kl is returned as -KL.",
        "a KL is never negative; total = reconstruction - kl   (slide 6)",
        "return the KL itself and subtract it in total",
        _elbo_with(combine=lambda r, kl: (r - kl, r, -kl)),
    ),
    Mistake(
        "reconstruction averages over the pixels.",
        PIXELS + "; a mean makes the KL h*w times too heavy",
        "sum over channel, height and width",
        _elbo_with(lambda x, logits: _log_pixels(x, logits).mean(1)),
    ),
    Mistake(
        "reconstruction sums over the batch as well.",
        "one number an image: (batch, 1, h, w) -> (batch,)",
        "flatten(1), then sum over the last dimension",
        _elbo_with(lambda x, logits: _log_pixels(x, logits).sum()),
    ),
    Mistake(
        "reconstruction averages over batch and pixels.",
        "one number an image, a sum over its pixels   (slide 3)",
        'binary_cross_entropy_with_logits has reduction="mean" by default',
        _elbo_with(lambda x, logits: _log_pixels(x, logits).mean()),
    ),
    Mistake(
        "the sigmoid is applied twice.",
        "logits are log-odds; the _with_logits functions apply the sigmoid",
        "pass the logits as they come",
        _elbo_with(lambda x, logits: _log_pixels(x, logits.sigmoid()).sum(1)),
    ),
    Mistake(
        "the log is taken of a rounded probability.",
        "sigmoid(40) rounds to 1, and log(1 - 1) is -infinity",
        "use logits directly: log p = x l - log(1 + exp(l))",
        _elbo_with(lambda x, logits: _naive_log_pixels(x, logits).sum(1)),
    ),
    Mistake(
        "the log is taken of a rounded probability.",
        "sigmoid(40) rounds to 1;\nbinary_cross_entropy then cuts the log at -100",
        "use binary_cross_entropy_with_logits",
        _elbo_with(
            lambda x, logits: (
                -binary_cross_entropy(logits.sigmoid(), x, reduction="none").flatten(1).sum(1)
            )
        ),
    ),
    Mistake(
        "only the pixels that are 1 count.",
        "log p(x|z) = sum x log p + (1 - x) log(1 - p)   (slide 3)",
        "what does a pixel that is 0 contribute?",
        _elbo_with(lambda x, logits: (x.flatten(1) * _log_pixels(x, logits)).sum(1)),
    ),
    Mistake(
        "reconstruction is a squared error.",
        "binary pixels have a Bernoulli likelihood, not a Gaussian   (slide 3)",
        "log p = x l - log(1 + exp(l)) for logits l",
        _elbo_with(lambda x, logits: -(x - logits.sigmoid()).square().flatten(1).sum(1)),
    ),
    Mistake(
        "x and logits are exchanged.",
        "binary_cross_entropy_with_logits(input=logits, target=x)",
        "look at the order of its arguments",
        _elbo_with(lambda x, logits: _log_pixels(logits, x).sum(1)),
    ),
    Mistake(
        "kl averages over dim instead of summing.",
        "dimensions of z are independent under q and p: their KLs add up",
        "sum over the last dimension",
        _elbo_with(kl=lambda mu, s: _kl_terms(mu, s).mean(1)),
    ),
    Mistake(
        "kl sums over the batch as well.",
        "one number an image: (batch, dim) -> (batch,)",
        "name the dimension: .sum(-1)",
        _elbo_with(kl=lambda mu, s: _kl_terms(mu, s).sum()),
    ),
    Mistake(
        "kl takes log_scale for the log variance.",
        "log_scale is the log of the standard deviation s: s^2 = exp(2 log_scale)",
        "look at every place where log_scale occurs",
        _elbo_with(kl=lambda mu, s: _kl_terms(mu, s / 2).sum(1)),
    ),
    Mistake(
        "kl has its two distributions swapped.",
        "the ELBO holds KL(q(z|x), p(z)), an average over q   (slide 6)",
        "KL(q, N(0, I)) = 1/2 sum(s^2 + mu^2 - 1) - sum log s",
        _elbo_with(kl=lambda mu, s: (0.5 * ((-2 * s).exp() * (1 + mu**2) - 1) + s).sum(1)),
    ),
    Mistake(
        "the results are in another order.",
        "the docstring: (total, reconstruction, kl)",
        "reorder what is returned",
        _elbo_with(combine=lambda r, kl: (r, kl, r - kl)),
    ),
    Mistake(
        "the results are in another order.",
        "the docstring: (total, reconstruction, kl)",
        "reorder what is returned",
        _elbo_with(combine=lambda r, kl: (r - kl, kl, r)),
    ),
)
