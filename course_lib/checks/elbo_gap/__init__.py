"""Checks of the assignment on the ELBO gap: one function per exercise, of the same name."""

from course_lib.checks.elbo_gap.bound import elbo
from course_lib.checks.elbo_gap.density import gaussian_log_prob
from course_lib.checks.elbo_gap.divergence import gaussian_kl
from course_lib.checks.elbo_gap.flow import planar
from course_lib.checks.elbo_gap.gap import elbo_gap
from course_lib.checks.elbo_gap.importance import importance_bound
from course_lib.checks.elbo_gap.sampling import sample_gaussian

__all__ = [
    "elbo",
    "elbo_gap",
    "gaussian_kl",
    "gaussian_log_prob",
    "importance_bound",
    "planar",
    "sample_gaussian",
]
