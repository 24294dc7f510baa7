"""Checks of the assignment on several modalities: one function per exercise, of the same name."""

from course_lib.checks.multimodal.conditional_bound import conditional_bound
from course_lib.checks.multimodal.gaussian_kl import gaussian_kl
from course_lib.checks.multimodal.gaussian_product import gaussian_product
from course_lib.checks.multimodal.moment_match import moment_match
from course_lib.checks.multimodal.semi_supervised_bound import semi_supervised_bound
from course_lib.checks.multimodal.tied_objective import tied_objective

__all__ = [
    "conditional_bound",
    "gaussian_kl",
    "gaussian_product",
    "moment_match",
    "semi_supervised_bound",
    "tied_objective",
]
