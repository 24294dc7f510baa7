"""The plain estimate of the ELBO for any q: the mean of log p(x, z) - log q(z)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_lib.arguments import as_count
from course_lib.distributions import rsample_and_log_prob
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.randomness import fork_seed, seed_for

__all__ = ["plain_elbo"]

AT_ONCE = 100  # draws of each x held in memory together


@in_evaluation_mode
@torch.no_grad()
def plain_elbo(
    model: LatentVariableModel, q: Distribution, x: Tensor, *, samples: int = 2000, seed: int = 0
) -> Tensor:
    r"""Return an unbiased estimate of the ELBO of q for each x (slide 6).

    .. math:: L(x) = E_q[\log p(x, z) - \log q(z|x)]

    The closer q is to the posterior, the less noise this form has, and it has none if q is the
    posterior, unlike the form with a closed-form KL. It is therefore used for evaluation.

    Args:
        model: anything with the bricks ``prior`` and ``likelihood``.
        q: a distribution of z, batch shape (n,).
        x: (n, *event) observations.
        samples: z drawn for each x.
        seed: decides the noise; the global random state is left as it was.

    Returns:
        (n,) nats, float64.
    """
    total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    with fork_seed(seed_for("plain ELBO", seed), x.device):
        for done in range(0, as_count(samples, "samples"), AT_ONCE):
            z, log_q = rsample_and_log_prob(q, (min(AT_ONCE, samples - done),))
            log_joint = model.prior().log_prob(z) + model.likelihood(z).log_prob(x)
            total += (log_joint - log_q).double().sum(0)
    return total / samples
