"""Check of the logits of one autoregressive layer: causal in x, not in z."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import conv2d, softplus

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_numbers

__all__ = ["pixel_logits"]

LOGITS = "l = (kernel under mask A) * x + z_weight * z_map   (slide 4)"
CAUSAL = "p(x|z) = prod_i p(x_i | x_1..x_(i-1), z): mask A for x   (slide 4)"
OWN = "every p(x_i | x_<i, z) sees all of z, including its own pixel's   (slide 4)"
JACOBIAN = (
    "torch.autograd.functional.jacobian("
    "lambda v_: pixel_logits(v_, z_, kernel_, weight_).flatten(), x_)"
)


def right(x: Tensor, z_map: Tensor, kernel: Tensor, z_weight: Tensor) -> Tensor:
    """Return the logits, (batch, height, width)."""
    size = len(kernel)
    before = torch.arange(size * size).view(size, size) < size * size // 2
    from_x = conv2d(x[:, None], (kernel * before)[None, None], padding="same")
    return (from_x + conv2d(z_map[:, None], z_weight[None, None], padding="same"))[:, 0]


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on zeros, z alone, both identities, x alone, and random images of all sizes."""
    x, z, kernel, weight = _draw(inputs, 5, 4, 6, 3)
    zero = torch.zeros_like(x)
    alone = Case((zero, z, kernel, weight), where="for x = 0")
    return [
        Case((zero, zero, kernel, weight), where="for x = z_map = 0"),
        _reaches_own_pixel(alone),
        alone,
        _is_causal((x[:1], z[:1], kernel, weight)),
        _sums_to_one(inputs),
        Case((x, zero, kernel, weight), where="for z_map = 0"),
        Case((x, z, kernel, weight), where="for 4x6"),
        Case(_draw(inputs, 7, 5, 5, 5), where="for 5x5"),
        Case((100 * x, 100 * z, kernel, weight), where="far out"),
    ]


def _draw(inputs: RandomInputs, batch: int, h: int, w: int, size: int) -> tuple[Tensor, ...]:
    images = inputs.bits(batch, h, w), inputs.normal(batch, h, w)
    return *images, inputs.normal(size, size), inputs.normal(size, size)


def _reaches_own_pixel(case: Case) -> Step:
    """Return the check that the logit at a pixel depends on z_map at the same pixel."""

    def step(answer: Answer) -> Problem | None:
        x, z, kernel, weight = case.inputs
        moved = z.clone()
        moved[:, 2, 3] += 1
        change = answer(x, moved, kernel, weight) - answer(*case.inputs)
        if change[:, 2, 3].abs().max() > 1e-9:
            return None
        lines = show_numbers("a change of {}", float(change[0, 2, 3]), float(weight[1, 1]))
        headline = "z does not reach its own pixel."
        return Problem(headline, *lines, why=OWN, inputs=show_inputs(answer.args, case.inputs))

    return step


def _is_causal(tensors: tuple[Tensor, ...]) -> Step:
    """Return the check that no logit depends on its own or a later pixel of x."""

    def step(answer: Answer) -> Problem | None:
        data = dict(zip(("x_", "z_", "kernel_", "weight_"), tensors, strict=True))
        slope = answer.ask(JACOBIAN, **data).flatten(1)
        illegal = int((slope.triu() != 0).sum())
        if illegal == 0:
            return None
        got, expected = f"{illegal} pairs (logit, own or later pixel)", "0 such pairs"
        where = show_inputs(answer.args, tensors)
        return Problem("a pixel sees itself or later ones.", got, expected, CAUSAL, inputs=where)

    return step


def _sums_to_one(inputs: RandomInputs) -> Step:
    """Return the check that the probabilities of all 512 images of 3x3 pixels sum to one."""
    images = torch.tensor(list(product((0.0, 1.0), repeat=9)), dtype=torch.float64)
    _, z, kernel, weight = _draw(inputs, 1, 3, 3, 3)
    tensors = images.view(-1, 3, 3), z.expand(512, 3, 3).contiguous(), kernel, weight

    def step(answer: Answer) -> Problem | None:
        logits = answer(*tensors)
        log_p = (tensors[0] * logits - softplus(logits)).sum((1, 2))
        mass = float(log_p.exp().sum())
        if abs(mass - 1) < 1e-9:
            return None
        lines = show_numbers("mass {}", mass, 1.0)
        where = show_inputs(answer.args, tensors)
        return Problem("all 512 images do not have mass one.", *lines, CAUSAL, inputs=where)

    return step


pixel_logits = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("x", "z_map"),
    gradients=("x", "z_map", "kernel", "z_weight"),
    why=LOGITS,
    hint="two convolutions with zero padding; which of the two kernels needs a mask?",
    passed="causal in x, all 512 images have mass one, z is unmasked.",
)
