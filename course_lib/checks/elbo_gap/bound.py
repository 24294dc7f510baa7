"""Check of the ELBO of binary images: its two pieces, their signs, and what they sum over."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.elbo_gap.bound_mistakes import ELBO, MISTAKES, Pieces
from course_lib.checks.exercise import Case, Draw, Problem, Step, examine
from course_lib.checks.report import Established

__all__ = ["elbo"]

GRADIENT = (
    "torch.autograd.grad(elbo(x, logits.requires_grad_(), mu.requires_grad_(), log_scale)[0].sum(),"
    " [logits, mu], materialize_grads=True)"
)
IS_DIFFERENTIABLE = (
    "elbo(x, logits.requires_grad_(), mu.requires_grad_(), log_scale)[0].requires_grad"
)


def _right(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor) -> Pieces:
    """Return the three pieces by torch's own distributions."""
    reconstruction = Independent(Bernoulli(logits=logits), 3).log_prob(x)
    q = Independent(Normal(mu, log_scale.exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    kl = kl_divergence(q, prior)
    return reconstruction - kl, reconstruction, kl


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
    draw = Draw(seed, spread)
    small = _case(draw, (7, 1, 3, 5), 2).at("on images of 3x5")
    steps: list[Step] = [
        _case(draw, (7, 1, 3, 5), 2, scale=0.0).at("for logits 0 and q = p"),
        _adds_up(small),
        small,
        _case(draw, (97, 1, 1, 2), 4, scale=2.0),
        _case(draw, (5, 1, 6, 5), 3).at("on images of 6x5"),
        _case(draw, (7, 1, 3, 5), 2, level=50.0).at("for logits of 50"),
    ]
    examine(answer, steps, MISTAKES)
    _check_gradient(answer, small)
    Established(answer.name, "total = reconstruction - kl, each right for every image.").show()


def _case(
    draw: Draw,
    shape: tuple[int, ...],
    dim: int,
    scale: float = 1.0,
    level: float | None = None,
) -> Case:
    """Return random images of ``shape`` and z of ``dim``; logits are all +-level, if one is set."""
    x, logits = draw.bits(*shape), draw.normal(*shape, scale=2 * scale)
    mu = draw.normal(shape[0], dim, scale=scale)
    log_scale = draw.normal(shape[0], dim, scale=min(scale, 1.0) / 2)
    if level is not None:
        logits = level * logits.sign()
    return Case((x, logits, mu, log_scale), _right(x, logits, mu, log_scale))


def _adds_up(case: Case) -> Step:
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
