"""Checks of the problem set on the ELBO gap: one per exercise, of the same name."""

from course_lib.checks.elbo_gap.elbo import elbo
from course_lib.checks.elbo_gap.elbo_gap import elbo_gap
from course_lib.checks.elbo_gap.gaussian_kl import gaussian_kl
from course_lib.checks.elbo_gap.gaussian_log_prob import gaussian_log_prob
from course_lib.checks.elbo_gap.importance_bound import importance_bound
from course_lib.checks.elbo_gap.planar import planar
from course_lib.checks.elbo_gap.sample_gaussian import sample_gaussian

__all__ = [
    "elbo",
    "elbo_gap",
    "gaussian_kl",
    "gaussian_log_prob",
    "importance_bound",
    "planar",
    "sample_gaussian",
]
