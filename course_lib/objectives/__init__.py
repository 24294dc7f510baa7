"""The comparisons: what pulls q(z, x) and p(z, x) together, and how near they are."""

from course_lib.objectives.adversarial import (
    gradient_penalty,
    jsd_bound,
    non_saturating_loss,
    wasserstein_bound,
)
from course_lib.objectives.bounds import Elbo, elbo, importance_bound, sample_and_kl

__all__ = [
    "Elbo",
    "elbo",
    "gradient_penalty",
    "importance_bound",
    "jsd_bound",
    "non_saturating_loss",
    "sample_and_kl",
    "wasserstein_bound",
]
