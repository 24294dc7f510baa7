"""Invertible maps that return their log-determinant in the same pass (slides 5 and 6)."""

from course_lib.distributions.transforms.affine import AffineAutoregressive
from course_lib.distributions.transforms.affine_pixels import AffinePixels
from course_lib.distributions.transforms.base import Inverse, Reshape, Transform
from course_lib.distributions.transforms.coupling import Coupling, checkerboard, halves
from course_lib.distributions.transforms.elementwise import ElementwiseAffine, ElementwiseSigmoidal
from course_lib.distributions.transforms.neural import NeuralAutoregressive
from course_lib.distributions.transforms.pixels import Logit
from course_lib.distributions.transforms.planar import Planar, constrain_planar, planar

__all__ = [
    "AffineAutoregressive",
    "AffinePixels",
    "Coupling",
    "ElementwiseAffine",
    "ElementwiseSigmoidal",
    "Inverse",
    "Logit",
    "NeuralAutoregressive",
    "Planar",
    "Reshape",
    "Transform",
    "checkerboard",
    "constrain_planar",
    "halves",
    "planar",
]
