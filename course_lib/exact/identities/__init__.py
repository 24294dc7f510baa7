"""The lecture's identities, each a function that executes both sides and returns a ``Residual``.

The numbers in the docstrings are these (H is the entropy, p_d is p_data):

1. log p(x) = ELBO + KL(q(z|x), p(z|x)), in three worlds.
2. E[log p(x)] = -KL(p_d, p) - H(p_d).
3. E[ELBO] = -KL(q(z,x), p(z,x)) - H(p_d).
4. The KL of the joints splits with x first and with z first.
5. E KL(q(z|x), p(z)) = I_q(x;z) + KL(q(z), p(z)).
6. A z independent of x and a z equal to x reach the same maximum of the ELBO.
7. The beta-VAE matches joints and penalises information.
8. InfoVAE contains the ELBO, the beta-VAE and the adversarial autoencoder.
9. Change of variables: the log-determinant is the Jacobian's, and mass is kept.
10. An autoregressive prior is one more MAF layer on N(0, I), and an IAF posterior.
11. MAF and IAF are each other's inverse.
12. The GAN's value at D* is 2 JSD - log 4, and every f-divergence has such a game.
13. KL and JSD vanish together, and disagree where the family is misspecified.
14. The importance bound starts at the ELBO, never falls in k, and stays below log p(x).
15. A product of Gaussian experts is the normalised product; a missing one drops out.
16. The bound of a sequence is a sum over time, to which padding adds nothing.
17. A planar layer is invertible if and only if w.u >= -1.
18. Pixel i of a PixelCNN depends on all pixels before it, and on none at or after it.

In addition, the gap of InfoGAN's information bound is E KL(p(z|x), q(z|x)) (slide 17), and
the tie of slide 8's inference nets is least where q(z|x1) is the average of q(z|x1,x2), or, in
reverse, their geometric mean.

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
from course_lib.exact.identities.experts import (
    posterior_is_product_of_posteriors,
    product_of_experts,
    product_of_experts_is_normalised_product,
    reverse_tie_is_least_at_the_geometric_mean,
    tie_is_least_at_the_average,
)
from course_lib.exact.identities.flows import (
    autoregressive_gaussian,
    autoregressive_prior_is_a_layer,
    autoregressive_prior_is_an_inverse_posterior,
    maf_and_iaf_are_inverses,
)
from course_lib.exact.identities.information import information_is_bound_plus_gap
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
from course_lib.exact.identities.pixels import (
    pixels_follow_their_order,
    probabilities_of_all_images_sum_to_one,
)
from course_lib.exact.identities.residual import Residual
from course_lib.exact.identities.sequences import (
    padding_adds_nothing,
    random_filters,
    sequence_bound_is_sum_over_time,
)
from course_lib.exact.identities.transforms import (
    inverse_has_opposite_log_det,
    is_invertible_planar,
    log_det_matches_jacobian,
    planar_without_constraint,
    pull_back_mass,
    pushed_elbo_is_a_bound,
)

__all__ = [
    "Fit",
    "Residual",
    "Solution",
    "autoregressive_gaussian",
    "autoregressive_prior_is_a_layer",
    "autoregressive_prior_is_an_inverse_posterior",
    "beta_vae_is_matching",
    "elbo_is_joint_matching",
    "f_gan_bound_is_tight",
    "gan_value_is_jsd",
    "importance_bound_is_monotone",
    "independent_solution",
    "info_vae_is_matching",
    "info_vae_known_settings",
    "information_is_bound_plus_gap",
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
    "maf_and_iaf_are_inverses",
    "misspecified_minimisers",
    "padding_adds_nothing",
    "pixels_follow_their_order",
    "planar_without_constraint",
    "posterior_is_product_of_posteriors",
    "probabilities_of_all_images_sum_to_one",
    "product_of_experts",
    "product_of_experts_is_normalised_product",
    "pull_back_mass",
    "pushed_elbo_is_a_bound",
    "random_filters",
    "rate_is_information_plus_marginal_kl",
    "reverse_tie_is_least_at_the_geometric_mean",
    "sequence_bound_is_sum_over_time",
    "tie_is_least_at_the_average",
]
