"""Check of the reparameterised Gaussian sample: its law, its independence, and its gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.exercise import Case, Draw
from course_lib.checks.numbers import describe_kind
from course_lib.checks.report import Established
from course_lib.randomness import own_randomness

__all__ = ["sample_gaussian"]

ERRORS = 6.5  # standard errors; a right sampler goes beyond them once in ten thousand million
COUNT = 20011
SAMPLE = "z = mu + exp(log_scale) * noise, noise ~ N(0, I)   (slide 6)"
OWN_NOISE = "every entry of the (batch, dim) sample has a noise of its own"

IS_DIFFERENTIABLE = "sample_gaussian(mu.requires_grad_(), log_scale.requires_grad_()).requires_grad"
GRADIENTS = (
    "[[z.detach(), *torch.autograd.grad(z.sum(), [mu, log_scale], materialize_grads=True)] for z in"
    " [sample_gaussian(mu.requires_grad_(), log_scale.requires_grad_())]][0]"
)


def sample_gaussian(
    function: Callable[[Tensor, Tensor], Tensor],
    *,
    seed: int = 0,
    spread: float = 1.0,
    ask: Ask | None = None,
) -> None:
    """Check draws of N(mu, diag(exp(log_scale))^2), differentiable in both (slide 6).

    Args:
        function: (mu, log_scale), each (batch, dim) -> (batch, dim).
        seed: decides the random inputs, and the noise where the function runs in this process.
        spread: how far out the inputs lie.
        ask: evaluates expressions where the student's names are known; None if that is here.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "draw noise of mu's shape with torch.randn, then scale and shift it"
    answer, draw = (
        Answer("sample_gaussian", function, ask, why=SAMPLE, hint=hint),
        Draw(seed, spread),
    )
    with own_randomness(seed):
        _check_kind(answer, draw)
        _check_law(answer, draw)
        _check_gradients(answer, draw)
    what = "the law is right, all noise is independent, gradients pass."
    Established(answer.name, what).show()


def _check_kind(answer: Answer, draw: Draw) -> None:
    """Fail unless the result is a finite tensor like mu."""
    mu, log_scale = draw.normal(7, 3), draw.normal(7, 3, scale=0.3)
    z = answer(mu, log_scale)
    if not isinstance(z, Tensor) or z.shape != mu.shape or z.dtype != mu.dtype:
        answer.fail("not one float64 per entry of mu.", got=describe_kind(z), expected=_like(mu))
    if not z.isfinite().all():
        answer.fail(
            "NaN or infinity in the sample.", got=describe_kind(z), expected="finite numbers"
        )


def _like(mu: Tensor) -> str:
    return f"{describe_kind(mu)}, as mu has"


def _check_law(answer: Answer, draw: Draw) -> None:
    """Fail unless many draws have the mean, the scale and the independence they should have."""
    mu = draw.normal(1, 3).expand(COUNT, 3).clone()
    log_scale = torch.tensor([-0.7, 0.4, 1.1], dtype=torch.float64) + draw.normal(3, scale=0.05)
    wide = log_scale.expand(COUNT, 3).clone()
    z = answer(mu, wide).detach()
    _check_own_noise(answer, z)
    if torch.equal(z, answer(mu, wide).detach()):
        answer.fail(
            "two calls return the same draw.",
            why="each call must draw new noise, or training sees one sample for ever",
            hint="a function that draws has no business with torch.manual_seed",
        )
    _check_moments(answer, (z - mu) * (-log_scale).exp(), log_scale)


def _check_own_noise(answer: Answer, z: Tensor) -> None:
    """Fail if entries share noise along the batch or along dim, whatever its scale is."""
    centred = z - z.mean(0)
    if (centred.std(0) < 1e-9).any():
        answer.fail(
            "one noise serves the whole batch.",
            got="the same noise in every row" if z.std() > 0 else "no noise",
            expected="independent rows",
            why=OWN_NOISE,
            hint="draw noise of shape (batch, dim)",
        )
    unit = centred / centred.std(0, correction=0)
    between = (unit.T @ unit / len(z)).fill_diagonal_(0).abs().max().item()
    along = (unit[1:] * unit[:-1]).mean(0).abs().max().item()
    limit = ERRORS / math.sqrt(len(z))
    for correlation, name, headline in (
        (between, "dimensions", "one noise serves all dimensions."),
        (along, "rows", "each row repeats the noise of the row before."),
    ):
        if correlation > limit:
            answer.fail(
                headline if correlation > 0.99 else f"the noise of {name} is not independent.",
                got=f"correlation {correlation:.3f} between {name}",
                expected=f"below {limit:.3f} in {len(z)} draws",
                why=OWN_NOISE,
                hint="draw noise of shape (batch, dim)",
            )


def _check_moments(answer: Answer, noise: Tensor, log_scale: Tensor) -> None:
    """Fail unless the noise, (z - mu) / scale, has mean 0, scale 1 and fourth moment 3."""
    n = len(noise)
    mean, scale = noise.mean(0), noise.std(0)
    if (mean.abs() > ERRORS * scale / math.sqrt(n)).any():
        uniform = bool(((noise > -1e-9) & (noise < 1 + 1e-9)).all())
        answer.fail(
            "the noise is uniform, not Gaussian." if uniform else "the mean is not mu.",
            got=f"noise of mean {_row(mean)}",
            expected="mean 0 in every dimension",
            why=SAMPLE,
            hint="rand or randn?" if uniform else "average many draws: where do they lie?",
        )
    if ((scale - 1).abs() > ERRORS / math.sqrt(2 * n)).any():
        headline, hint = _name_scale(scale, log_scale, ERRORS / math.sqrt(2 * n))
        answer.fail(
            headline,
            got=f"standard deviation {_row(scale * log_scale.exp())}",
            expected=f"standard deviation {_row(log_scale.exp())}",
            why=SAMPLE,
            hint=hint,
        )
    fourth = noise.pow(4).mean(0)
    if ((fourth - 3).abs() > ERRORS * math.sqrt(96 / n)).any():
        answer.fail(
            "the shape of the noise is not Gaussian.",
            got=f"fourth moment {_row(fourth)}",
            expected="fourth moment 3 in every dimension",
            why=SAMPLE,
            hint="rand or randn?",
        )


def _row(values: Tensor) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in values.tolist()) + "]"


def _name_scale(scale: Tensor, log_scale: Tensor, tolerance: float) -> tuple[str, str]:
    """Return a headline and a hint for noise of the given standard deviation, (dim,)."""
    made, s = scale * log_scale.exp(), log_scale.exp()
    mistakes = (
        (
            log_scale.abs(),
            "the exp of log_scale is missing.",
            "a scale is positive: exp(log_scale)",
        ),
        (s.square(), "the variance multiplies the noise.", "Var(s * noise) = s^2: is it s^2 here?"),
        (s.sqrt(), "log_scale is taken for the log variance.", "s = exp(log_scale), no half"),
        (1 / s, "log_scale has the wrong sign.", "a larger log_scale must widen the draws"),
        (torch.ones_like(s), "the scale is missing.", "does log_scale occur in your function?"),
        (s / math.sqrt(12), "the noise is uniform, not Gaussian.", "rand or randn?"),
        (s / math.sqrt(3), "the noise is uniform, not Gaussian.", "rand or randn?"),
    )
    for value, headline, hint in mistakes:
        if ((made / value - 1).abs() < tolerance).all():
            return headline, hint
    return "the scale is not exp(log_scale).", "what multiplies the noise?"


def _check_gradients(answer: Answer, draw: Draw) -> None:
    """Fail unless z is mu where the scale vanishes, dz/dmu = 1 and dz/dlog_scale = z - mu."""
    mu, log_scale = draw.normal(7, 3), draw.normal(7, 3, scale=0.3)
    problem = Case((mu, torch.full_like(mu, -80.0)), mu, "as the scale goes to 0")(answer)
    if problem is not None:
        answer.fail(problem.headline, got=problem.got, expected=problem.expected)
    blocked = {
        "expected": "dz/dmu = 1, dz/dlog_scale = z - mu",
        "why": "the encoder learns through the sample: z is a function of mu and log_scale",
        "hint": "no detach, no_grad, .data, .item() or Normal.sample(); draw only the noise",
    }
    if not answer.ask(IS_DIFFERENTIABLE, mu=mu, log_scale=log_scale):
        answer.fail("no gradient passes through the sample.", got="a constant z", **blocked)
    z, for_mu, for_scale = answer.ask(GRADIENTS, mu=mu, log_scale=log_scale)
    for gradient, right, name in (
        (for_mu, torch.ones_like(mu), "mu"),
        (for_scale, z - mu, "log_scale"),
    ):
        if not torch.allclose(gradient, right, atol=1e-8):
            none = not gradient.any()
            answer.fail(
                f"{'no' if none else 'a wrong'} gradient reaches {name}.",
                got=f"dz/d{name} = {'0' if none else 'something else'}",
                **blocked,
            )
