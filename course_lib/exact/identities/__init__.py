"""The lecture's identities, each a function that executes both sides and returns a ``Residual``.

The numbers are those of the course: 1 (three worlds), 2 and 14 in ``bounds``; 3 to 8 in
``joints``; 12 and 13 in ``divergences``; 9 and 17 in ``transforms``.

Example:
    >>> likelihood_is_kl_plus_entropy([0.5, 0.5], [0.2, 0.8]).holds
    True
"""

from course_lib.exact.identities.bounds import (
    importance_bound_is_monotone,
    likelihood_is_kl_plus_entropy,
    log_prob_is_elbo_plus_gap,
    log_prob_is_elbo_plus_gap_linear_gaussian,
    log_prob_is_elbo_plus_gap_table,
)
from course_lib.exact.identities.divergences import (
    Fit,
    f_gan_bound_is_tight,
    gan_value_is_jsd,
    kl_and_jsd_vanish_together,
    misspecified_minimisers,
)
from course_lib.exact.identities.joints import (
    Solution,
    beta_vae_is_matching,
    elbo_is_joint_matching,
    independent_solution,
    info_vae_is_matching,
    info_vae_known_settings,
    information_preference,
    informative_solution,
    joint_kl_splits_by_x,
    joint_kl_splits_by_z,
    rate_is_information_plus_marginal_kl,
)
from course_lib.exact.identities.residual import Residual
from course_lib.exact.identities.transforms import (
    inverse_has_opposite_log_det,
    is_invertible_planar,
    log_det_matches_jacobian,
    planar_without_constraint,
    pull_back_mass,
)

__all__ = [
    "Fit",
    "Residual",
    "Solution",
    "beta_vae_is_matching",
    "elbo_is_joint_matching",
    "f_gan_bound_is_tight",
    "gan_value_is_jsd",
    "importance_bound_is_monotone",
    "independent_solution",
    "info_vae_is_matching",
    "info_vae_known_settings",
    "information_preference",
    "informative_solution",
    "inverse_has_opposite_log_det",
    "is_invertible_planar",
    "joint_kl_splits_by_x",
    "joint_kl_splits_by_z",
    "kl_and_jsd_vanish_together",
    "likelihood_is_kl_plus_entropy",
    "log_det_matches_jacobian",
    "log_prob_is_elbo_plus_gap",
    "log_prob_is_elbo_plus_gap_linear_gaussian",
    "log_prob_is_elbo_plus_gap_table",
    "misspecified_minimisers",
    "planar_without_constraint",
    "pull_back_mass",
    "rate_is_information_plus_marginal_kl",
]
