"""Worlds in which every quantity of the lecture is known, and its identities as functions.

``tables`` are finite joints, ``linear_gaussian`` has closed forms, ``kalman`` has them over time,
``filtering`` says what not seeing the future costs there, ``grid`` integrates a latent of one or
two dimensions for any likelihood, ``two_peaks`` is the world of lecture 1 on such a grid,
``f_divergence`` compares two tables by a critic, ``receptive_field`` counts what stacks of masked
convolutions see. ``identities`` executes the lecture's equations in these worlds. Everything is
float64.

Example:
    >>> p_zx = tables.random((3, 4), seed=0)
    >>> q_z_given_x = tables.random((3, 4), seed=1, normalise="z")
    >>> identities.log_prob_is_elbo_plus_gap_table(p_zx, q_z_given_x).holds
    True
"""

from course_lib.exact import (
    f_divergence,
    filtering,
    grid,
    identities,
    kalman,
    linear_gaussian,
    receptive_field,
    tables,
    two_peaks,
)

__all__ = [
    "f_divergence",
    "filtering",
    "grid",
    "identities",
    "kalman",
    "linear_gaussian",
    "receptive_field",
    "tables",
    "two_peaks",
]
