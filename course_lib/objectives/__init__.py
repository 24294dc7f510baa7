"""The objectives: how close q(z, x) and p(z, x) are, and losses that bring them together."""

from course_lib.objectives.adversarial import (
    gradient_penalty,
    jsd_bound,
    kl_bound,
    non_saturating_loss,
    pearson_bound,
    r1_penalty,
    reverse_kl_bound,
    wasserstein_bound,
)
from course_lib.objectives.bounds import Elbo, elbo, importance_bound, sample_and_kl
from course_lib.objectives.critics import (
    Critic,
    JSDCritic,
    SaturatingJSDCritic,
    WassersteinCritic,
)
from course_lib.objectives.information import (
    RateTerms,
    free_bits,
    kl_per_dimension,
    log_aggregate_posterior,
    rate_terms,
)
from course_lib.objectives.mmd import median_width, mmd2
from course_lib.objectives.sequence_bounds import (
    filtering_bound,
    sequence_elbo,
    sequence_importance_bound,
)
from course_lib.objectives.variational_information import variational_information

__all__ = [
    "Critic",
    "Elbo",
    "JSDCritic",
    "RateTerms",
    "SaturatingJSDCritic",
    "WassersteinCritic",
    "elbo",
    "filtering_bound",
    "free_bits",
    "gradient_penalty",
    "importance_bound",
    "jsd_bound",
    "kl_bound",
    "kl_per_dimension",
    "log_aggregate_posterior",
    "median_width",
    "mmd2",
    "non_saturating_loss",
    "pearson_bound",
    "r1_penalty",
    "rate_terms",
    "reverse_kl_bound",
    "sample_and_kl",
    "sequence_elbo",
    "sequence_importance_bound",
    "variational_information",
    "wasserstein_bound",
]
