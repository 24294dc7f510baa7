"""How much z tells about x: the two parts of the KL, active units, the cost of a wrong z."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.arguments import as_count
from course_lib.evaluation.held_out import Estimate, mean_and_error
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.objectives.information import rate_terms
from course_lib.progress import say_if_unfinished
from course_lib.randomness import fork_seed

__all__ = ["InformationTerms", "active_units", "information_terms", "latent_shuffle_cost"]


@dataclass(frozen=True)
class InformationTerms:
    """E KL(q(z|x), p(z)) = I_q(x; z) + KL(q(z), p(z)) over n examples, in nats (slide 15).

    Attributes:
        rate: the averaged KL and its standard error.
        information: I_q(x; z), at most log n.
        marginal_kl: KL(q(z), p(z)) of the aggregate q(z) = 1/n sum_i q(z|x_i).
        n: how many examples q(z) has.
    """

    rate: Estimate
    information: Estimate
    marginal_kl: Estimate
    n: int

    def __str__(self) -> str:
        return (
            f"averaged KL {self.rate}\n  = I_q {self.information} (at most log {self.n} ="
            f" {math.log(self.n):.2f}) + KL(q(z), p(z)) {self.marginal_kl} nats"
        )


@in_evaluation_mode
@torch.no_grad()
def information_terms(
    model: LatentVariableModel, x: Tensor, *, samples: int = 1, seed: int = 0
) -> InformationTerms:
    r"""Return the averaged KL as information and marginal KL, over all of x (slides 15, 16).

    .. math:: \frac1n \sum_i KL(q(z|x_i), p(z)) = I_q(x; z) + KL(q(z), p(z))

    q(z) is the mixture of all n posteriors, not of a batch: an estimate from a batch of B can
    never exceed log B, whatever z knows. The terms come from the same draws, so that the identity
    holds in the estimates too.

    Args:
        model: anything with the bricks ``prior`` and ``posterior``.
        x: (n, *event) the examples whose posteriors make q(z).
        samples: z drawn from each posterior.
        seed: decides the noise; the global random state is left as it was.

    Raises:
        ValueError: if ``x`` is empty, or ``samples`` is not positive.

    Paper: Hoffman, Johnson (2016), ELBO surgery, NeurIPS workshop on approximate inference.
    """
    if len(x) == 0:
        raise ValueError("x: expected at least one example, got none")
    say_if_unfinished(model)
    with fork_seed(seed, x.device):
        parts = rate_terms(model.posterior(x), model.prior(), samples)
    return InformationTerms(*(mean_and_error(part) for part in parts), len(x))


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """Return how many dimensions of z have a mean that varies with x.

    A unit is active where the variance over examples of E_q[z_j] exceeds the threshold. It says
    that the encoder uses a unit, not that the unit carries much: report I_q as well.

    Args:
        means: (n, z_dim) means of q(z|x), n > 1.
        threshold: the variance that counts.

    Raises:
        ValueError: if ``means`` is not finite (n, z_dim), n > 1, or the threshold is negative.

    Example:
        >>> active_units(torch.tensor([[0.0, 1.0], [0.0, -1.0], [0.001, 0.0]]))
        1

    Paper: Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519.
    """
    if means.dim() != 2 or len(means) < 2 or not torch.isfinite(means).all():
        raise ValueError(
            f"means: expected finite (n, z_dim) with n > 1, got shape {tuple(means.shape)}"
        )
    if not threshold >= 0:
        raise ValueError(f"threshold: expected a number >= 0, got {threshold!r}")
    return int((means.double().var(0) > threshold).sum())


@in_evaluation_mode
@torch.no_grad()
def latent_shuffle_cost(
    model: LatentVariableModel, x: Tensor, *, samples: int = 1, seed: int = 0
) -> Tensor:
    r"""Return the cost of decoding x from another example's z (slide 16).

    .. math:: E_{q(z|x)}[\log p(x|z)] - E_{q(z|x')}[\log p(x|z)], \qquad x' \ne x

    It is zero if the decoder ignores z.

    Args:
        model: anything with the bricks ``likelihood`` and ``posterior``.
        x: (n, *event) observations, n > 1; no example gets its own z.
        samples: z drawn from each posterior.
        seed: determines z and the permutation of the examples.

    Returns:
        (n,) nats.

    Raises:
        ValueError: if there is no other example, or ``samples`` is not positive.
    """
    if len(x) < 2:
        raise ValueError(f"x: expected two examples or more, got {len(x)}")
    say_if_unfinished(model)
    with fork_seed(seed, x.device):
        z = model.posterior(x).sample((as_count(samples, "samples"),))
        circle = torch.randperm(len(x), device=x.device)
    other = torch.empty_like(z)
    other[:, circle] = z[:, circle.roll(1)]
    cost = model.likelihood(z).log_prob(x) - model.likelihood(other).log_prob(x)
    return cost.mean(0)
