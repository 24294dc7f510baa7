"""What a recogniser can know about the code of a sample: InfoGAN's bound, on tables (slide 17)."""

from __future__ import annotations

from typing import Any

from course_lib.exact import tables
from course_lib.exact.arrays import check_shape, expectation
from course_lib.exact.identities.residual import CLOSED_FORM, Residual, between

__all__ = ["information_is_bound_plus_gap"]


def information_is_bound_plus_gap(p_zx: Any, q_z_given_x: Any) -> Residual:
    """Execute I_p(x;z) = H(z) + E_p[log q(z|x)] + E_p(x) KL(p(z|x), q(z|x)) (slide 17).

    The first two terms are InfoGAN's lower bound; they need samples of p(z, x) and a recogniser
    q(z|x), and the KL that is missing is the recogniser's error. I_p is the information of the
    generative joint p(z) p(x|z), not that of p_data(x) q(z|x), which InfoVAE rewards.

    Args:
        p_zx: (n_z, n_x) the generative joint.
        q_z_given_x: (n_z, n_x) any recogniser.

    Paper: Chen et al. (2016), InfoGAN, arXiv:1606.03657.
    """
    p_zx = tables.distribution(p_zx, "p_zx")
    q = tables.distribution(q_z_given_x, "q_z_given_x", "z")
    check_shape(q, tuple(p_zx.shape), "q_z_given_x")
    p_z, p_x = tables.marginals(p_zx)
    bound = tables.entropy(p_z) + expectation(p_zx, q.log())
    gap = expectation(p_x, tables.conditional_kl(tables.conditionals(p_zx)[0], q))
    name = "I_p(x;z) = H(z) + E_p[log q(z|x)] + E KL(p(z|x), q(z|x))"
    return between(name, tables.mutual_information(p_zx), bound + gap, CLOSED_FORM)
