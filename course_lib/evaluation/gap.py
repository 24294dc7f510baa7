"""The gap of the bound, split into an approximation gap and an amortisation gap.

With q* the best member of a family for one x, log p(x) - L[q*] is the approximation gap, due to
the family, and L[q*] - L[q] is the amortisation gap, due to the encoder. Both are defined for any
x, seen in training or not. How much larger the amortisation gap is on unseen x is a separate
question: how well the encoder generalises.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Distribution

from course_lib.evaluation.interface import LatentVariableModel
from course_lib.evaluation.mode import in_evaluation_mode
from course_lib.evaluation.plain_elbo import plain_elbo
from course_lib.evaluation.refitting import fit_posterior
from course_lib.randomness import seed_for

__all__ = ["GapTerms", "gap_terms"]


@dataclass(frozen=True)
class GapTerms:
    """log p(x) - L(x) and its two parts, each (n,) nats (slide 6).

    Attributes:
        total: log p(x) - L[q] with the encoder's q.
        approximation: log p(x) - L[q*] with the q* fitted to this x.
        best: q*, batch shape (n,).
        converged: (n,) whether the bound had stopped rising when the fit ended; where it had not,
            the true approximation gap is smaller and the amortisation gap larger.
    """

    total: Tensor
    approximation: Tensor
    best: Distribution
    converged: Tensor

    @property
    def amortisation(self) -> Tensor:
        """The amortisation gap L[q*] - L[q], (n,) nats."""
        return self.total - self.approximation

    def __str__(self) -> str:
        parts = {name: getattr(self, name) for name in ("total", "approximation", "amortisation")}
        said = ", ".join(
            f"{name} {value.mean():.3f} (median {value.median():.3f})"
            for name, value in parts.items()
        )
        missing = int((~self.converged).sum())
        return said + f"; {missing} of {len(self.total)} fits NOT CONVERGED" * (missing > 0)


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
    """Return the approximation and amortisation gaps of each example (slides 6, 7).

    Args:
        model: anything with the bricks ``prior``, ``likelihood`` and ``posterior``.
        x: (n, *event) observations.
        log_prob: (n,) exact log p(x), from ``quadrature_world`` or a linear-Gaussian world. If it
            is an importance bound, all parts except the amortisation gap are lower bounds.
        family: the family that is refitted, one of ``FAMILIES``.
        samples: z drawn for each x to evaluate a bound.
        steps: steps of one round of ``fit_posterior``, which adds rounds where they are needed.
        seed: decides the noise.

    Raises:
        ValueError: as ``fit_posterior``, or if ``log_prob`` is not one number for each x.
    """
    if log_prob.shape != (len(x),):
        raise ValueError(
            f"log_prob: expected shape ({len(x)},), one for each x, got {tuple(log_prob.shape)}"
        )
    best, converged = fit_posterior(model, x, family, steps=steps, seed=seed)
    noise, log_prob = seed_for("gap_terms", seed), log_prob.to(x.device).double()
    total, approximation = (
        log_prob - plain_elbo(model, q, x, samples=samples, seed=noise)
        for q in (model.posterior(x), best)
    )
    return GapTerms(total, approximation, best, converged)
