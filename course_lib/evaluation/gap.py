"""The gap of the bound in two: what the family of q cannot do, and what the encoder does not.

The decoder is frozen and q(z|x) refitted for each x apart: what is left then is the family's
(approximation), what went away was the encoder's (amortisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_lib.distributions import rsample_and_log_prob
from course_lib.distributions.base import as_count
from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.evaluation.refitting import fit_posterior
from course_lib.randomness import fork_seed, seed_for

__all__ = ["GapTerms", "gap_terms"]


@dataclass(frozen=True)
class GapTerms:
    """log p(x) - L(x) and its two parts, each (n,) nats (slide 6).

    Attributes:
        total: log p(x) - L(x) with the encoder's q.
        approximation: log p(x) - L(x) with the q refitted to this x.
    """

    total: Tensor
    approximation: Tensor

    @property
    def amortisation(self) -> Tensor:
        """What refitting q gains, (n,) nats."""
        return self.total - self.approximation

    def __str__(self) -> str:
        parts = {name: getattr(self, name) for name in ("total", "approximation", "amortisation")}
        return ", ".join(
            f"{name} {value.mean():.3f} (median {value.median():.3f})"
            for name, value in parts.items()
        )


@in_evaluation_mode
def gap_terms(
    model: LatentVariableModel,
    x: Tensor,
    log_prob: Tensor,
    family: str = "Gaussian",
    *,
    samples: int = 2000,
    steps: int = 500,
    seed: int = 0,
) -> GapTerms:
    """Return the gap as approximation and amortisation, example by example (slides 6, 7).

    Args:
        model: anything with the bricks ``prior``, ``likelihood`` and ``posterior``.
        x: (n, *event) observations.
        log_prob: (n,) log p(x): exact, from ``quadrature_world`` or a linear-Gaussian world. With
            an importance bound in its place every part but the amortisation is a lower bound.
        family: the family that is refitted, one of ``FAMILIES``.
        samples: z drawn for each x to evaluate a bound.
        steps: steps of the refit.
        seed: decides the noise.

    Raises:
        ValueError: as ``fit_posterior``, or if ``log_prob`` is not one number for each x.
    """
    if log_prob.shape != (len(x),):
        raise ValueError(
            f"log_prob: expected shape ({len(x)},), one for each x, got {tuple(log_prob.shape)}"
        )
    best = fit_posterior(model, x, family, steps=steps, seed=seed)
    log_prob = log_prob.to(x.device).double()
    with torch.no_grad(), fork_seed(seed_for("gap_terms", seed), x.device):
        bounds = [_bound(model, q, x, samples) for q in (model.posterior(x), best)]
    return GapTerms(*(log_prob - bound for bound in bounds))


def _bound(model: LatentVariableModel, q: Distribution, x: Tensor, samples: int) -> Tensor:
    """Return the ELBO of q as the mean of log p(x, z) - log q(z): (n,).

    This form has no noise where q is the posterior; with the KL in closed form it would have.
    """
    total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for done in range(0, as_count(samples, "samples"), 100):  # in rounds: memory stays small
        z, log_q = rsample_and_log_prob(q, (min(100, samples - done),))
        log_joint = model.prior().log_prob(z) + model.likelihood(z).log_prob(x)
        total += (log_joint - log_q).double().sum(0)
    return total / samples
