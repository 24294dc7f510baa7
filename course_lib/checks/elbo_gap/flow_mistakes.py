"""The planar layer as it is written by those who slip, and what to tell them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_lib.checks.exercise import Mistake
from course_lib.distributions import planar as reference

__all__ = ["LOG_DET", "MISTAKES", "Layer"]

LOG_DET = "log|det df/dz| = log|1 + (1 - tanh^2) w.u_hat|   (slide 6)"
U_HAT = "u_hat = u + (softplus(w.u) - 1 - w.u) w/|w|^2"
CONSTRAINT = U_HAT + "\nmakes w.u_hat > -1, whatever u   (slide 6)"

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
