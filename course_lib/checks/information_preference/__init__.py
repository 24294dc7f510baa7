"""Checks of the assignment on information preference: one function per exercise, named alike."""

from course_lib.checks.information_preference.beta_split import beta_split
from course_lib.checks.information_preference.free_bits import free_bits
from course_lib.checks.information_preference.info_vae_objective import info_vae_objective
from course_lib.checks.information_preference.infogan_bound import infogan_bound
from course_lib.checks.information_preference.mutual_information import mutual_information
from course_lib.checks.information_preference.shuffle_cost import shuffle_cost
from course_lib.checks.information_preference.valley import valley

__all__ = [
    "beta_split",
    "free_bits",
    "info_vae_objective",
    "infogan_bound",
    "mutual_information",
    "shuffle_cost",
    "valley",
]
