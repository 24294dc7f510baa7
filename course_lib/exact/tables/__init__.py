"""Finite worlds: distributions are arrays, expectations are sums, and nothing is approximate.

A joint of z and x is an array (n_z, n_x): z down the rows, x along the columns. q(z|x) and p(z|x)
have columns that sum to one, p(x|z) and q(x|z) rows that do. Everything is float64 and in nats;
0 log 0 is 0, and KL(p, q) is infinite where p has mass and q has none.
"""

from course_lib.exact.tables.game import gan_value, optimal_discriminator
from course_lib.exact.tables.joints import (
    KLTerms,
    conditionals,
    elbo,
    importance_bound,
    inference_joint,
    joint,
    kl_split_by_x,
    kl_split_by_z,
    marginals,
    mutual_information,
    rate,
    reconstruction,
)
from course_lib.exact.tables.probability import (
    SUM_TOLERANCE,
    conditional_kl,
    distribution,
    entropy,
    jsd,
    kl,
    pair,
    random,
)

__all__ = [
    "SUM_TOLERANCE",
    "KLTerms",
    "conditional_kl",
    "conditionals",
    "distribution",
    "elbo",
    "entropy",
    "gan_value",
    "importance_bound",
    "inference_joint",
    "joint",
    "jsd",
    "kl",
    "kl_split_by_x",
    "kl_split_by_z",
    "marginals",
    "mutual_information",
    "optimal_discriminator",
    "pair",
    "random",
    "rate",
    "reconstruction",
]
