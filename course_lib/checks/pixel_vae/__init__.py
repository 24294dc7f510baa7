"""Checks of the assignment on PixelVAE: one function per exercise, of the same name."""

from course_lib.checks.pixel_vae.gated import gated
from course_lib.checks.pixel_vae.hierarchical_elbo import hierarchical_elbo
from course_lib.checks.pixel_vae.masked_kernels import masked_kernels
from course_lib.checks.pixel_vae.pixel_logits import pixel_logits
from course_lib.checks.pixel_vae.sample_pixels import sample_pixels
from course_lib.checks.pixel_vae.shifts import shifts

__all__ = [
    "gated",
    "hierarchical_elbo",
    "masked_kernels",
    "pixel_logits",
    "sample_pixels",
    "shifts",
]
