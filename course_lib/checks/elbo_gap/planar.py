"""Check of the planar layer: its log-determinant, and the constraint that makes it invertible.

A log-determinant that agrees with the Jacobian is not enough: it may do so for a map that folds.
The mass of the pulled-back density, the integral of p(f(z)) |det df/dz| dz, is one only if f is
one-to-one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.checks.answer import Answer
from course_lib.checks.case import ANY_NUMBER, Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_numbers, show_pair
from course_lib.distributions import planar as library_planar

__all__ = ["planar"]

F = "f(z) = z + u_hat tanh(w.z + b)   (slide 6)\nu_hat = u + (softplus(w.u) - 1 - w.u) w/|w|^2"
LOG_DET = "log|det df/dz| = log|1 + (1 - tanh^2) w.u_hat|   (slide 6)"
JACOBIANS = (
    "[torch.autograd.functional.jacobian(lambda point: planar(point[None], u, w, b)[0][0], point)"
    " for point in z]"
)

Layer = tuple[Tensor, Tensor, Tensor]


def right(z: Tensor, u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return f(z), (batch, dim), and log|det df/dz|, (batch,), by the library."""
    return library_planar(z, u, w, b)


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on f, its Jacobian, the mass in one dimension, and random inputs."""
    rising, falling, line = _layer(inputs, 3, 1.3), _layer(inputs, 3, -2.6), _layer(inputs, 1, -3.0)
    plain = Case((inputs.normal(7, 3), *rising))
    return [
        Case(plain.inputs, tolerance=ANY_NUMBER, derived=False),
        _is_one_to_one(line),
        plain.of("f"),
        _matches_jacobian(inputs.normal(5, 3), rising),
        Case((_onto_plane(inputs.normal(7, 3), rising), *rising), where="where w.z + b = 0"),
        Case((inputs.normal(97, 3), *falling), where="where w.u < -1"),
        plain,
        Case((inputs.normal(5, 1), *line), where="in one dimension"),
        Case((50 * inputs.normal(7, 3), *rising), where="far from the plane"),
    ]


def _layer(inputs: RandomInputs, dim: int, w_u: float) -> Layer:
    """Return u, w and b with w.u = ``w_u`` times the input scale, and |w| = 1.4."""
    w = inputs.normal(dim)
    w = 1.4 * w / w.norm()
    u = inputs.normal(dim)
    u = u + (w_u * inputs.input_scale - torch.dot(w, u)) * w / torch.dot(w, w)
    return u, w, inputs.normal(1)[0]


def _onto_plane(z: Tensor, layer: Layer) -> Tensor:
    _, w, b = layer
    return z - (z @ w + b)[:, None] * w / torch.dot(w, w)


def _matches_jacobian(z: Tensor, layer: Layer) -> Step:
    """Return the step that compares log_det with the Jacobian of the answer's own f."""

    def step(answer: Answer) -> Problem | None:
        log_det = answer(z, *layer)[1].detach()
        u, w, b = layer
        jacobian = torch.stack(answer.ask(JACOBIANS, z=z, u=u, w=w, b=b))
        where = show_inputs(answer.args, (z, *layer))
        if not jacobian.any():
            headline = "no gradient passes through f."
            return Problem(headline, "df/dz = 0", "df/dz of full rank", why=F, inputs=where)
        exact = torch.linalg.slogdet(jacobian).logabsdet
        if torch.allclose(log_det, exact, atol=1e-8):
            return None
        pair = show_pair(log_det, exact, 1e-8)
        return Problem("log_det is not that of f's Jacobian.", *pair, why=LOG_DET, inputs=where)

    return step


def _is_one_to_one(layer: Layer) -> Step:
    """Return the check that f is increasing in one dimension; if not, it shows the mass of a fold.

    The density N(f(z); 0, 1) |f'(z)| has mass one unless several z map to the same f(z).
    """
    z = torch.linspace(-30, 30, 12001, dtype=torch.float64)[:, None]

    def step(answer: Answer) -> Problem | None:
        f, log_det = (value.detach() for value in answer(z, *layer))
        if (f.diff(dim=0) > 0).all():
            return None
        log_density = -0.5 * (f[:, 0] ** 2 + math.log(2 * math.pi)) + log_det
        mass = float(log_density.exp().sum() * 0.005)
        pair = show_numbers("density pulled back through f: mass {}", mass, 1.0)
        return Problem("f folds: it is not one-to-one.", *pair, why=F)

    return step


planar = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("z",),
    gradients=("z", "u", "w", "b"),
    parts=("f", "log_det"),
    formulas={"f": F, "log_det": LOG_DET},
    why=LOG_DET,
    hint="u_hat first, then t = w.z + b, then f and log_det from the same two",
    passed="log_det is the Jacobian's, and f folds nowhere, even at w.u = -3.",
)
