"""Check of the planar layer: its log-determinant, and the constraint that makes it invertible.

A log-determinant that agrees with the Jacobian is not enough: it does so for a map that folds. The
mass of the pulled-back density, integral of p(f(z)) |det df/dz| dz, is one only if f is one-to-one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.ask import Ask
from course_lib.checks.elbo_gap.flow_mistakes import LOG_DET, MISTAKES, Layer
from course_lib.checks.exercise import Case, Draw, Problem, Step, examine
from course_lib.checks.numbers import show_pair
from course_lib.checks.report import Established
from course_lib.distributions import planar as reference

__all__ = ["planar"]

ANY_NUMBER = 1e300  # a tolerance that leaves only type, shape and NaN to be wrong
JACOBIANS = (
    "[torch.autograd.functional.jacobian(lambda point: planar(point[None], u, w, b)[0][0], point)"
    " for point in z]"
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
