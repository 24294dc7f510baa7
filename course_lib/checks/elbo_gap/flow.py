"""Check of the planar layer: its log-determinant, and the constraint that makes it invertible.

A log-determinant that agrees with the Jacobian is not enough: it does so for a map that folds. The
mass of the pulled-back density, integral of p(f(z)) |det df/dz| dz, is one only if f is one-to-one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.exercise import Case, Draw, Mistake, Problem, Step, examine
from course_lib.checks.numbers import show_pair
from course_lib.checks.report import Established
from course_lib.distributions import planar as reference

__all__ = ["planar"]

ANY_NUMBER = 1e300  # a tolerance that leaves only type, shape and NaN to be wrong
LOG_DET = "log|det df/dz| = log|1 + (1 - tanh^2) w.u_hat|   (slide 6)"
U_HAT = "u_hat = u + (softplus(w.u) - 1 - w.u) w/|w|^2"
CONSTRAINT = U_HAT + "\nmakes w.u_hat > -1, whatever u   (slide 6)"

JACOBIANS = (
    "[torch.autograd.functional.jacobian(lambda point: planar(point[None], u, w, b)[0][0], point)"
    " for point in z]"
)

Layer = tuple[Tensor, Tensor]


def _hat(u: Tensor, w: Tensor, m: Callable[[Tensor], Tensor] = lambda a: softplus(a) - 1) -> Tensor:
    a = torch.dot(w, u)
    return u + (m(a) - a) * w / torch.dot(w, w)


def _planar_with(
    hat: Callable[[Tensor, Tensor], Tensor] = _hat,
    slope: Callable[[Tensor], Tensor] = lambda t: 1 - torch.tanh(t) ** 2,
    log_det: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] | None = None,
) -> Callable[[Tensor, Tensor, Tensor, Tensor], Layer]:
    """Return a planar layer in which one piece is replaced by a wrong one.

    Args:
        hat: (u, w) -> the direction that is used.
        slope: the derivative of tanh at t.
        log_det: (t, u, w, u_hat) -> the log-determinant, in place of the right formula.
    """

    def layer(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> Layer:
        t, u_hat = z @ w + b, hat(u, w)
        f = z + torch.tanh(t)[:, None] * u_hat
        if log_det is not None:
            return f, log_det(t, u, w, u_hat)
        return f, torch.log(torch.abs(1 + slope(t) * torch.dot(w, u_hat)))

    return layer


def _slope(t: Tensor) -> Tensor:
    return 1 - torch.tanh(t) ** 2


def _log_det(t: Tensor, w: Tensor, u_hat: Tensor) -> Tensor:
    return torch.log(torch.abs(1 + _slope(t) * torch.dot(w, u_hat)))


def _without_offset(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> Layer:
    return _planar_with()(z, u, w, torch.zeros_like(b))


FOLDS = (
    "where w.u < -1 the map folds: several z land on one f(z);\n" + CONSTRAINT,
    "is f(z) in one dimension always rising? draw it",
)
MISTAKES = (
    Mistake("u is used without its constraint.", *FOLDS, _planar_with(lambda u, w: u)),
    Mistake(
        "no constraint, and the log of a negative number.",
        *FOLDS,
        _planar_with(
            lambda u, w: u, log_det=lambda t, u, w, _: torch.log(1 + _slope(t) * torch.dot(w, u))
        ),
    ),
    Mistake(
        "f uses u_hat, but log_det the raw u.",
        LOG_DET,
        "one direction for both: compute u_hat once, then forget u",
        _planar_with(log_det=lambda t, u, w, _: _log_det(t, w, u)),
    ),
    Mistake(
        "f uses the raw u, but log_det u_hat.",
        "log_det must be that of the f which is returned;\n" + CONSTRAINT,
        "one direction for both: compute u_hat once, then forget u",
        lambda z, u, w, b: (_planar_with(lambda u, w: u)(z, u, w, b)[0], reference(z, u, w, b)[1]),
    ),
    Mistake(
        "u_hat lacks the -1.",
        CONSTRAINT,
        "m(a) = softplus(a) - 1 runs from -1 to infinity",
        _planar_with(lambda u, w: _hat(u, w, softplus)),
    ),
    Mistake(
        "u_hat lacks the - w.u in its bracket.",
        U_HAT + ";\nw.u_hat must become softplus(w.u) - 1",
        "work out w.u_hat on paper: what remains of w.u?",
        _planar_with(lambda u, w: u + (softplus(torch.dot(w, u)) - 1) * w / torch.dot(w, w)),
    ),
    Mistake(
        "u_hat divides by |w|, not by |w|^2.",
        U_HAT,
        "w.w/|w|^2 = 1: that is what makes w.u_hat come out right",
        _planar_with(
            lambda u, w: u + (softplus(torch.dot(w, u)) - 1 - torch.dot(w, u)) * w / w.norm()
        ),
    ),
    Mistake(
        "u_hat is not divided by |w|^2.",
        U_HAT,
        "w.w/|w|^2 = 1: that is what makes w.u_hat come out right",
        _planar_with(lambda u, w: u + (softplus(torch.dot(w, u)) - 1 - torch.dot(w, u)) * w),
    ),
    Mistake(
        "softplus is replaced by exp.",
        "m(a) = softplus(a) - 1 = log(1 + exp(a)) - 1",
        "use torch.nn.functional.softplus",
        _planar_with(lambda u, w: _hat(u, w, lambda a: a.exp() - 1)),
    ),
    Mistake(
        "the derivative of tanh is wrong: 1 - tanh.",
        "d tanh(t)/dt = 1 - tanh(t)^2",
        "a slope is never above 1 here",
        _planar_with(slope=lambda t: 1 - torch.tanh(t)),
    ),
    Mistake(
        "the derivative of tanh is wrong: tanh itself.",
        "d tanh(t)/dt = 1 - tanh(t)^2",
        "far from the plane f is a shift: what is its log_det?",
        _planar_with(slope=torch.tanh),
    ),
    Mistake(
        "the derivative of tanh is wrong: tanh^2.",
        "d tanh(t)/dt = 1 - tanh(t)^2",
        "far from the plane f is a shift: what is its log_det?",
        _planar_with(slope=lambda t: torch.tanh(t) ** 2),
    ),
    Mistake(
        "the derivative of tanh is missing.",
        LOG_DET,
        "chain rule: d tanh(w.z + b)/dz = (1 - tanh^2) w",
        _planar_with(slope=torch.ones_like),
    ),
    Mistake(
        "the sign of log_det is reversed.",
        "log_det is that of f, not of its inverse: positive where f stretches",
        "log q(z) subtracts it later; this function returns it as it is",
        _planar_with(log_det=lambda t, u, w, u_hat: -_log_det(t, w, u_hat)),
    ),
    Mistake(
        "it returns the determinant, not its logarithm.",
        LOG_DET,
        "take the log of the absolute value",
        _planar_with(log_det=lambda t, u, w, u_hat: _log_det(t, w, u_hat).exp()),
    ),
    Mistake(
        "the 1 + is missing from the determinant.",
        "det(I + v w') = 1 + w.v, and f(z) = z + ...   (slide 6)",
        "where does the z in f(z) = z + ... show up?",
        _planar_with(
            log_det=lambda t, u, w, u_hat: torch.log(torch.abs(_slope(t) * torch.dot(w, u_hat)))
        ),
    ),
    Mistake(
        "log_det sums over the batch.",
        "one log-determinant for each point: (batch,)",
        "nothing is left to sum after the dot product",
        _planar_with(log_det=lambda t, u, w, u_hat: _log_det(t, w, u_hat).sum()),
    ),
    Mistake(
        "the offset b is missing.",
        "f(z) = z + u_hat tanh(w.z + b)   (slide 6)",
        "does b occur in your function?",
        _without_offset,
    ),
)


def planar(
    function: Callable[[Tensor, Tensor, Tensor, Tensor], Layer],
    *,
    seed: int = 0,
    spread: float = 1.0,
    ask: Ask | None = None,
) -> None:
    """Check f(z) = z + u_hat tanh(w.z + b) and its log-determinant (slide 6).

    Args:
        function: (z, u, w, b), (batch, dim), (dim,), (dim,) and () -> (f, log_det), (batch, dim)
            and (batch,).
        seed: decides the random inputs.
        spread: how far out they lie.
        ask: evaluates expressions where the student's names are known; None if that is here.

    Raises:
        CheckFailed: with what is wrong and why.
    """
    hint = "u_hat first, then t = w.z + b, then f and log_det from the same two"
    answer = Answer("planar", function, ask, parts=("f", "log_det"), why=LOG_DET, hint=hint)
    draw = Draw(seed, spread)
    rising, falling, line = _layer(draw, 3, 1.3), _layer(draw, 3, -2.6), _layer(draw, 1, -3.0)
    steps: list[Step] = [
        _case(draw.normal(7, 3), rising, "", ANY_NUMBER),
        _matches_jacobian(draw.normal(5, 3), rising),
        _is_one_to_one(line),
        _case(_onto_plane(draw.normal(7, 3), rising), rising, "on the plane w.z + b = 0"),
        _case(draw.normal(97, 3), falling, "where w.u < -1"),
        _case(draw.normal(7, 3), rising, "on random inputs"),
        _case(draw.normal(5, 1), line, "in one dimension"),
    ]
    examine(answer, steps, MISTAKES)
    what = "log_det is the Jacobian's, and f folds nowhere, even at w.u = -3."
    Established(answer.name, what).show()


def _layer(draw: Draw, dim: int, w_u: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return u, w and b with w.u = ``w_u`` times the spread, and |w| = 1.4."""
    w = draw.normal(dim)
    w = 1.4 * w / w.norm()
    u = draw.normal(dim)
    return u + (w_u * draw.spread - torch.dot(w, u)) * w / torch.dot(w, w), w, draw.normal(1)[0]


def _case(
    z: Tensor, layer: tuple[Tensor, Tensor, Tensor], where: str, tolerance: float = 1e-6
) -> Case:
    return Case((z, *layer), reference(z, *layer), where, tolerance)


def _onto_plane(z: Tensor, layer: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    _, w, b = layer
    return z - (z @ w + b)[:, None] * w / torch.dot(w, w)


def _matches_jacobian(z: Tensor, layer: tuple[Tensor, Tensor, Tensor]) -> Step:
    """Return the step that compares log_det with the Jacobian of the answer's own f."""

    def step(answer: Answer) -> Problem | None:
        log_det = answer(z, *layer)[1].detach()
        u, w, b = layer
        jacobian = torch.stack(answer.ask(JACOBIANS, z=z, u=u, w=w, b=b))
        if not jacobian.any():
            return Problem("no gradient passes through f.", "df/dz = 0", "df/dz of full rank")
        right = torch.linalg.slogdet(jacobian).logabsdet
        if torch.allclose(log_det, right, atol=1e-8):
            return None
        return Problem("log_det is not that of f's Jacobian.", *show_pair(log_det, right, 1e-8))

    return step


def _is_one_to_one(layer: tuple[Tensor, Tensor, Tensor]) -> Step:
    """Return the step that integrates the pulled-back N(0, 1): its mass is one unless f folds."""
    z = torch.linspace(-30, 30, 12001, dtype=torch.float64)[:, None]

    def step(answer: Answer) -> Problem | None:
        f, log_det = (value.detach() for value in answer(z, *layer))
        log_density = -0.5 * (f[:, 0] ** 2 + math.log(2 * math.pi)) + log_det
        mass = float(log_density.exp().sum() * 0.005)
        if abs(mass - 1) < 1e-6:
            return None
        got = f"density pulled back through f: mass {mass:.4f}"
        return Problem("f is not one-to-one, or log_det not f's.", got, "mass 1.0000")

    return step
