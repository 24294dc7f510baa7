"""Check of the ELBO of binary images: its two pieces, their signs, and what they sum over."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.exercise import Case, Draw, Mistake, Problem, examine
from course_lib.checks.report import Established

__all__ = ["elbo"]

ELBO = "ELBO = E_q[log p(x|z)] - KL(q(z|x), p(z))   (slide 6)"
PIXELS = "pixels are independent given z: their logs add up   (slide 3)"
GRADIENT = (
    "torch.autograd.grad(elbo(x, logits.requires_grad_(), mu.requires_grad_(), log_scale)[0].sum(),"
    " [logits, mu], materialize_grads=True)"
)
IS_DIFFERENTIABLE = (
    "elbo(x, logits.requires_grad_(), mu.requires_grad_(), log_scale)[0].requires_grad"
)

Pieces = tuple[Tensor, Tensor, Tensor]


def _log_pixels(x: Tensor, logits: Tensor) -> Tensor:
    return -binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1)


def _kl_terms(mu: Tensor, log_scale: Tensor) -> Tensor:
    return 0.5 * ((2 * log_scale).exp() + mu**2 - 1) - log_scale


def _pieces(reconstruction: Tensor, kl: Tensor, sign: float = -1.0) -> Pieces:
    return reconstruction + sign * kl, reconstruction, kl


def _right(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor) -> Pieces:
    """Return the three pieces by torch's own distributions."""
    reconstruction = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    q = Independent(Normal(mu, log_scale.exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return _pieces(reconstruction, kl_divergence(q, prior))


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


ELBO_MISTAKES = (
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


def elbo(
    function: Callable[[Tensor, Tensor, Tensor, Tensor], Pieces],
    *,
    seed: int = 0,
    spread: float = 1.0,
    ask: Ask | None = None,
) -> None:
    """Check the ELBO of binary images for one z each, with its two pieces (slide 6).

    Args:
        function: (x, logits, mu, log_scale) -> (total, reconstruction, kl), each (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.
        ask: evaluates expressions where the student's names are known; None if that is here.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    parts = ("total", "reconstruction", "kl")
    hint = "each piece alone: log p(x|z) summed over pixels, KL summed over dim"
    answer = Answer("elbo", function, ask, parts=parts, why=ELBO, hint=hint)
    draw, steps = Draw(seed, spread), []
    for batch, height, width, dim, scale, where in (
        (7, 3, 5, 2, 0.0, "for logits 0 and q = p"),
        (7, 3, 5, 2, 1.0, "on images of 3x5"),
        (97, 1, 2, 4, 2.0, "on random inputs"),
        (5, 6, 5, 3, 1.0, "on images of 6x5"),
    ):
        x, logits = draw.bits(batch, 1, height, width), draw.normal(batch, 1, height, width)
        mu, log_scale = draw.normal(batch, dim), draw.normal(batch, dim, scale=0.5)
        inputs = (x, 2 * scale * logits, scale * mu, min(scale, 1.0) * log_scale)
        steps.append(Case(inputs, _right(*inputs), where))
    x, _, mu, log_scale = steps[1].inputs
    sure = (x, 50.0 * draw.normal(*x.shape).sign(), mu, log_scale)
    steps.insert(1, _adds_up(steps[1]))
    steps.append(Case(sure, _right(*sure), "for logits of 50"))
    examine(answer, steps, ELBO_MISTAKES)
    _check_gradient(answer, steps[2])
    Established(answer.name, "total = reconstruction - kl, each right for every image.").show()


def _adds_up(case: Case) -> Callable[[Answer], Problem | None]:
    """Return the step total = reconstruction - kl, on the case's input."""

    def step(answer: Answer) -> Problem | None:
        total, reconstruction, kl = (value.detach() for value in answer(*case.inputs))
        left = (total - reconstruction + kl).abs().max().item()
        if left < 1e-9:
            return None
        return Problem("total is not reconstruction - kl.", f"off by {left:.3g}", "off by 0")

    return step


def _check_gradient(answer: Answer, case: Case) -> None:
    """Fail unless total has the gradients x - sigmoid(logits) and -mu."""
    x, logits, mu, log_scale = case.inputs
    data = {"x": x, "logits": logits, "mu": mu, "log_scale": log_scale}
    right = (x - logits.sigmoid(), -mu)
    found = answer.ask(IS_DIFFERENTIABLE, **data) and answer.ask(GRADIENT, **data)
    if found and all(torch.allclose(a, b, atol=1e-8) for a, b in zip(found, right, strict=True)):
        return
    answer.fail(
        "the values are right, but no gradient passes.",
        got="no or another gradient" if found else "a constant",
        expected="dtotal/dlogits = x - sigmoid(logits), dtotal/dmu = -mu",
        why="the VAE is trained by this number",
        hint="no detach, no_grad, .item() or numpy on the way",
    )
