"""Check of sampling in raster order from given uniform numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.checks.case import Case, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.pixel_vae.pixel_logits import right as logits_of

__all__ = ["sample_pixels"]

DRAW = "x_i = 1 if u_i < sigmoid(l_i), l_i from the pixels drawn before   (slide 4)"


def right(uniforms: Tensor, z_map: Tensor, kernel: Tensor, z_weight: Tensor) -> Tensor:
    """Return the images, (batch, height, width) of zeros and ones."""
    x = torch.zeros_like(uniforms)
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            p = logits_of(x, z_map, kernel, z_weight)[:, row, column].sigmoid()
            x[:, row, column] = (uniforms[:, row, column] < p).to(x.dtype)
    return x


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on independent pixels, images of several sizes, and confident logits."""
    uniforms, z, kernel, weight = _draw(inputs, 9, 4, 4, 3)
    return [
        Case((uniforms, z, 0 * kernel, weight), where="for kernel = 0"),
        Case((uniforms, 0 * z, kernel, weight), where="for z_map = 0"),
        Case((uniforms, z, kernel, weight), where="for 4x4"),
        Case(_draw(inputs, 6, 3, 5, 3), where="for 3x5"),
        Case(_draw(inputs, 5, 5, 4, 5), where="for kernel 5x5"),
        Case((uniforms, 300 * z, kernel, weight), where="far out"),
    ]


def _draw(inputs: RandomInputs, batch: int, h: int, w: int, size: int) -> tuple[Tensor, ...]:
    uniforms = torch.rand(batch, h, w, generator=inputs.generator, dtype=torch.float64)
    z = inputs.normal(batch, h, w, scale=1 / inputs.input_scale)
    kernel = inputs.normal(size, size, scale=3 / inputs.input_scale)
    return uniforms, z, kernel, inputs.normal(size, size, scale=1 / inputs.input_scale)


sample_pixels = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("uniforms", "z_map"),
    why=DRAW,
    hint="two loops; compute the logit of a pixel after all earlier pixels are drawn",
    passed="the same uniforms always give the same images.",
)
