"""The figures of lecture 3, PixelVAE (slide 4): three explorables and a ladder of likelihoods."""

from course_lib.figures.pixel_vae.depth import depth_explorable, trained_depths
from course_lib.figures.pixel_vae.ladder import ladder
from course_lib.figures.pixel_vae.mask_painter import mask_painter
from course_lib.figures.pixel_vae.two_noises import two_noises

__all__ = ["depth_explorable", "ladder", "mask_painter", "trained_depths", "two_noises"]
