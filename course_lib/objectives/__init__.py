"""The comparisons: what pulls q(z, x) and p(z, x) together, and how near they are."""

from course_lib.objectives.bounds import Elbo, elbo, importance_bound, sample_and_kl

__all__ = ["Elbo", "elbo", "importance_bound", "sample_and_kl"]
