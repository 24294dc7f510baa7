"""The figures of lecture 1, the ELBO gap (slides 3, 6 and 7): one explorable and still pictures."""

from course_lib.figures.elbo_gap.bound_in_k import bound_in_k
from course_lib.figures.elbo_gap.gap_by_hand import explorable
from course_lib.figures.elbo_gap.gaps import approximation, encoders
from course_lib.figures.elbo_gap.latent_plane import latent_plane
from course_lib.figures.elbo_gap.mixture import mixture, posterior

__all__ = [
    "approximation",
    "bound_in_k",
    "encoders",
    "explorable",
    "latent_plane",
    "mixture",
    "posterior",
]
