"""Invertible maps that return their log-determinant in the same pass (slides 5 and 6)."""

from course_lib.distributions.transforms.affine import AffineAutoregressive
from course_lib.distributions.transforms.base import Inverse, Transform
from course_lib.distributions.transforms.planar import Planar, constrain_planar, planar

__all__ = ["AffineAutoregressive", "Inverse", "Planar", "Transform", "constrain_planar", "planar"]
