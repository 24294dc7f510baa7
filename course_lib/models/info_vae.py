"""InfoVAE: the ELBO with free weights on the information and on q(z) (slides 15 to 18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib import objectives
from course_lib.distributions import Brick
from course_lib.models.adversarial_autoencoder import AdversarialAutoencoder
from course_lib.objectives.critics import Critic

__all__ = ["InfoVAE"]

DIVERGENCES = ("mmd", "kl", "jsd")
PRIOR_DRAWS = 4
"""Draws of p(z) for each z, in the MMD: they cost little, and its noise is what a large weight
pays for."""


class InfoVAE(AdversarialAutoencoder):
    r"""A VAE in which alpha rewards information in z and lambda matches q(z) to p(z) (slide 17).

    .. math:: \alpha I_q(x;z) - \lambda KL(q(z), p(z)) - E_{q(z)} KL(q(x|z), p(x|z)) - H(p_d) =
              E_q[\log p(x|z)] - (1-\alpha)\, KL(q(z|x), p(z)) - (\alpha+\lambda-1)\, KL(q(z), p(z))

    Training maximises the right-hand side, its last divergence estimated from samples. With
    (alpha, lambda) = (0, 1) it is the ELBO, with (1 - beta, beta) the beta-VAE, with (1, lambda)
    the original adversarial autoencoder or, by "mmd", the Wasserstein autoencoder.

    Args:
        prior: the brick p(z).
        likelihood: the brick p(x|z).
        posterior: the brick q(z|x).
        alpha: weight of the information, at most 1; negative values penalise it.
        lambda_: weight of KL(q(z), p(z)), at least 1 - alpha.
        divergence: ``"mmd"``: the unbiased MMD^2 of ``objectives.mmd2``, which is not a KL and has
            no unit, so that its weight must be found; ``"kl"``: that of
            ``objectives.rate_terms`` on the batch, too large on average by the information that a
            batch of B cannot show, which is above log B; ``"jsd"``: a game with a
            critic, as in ``AdversarialAutoencoder``.
        critic: the critic of "jsd"; None for the others.
        critic_turns: how many updates the critic gets per step.
        options: ``warm_up`` and ``input_noise``, as in ``VAE``.

    Raises:
        ValueError: if the weights are out of range, the divergence is unknown, a critic is missing
            or given but not used, or the bricks do not fit.

    Example:
        >>> model = InfoVAE.build(x_shape=6, z_dim=2, hidden=(16,), alpha=-2.0, lambda_=3.0)
        >>> model.kl_weight, model.weight  # a beta-VAE with beta = 3
        (3.0, 0.0)

    Paper: Zhao, Song, Ermon (2019), InfoVAE, arXiv:1706.02262.
    """

    def __init__(
        self,
        prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        critic: Critic | None = None,
        *,
        alpha: float = 0.0,
        lambda_: float = 100.0,
        divergence: str = "mmd",
        critic_turns: int = 1,
        **options: float,
    ) -> None:
        _check_weights(alpha, lambda_)
        _check_divergence(divergence, critic)
        super().__init__(
            prior,
            likelihood,
            posterior,
            critic,
            weight=max(0.0, round(alpha + lambda_ - 1, 12)),  # rounding may leave -1e-16
            kl_weight=1 - alpha,
            critic_turns=critic_turns,
            **options,
        )
        self.alpha, self.lambda_, self.divergence_kind = alpha, lambda_, divergence

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        *,
        divergence: str = "mmd",
        **options: Any,
    ) -> Self:
        """Return a model from plain sizes, with a critic if the divergence is ``"jsd"``.

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            z_dim: the number of latent dimensions.
            hidden: widths of the encoder's hidden layers; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x.
            divergence: ``"mmd"``, ``"kl"`` or ``"jsd"``.
            options: passed on to the constructor; also ``critic_hidden`` with ``"jsd"``.

        Raises:
            ValueError: if a size is not a positive integer, or a name is unknown.
        """
        # without a critic the next class in line is the plain VAE
        above = super() if divergence == "jsd" else super(AdversarialAutoencoder, cls)
        return above.build(x_shape, z_dim, hidden, likelihood, divergence=divergence, **options)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of the model and, with ``"jsd"``, of the critic."""
        if self.critic is None:
            return {"model": list(self.parameters())}
        return super().players()

    def divergence(self, q: Distribution) -> Tensor:
        """Return the estimate of the divergence of q(z) from p(z) on one batch: ()."""
        if self.divergence_kind == "kl":
            return objectives.rate_terms(q, self.prior()).marginal_kl.mean()
        if self.divergence_kind == "mmd":
            z = q.rsample()
            if len(z) < 2:
                raise ValueError("x: expected two examples or more for the MMD, got a batch of one")
            return objectives.mmd2(z, self.prior().sample((PRIOR_DRAWS * len(z),)))
        return super().divergence(q)


def _check_weights(alpha: float, lambda_: float) -> None:
    if not alpha <= 1:
        raise ValueError(f"alpha: expected at most 1, so that no rate is rewarded, got {alpha!r}")
    if not max(0.0, 1 - alpha) - 1e-9 <= lambda_ < float("inf"):
        raise ValueError(
            f"lambda_: expected at least 1 - alpha = {1 - alpha:g}, so that q(z) is not pushed"
            f" from p(z), got {lambda_!r}"
        )


def _check_divergence(divergence: str, critic: Critic | None) -> None:
    if divergence not in DIVERGENCES:
        raise ValueError(
            f"divergence: expected one of {', '.join(DIVERGENCES)}, got {divergence!r}"
        )
    if (critic is not None) != (divergence == "jsd"):
        raise ValueError(
            f'critic: expected one for "jsd" and none otherwise, got {critic!r} for {divergence!r}'
        )
